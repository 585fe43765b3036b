//! Which hosts belong together: those below one domain that somebody can register (Public Suffix List, publicsuffix.org).

use std::net::{Ipv4Addr, Ipv6Addr};

use psl::Psl as _;
use url::{Host, Url};

/// Whether two URLs are of one owner, as far as their names say. An address is of one owner with itself alone, and this
/// machine is called `localhost` as well.
pub(crate) fn same_site(one: &Url, other: &Url) -> bool {
    if is_localhost(one) && is_localhost(other) {
        return true;
    }
    match (one.host(), other.host()) {
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => one == other || one_owner(one, other),
        (one, other) => one.is_some() && one == other,
    }
}

fn is_localhost(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// Below a suffix that is on the list: the same domain was registered, `docker.io` of `auth.docker.io`. Below any other
/// (`lan`, `corp`, `cluster.local`) nobody knows at which label one owner ends and the next begins, and only what lies
/// below a name is of that name's owner, as `registry.gitlab.corp` is of `gitlab.corp`'s.
fn one_owner(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_end_matches('.'), other.trim_end_matches('.'));
    match (registered(one), registered(other)) {
        (Suffix::Listed(one), Suffix::Listed(other)) => one.is_some() && one == other,
        (Suffix::Unlisted, Suffix::Unlisted) => lies_below(one, other) || lies_below(other, one),
        _ => false,
    }
}

fn lies_below(name: &str, above: &str) -> bool {
    above.contains('.') && name.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'))
}

enum Suffix<'a> {
    /// With the domain that was registered below it, unless the name is the suffix.
    Listed(Option<&'a [u8]>),
    Unlisted,
}

fn registered(name: &str) -> Suffix<'_> {
    let suffix = psl::List.suffix(name.as_bytes());
    if suffix.is_some_and(|suffix| suffix.is_known()) {
        Suffix::Listed(psl::List.domain(name.as_bytes()).map(|domain| domain.as_bytes()))
    } else {
        Suffix::Unlisted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_has_one_domain() {
        for (one, other, expected) in [
            ("https://registry-1.docker.io/", "https://auth.docker.io/token", true),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth", true),
            ("https://registry.example.co.uk/", "https://gitlab.example.co.uk/", true),
            ("https://ghcr.io/", "https://ghcr.io:444/token", true),
            ("http://registry:5000/", "http://registry:5001/", true),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/", true),
            ("https://registry.example.co.uk/", "https://evil.co.uk/", false),
            ("https://ghcr.io/", "https://evil.io/", false),
            (
                "https://registry.example/",
                "https://registry.example.evil.test/",
                false,
            ),
            ("https://one.github.io/", "https://other.github.io/", false),
            ("http://registry:5000/", "http://other:5000/", false),
            ("https://registry.gitlab.corp/", "https://gitlab.corp/jwt/auth", true),
            ("https://registry.gitlab.corp/", "https://evil.corp/jwt/auth", false),
            ("https://registrygitlab.corp/", "https://gitlab.corp/jwt/auth", false),
            ("https://registry.corp/", "https://corp/", false),
            ("https://one.github.io/", "https://github.io/", false),
            ("http://registry.team-a.lan/", "http://tokens.team-a.lan/", false),
            (
                "http://registry.a.cluster.local/",
                "http://evil.b.cluster.local/",
                false,
            ),
            (
                "http://registry.cluster.local/",
                "http://registry.cluster.local:5001/",
                true,
            ),
            ("http://127.0.0.1:5000/", "http://127.0.0.2:5000/", false),
            ("http://127.0.0.1:5000/", "http://localhost:5001/", true),
            ("http://[::1]:5000/", "http://localhost:5001/", true),
            ("http://127.0.0.2:5000/", "http://localhost:5000/", false),
            ("http://127.0.0.1:5000/", "http://localhost.evil.test:5000/", false),
        ] {
            let parse = |text| Url::parse(text).unwrap();
            assert_eq!(same_site(&parse(one), &parse(other)), expected, "{one} {other}");
        }
    }
}
