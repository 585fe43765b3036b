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
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => {
            one == other || registrable(one).is_some_and(|domain| registrable(other) == Some(domain))
        }
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

/// The domain that was registered: `docker.io` of `auth.docker.io`. Nothing of a name with one label.
fn registrable(name: &str) -> Option<&[u8]> {
    let name = name.strip_suffix('.').unwrap_or(name);
    psl::List.domain(name.as_bytes()).map(|domain| domain.as_bytes())
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
