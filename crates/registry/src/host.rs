//! Where a registry is spoken to: which scheme, which base URL, and which mirrors are read in its stead.

use std::collections::BTreeMap;
use std::net::IpAddr;

pub(crate) use countersign_image::address::Nature;
use countersign_image::address::nature_of;
use url::{Host, Url};

use crate::config::{ClientConfig, ConfigError};
use crate::trouble::Trouble;

/// One server that speaks the distribution protocol, for all repositories of one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Scheme, host and port; the path is `/`.
    root: Url,
    /// What a mirror puts between `/v2/` and the repository's path; empty or ending in `/`.
    prefix: String,
    /// The registry that a mirror stands for, told to it as containerd does.
    stands_for: Option<String>,
    /// The name under which credentials are looked up: the registry's own, not that of the server behind it.
    credential_host: String,
}

impl Endpoint {
    /// `host` or `host:port`: what limits, breakers, tokens and abilities are kept by.
    pub(crate) fn authority(&self) -> &str {
        self.root.authority()
    }

    pub(crate) fn credential_host(&self) -> &str {
        &self.credential_host
    }

    pub(crate) fn root(&self) -> &Url {
        &self.root
    }

    pub(crate) fn is_mirror(&self) -> bool {
        self.stands_for.is_some()
    }

    /// The repository's path as this server knows it.
    pub(crate) fn path_of(&self, repository_path: &str) -> String {
        format!("{}{repository_path}", self.prefix)
    }

    /// The URL of something in a repository: `tail` is `manifests/<reference>`, `blobs/<digest>` and so on.
    pub(crate) fn url(&self, repository_path: &str, tail: &str) -> Url {
        let mut url = self.root.clone();
        url.set_path(&format!("/v2/{}{repository_path}/{tail}", self.prefix));
        if let Some(registry) = &self.stands_for {
            url.query_pairs_mut().append_pair("ns", registry);
        }
        url
    }
}

/// Every registry's endpoints, as configured.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    plain: Vec<HostPattern>,
    mirrors: BTreeMap<String, Vec<Endpoint>>,
}

impl Hosts {
    pub(crate) fn new(config: &ClientConfig) -> Result<Self, ConfigError> {
        let plain: Vec<_> = config
            .plain_http
            .iter()
            .map(|text| HostPattern::parse(text))
            .collect::<Result<_, _>>()?;
        let mut hosts = Self {
            plain,
            mirrors: BTreeMap::new(),
        };
        for (host, urls) in &config.mirrors {
            let refused = |url: &str, detail: &str| ConfigError::Mirror {
                host: host.clone(),
                url: url.to_owned(),
                detail: detail.to_owned(),
            };
            let endpoints = urls
                .iter()
                .map(|url| hosts.mirror(host, url).map_err(|detail| refused(url, detail)))
                .collect::<Result<_, _>>()?;
            hosts.mirrors.insert(canonical(host), endpoints);
        }
        Ok(hosts)
    }

    /// What is read before the registry itself, in order.
    pub(crate) fn mirrors(&self, host: &str) -> &[Endpoint] {
        self.mirrors.get(&canonical(host)).map_or(&[], Vec::as_slice)
    }

    /// The registry itself.
    pub(crate) fn origin(&self, host: &str) -> Result<Endpoint, Trouble> {
        let name = canonical(host);
        let server = if name == "docker.io" {
            "registry-1.docker.io"
        } else {
            name.as_str()
        };
        let unusable = || Trouble::Unreachable {
            detail: format!("`{host}` is not the name of a host"),
        };
        let https = Url::parse(&format!("https://{server}/")).map_err(|_| unusable())?;
        let root = if self.speaks_plainly(&https) {
            Url::parse(&format!("http://{server}/")).map_err(|_| unusable())?
        } else {
            https
        };
        // A workload's author writes the names of images, and no registry is where a cloud keeps the keys of its machines.
        if nature(&root) == Nature::Link && !self.plain.iter().any(|pattern| pattern.matches(&root)) {
            return Err(Trouble::Unreachable {
                detail: format!("`{host}` is an address of this machine's link, where no registry is looked for"),
            });
        }
        Ok(Endpoint {
            root,
            prefix: String::new(),
            stands_for: None,
            credential_host: name,
        })
    }

    /// Whether a server is spoken to without TLS: on this machine, and where the configuration says so.
    pub(crate) fn speaks_plainly(&self, url: &Url) -> bool {
        nature(url) == Nature::Loopback || self.plain.iter().any(|pattern| pattern.matches(url))
    }

    fn mirror(&self, host: &str, written: &str) -> Result<Endpoint, &'static str> {
        let url = Url::parse(written).map_err(|_| "it is not a URL")?;
        if url.host().is_none() || url.query().is_some() || url.fragment().is_some() {
            return Err("expected `https://host/path`");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("credentials belong into the docker configuration");
        }
        match url.scheme() {
            "https" => {}
            "http" if self.speaks_plainly(&url) => {}
            "http" => return Err("a host that is spoken to without TLS has to be named as such"),
            _ => return Err("the scheme is neither `https` nor `http`"),
        }
        let path = url.path().trim_matches('/');
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let mut root = url.clone();
        root.set_path("/");
        let credential_host = root.authority().to_owned();
        Ok(Endpoint {
            root,
            prefix,
            stands_for: Some(canonical(host)),
            credential_host,
        })
    }
}

/// Docker Hub has three names; everything is kept under one.
pub(crate) fn canonical(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        _ => host,
    }
}

/// A host, a host with its port, or everything below a domain.
#[derive(Clone, Debug)]
enum HostPattern {
    Host(String),
    Authority(String),
    Below(String),
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let refused = || ConfigError::HostPattern {
            pattern: text.to_owned(),
        };
        let (below, host) = text.strip_prefix("*.").map_or((false, text), |domain| (true, domain));
        let url = Url::parse(&format!("http://{host}/")).map_err(|_| refused())?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty() && !host.ends_with('/');
        if !is_bare || host.contains('*') {
            return Err(refused());
        }
        let lower = host.to_ascii_lowercase();
        let has_port = !lower.ends_with(']') && lower.rsplit_once(':').is_some();
        match (below, has_port) {
            (true, true) => Err(refused()),
            (true, false) => Ok(Self::Below(format!(".{lower}"))),
            (false, true) => Ok(Self::Authority(lower)),
            (false, false) => Ok(Self::Host(lower)),
        }
    }

    fn matches(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        match self {
            Self::Host(name) => name == host,
            Self::Authority(name) => match url.port_or_known_default() {
                Some(port) => *name == format!("{host}:{port}") || *name == url.authority(),
                None => false,
            },
            Self::Below(domain) => host.ends_with(domain),
        }
    }
}

pub(crate) fn nature(url: &Url) -> Nature {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
            if is_local { Nature::Loopback } else { Nature::Open }
        }
        Some(Host::Ipv4(address)) => nature_of(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => nature_of(IpAddr::V6(address)),
        None => Nature::Link,
    }
}

/// Why one server's word does not lead us to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongWay {
    #[error("it is not an http or https URL")]
    Scheme,
    #[error("it leads from https to http")]
    Downgrade,
    #[error("it holds a user or password")]
    UserInfo,
    #[error("it leads to an address of this machine, its link or a private network")]
    Inward,
}

/// Whether a URL out of `from`'s answer (a realm, a redirect, an upload's location) may be followed at all.
///
/// A registry on the internet must not make us call what only we can reach: the metadata service of a cloud, a
/// neighbour on the cluster's network, a port of our own. What a registry on a private address names on the same kind of
/// address is as reachable as it is itself.
pub(crate) fn may_lead(from: &Url, to: &Url) -> Result<(), WrongWay> {
    if !matches!(to.scheme(), "http" | "https") || to.host().is_none() {
        return Err(WrongWay::Scheme);
    }
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(WrongWay::Downgrade);
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(WrongWay::UserInfo);
    }
    let there = nature(to);
    if there == Nature::Open || from.host() == to.host() || nature(from) == there {
        Ok(())
    } else {
        Err(WrongWay::Inward)
    }
}

/// Whether two URLs are on the same server: scheme, host and port.
pub(crate) fn same_server(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn hosts(plain: &[&str], mirrors: &[(&str, &str)]) -> Result<Hosts, ConfigError> {
        let mut config = ClientConfig {
            plain_http: plain.iter().map(ToString::to_string).collect(),
            ..ClientConfig::default()
        };
        for (host, url) in mirrors {
            config
                .mirrors
                .entry((*host).to_owned())
                .or_default()
                .push((*url).to_owned());
        }
        Hosts::new(&config)
    }

    #[test]
    fn plain_http_is_for_this_machine_and_where_configured() {
        let hosts = hosts(
            &[
                "plain.example",
                "ported.example:5000",
                "*.dev.example",
                "[fd00::1]:5000",
            ],
            &[],
        )
        .unwrap();
        for (host, expected) in [
            ("docker.io", "https://registry-1.docker.io/v2/a/b/blobs/x"),
            ("index.docker.io", "https://registry-1.docker.io/v2/a/b/blobs/x"),
            ("ghcr.io", "https://ghcr.io/v2/a/b/blobs/x"),
            ("localhost", "http://localhost/v2/a/b/blobs/x"),
            ("localhost:5000", "http://localhost:5000/v2/a/b/blobs/x"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000/v2/a/b/blobs/x"),
            ("127.8.9.10", "http://127.8.9.10/v2/a/b/blobs/x"),
            ("[::1]:5000", "http://[::1]:5000/v2/a/b/blobs/x"),
            (
                "localhost.example:5000",
                "https://localhost.example:5000/v2/a/b/blobs/x",
            ),
            ("127.0.0.1.example", "https://127.0.0.1.example/v2/a/b/blobs/x"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000/v2/a/b/blobs/x"),
            ("plain.example", "http://plain.example/v2/a/b/blobs/x"),
            ("plain.example:8080", "http://plain.example:8080/v2/a/b/blobs/x"),
            ("very.plain.example", "https://very.plain.example/v2/a/b/blobs/x"),
            ("ported.example:5000", "http://ported.example:5000/v2/a/b/blobs/x"),
            ("ported.example:5001", "https://ported.example:5001/v2/a/b/blobs/x"),
            ("one.dev.example", "http://one.dev.example/v2/a/b/blobs/x"),
            ("dev.example", "https://dev.example/v2/a/b/blobs/x"),
            ("evildev.example", "https://evildev.example/v2/a/b/blobs/x"),
            ("[fd00::1]:5000", "http://[fd00::1]:5000/v2/a/b/blobs/x"),
        ] {
            let endpoint = hosts.origin(host).unwrap();
            assert_eq!(endpoint.url("a/b", "blobs/x").as_str(), expected, "{host}");
        }
    }

    #[test]
    fn no_image_is_asked_for_at_an_address_of_the_link() {
        let none = hosts(&[], &[]).unwrap();
        for host in [
            "169.254.169.254",
            "169.254.169.254:80",
            "169.254.0.1:443",
            "[fe80::1]:5000",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "0xa9fea9fe",
            "2852039166:443",
            "0xa9.0xfe.0xa9.0xfe",
            "255.255.255.255",
            "224.0.0.1:5000",
        ] {
            let refused = none.origin(host);
            assert!(
                matches!(&refused, Err(Trouble::Unreachable { detail }) if detail.contains("link")),
                "{host}: {refused:?}"
            );
        }
        let named = hosts(&["169.254.25.10:5000"], &[]).unwrap();
        assert!(named.origin("169.254.25.10:5000").is_ok(), "who configures it means it");
        assert!(named.origin("169.254.25.10:80").is_err());
    }

    #[test]
    fn a_mirror_is_read_first_and_told_whom_it_stands_for() {
        let hosts = hosts(
            &[],
            &[
                ("docker.io", "https://mirror.example/hub/"),
                ("docker.io", "http://localhost:1"),
            ],
        )
        .unwrap();
        let urls: Vec<_> = hosts
            .mirrors("index.docker.io")
            .iter()
            .map(|endpoint| endpoint.url("library/nginx", "manifests/1").to_string())
            .collect();
        assert_eq!(
            urls,
            [
                "https://mirror.example/v2/hub/library/nginx/manifests/1?ns=docker.io",
                "http://localhost:1/v2/library/nginx/manifests/1?ns=docker.io",
            ]
        );
        assert_eq!(hosts.mirrors("ghcr.io"), []);
    }

    #[test]
    fn a_configuration_that_says_nothing_usable_is_refused() {
        for pattern in ["", "*", "*.*.example", "a/b", "user@host", "*.a:1", "http://a", "a?b"] {
            assert!(
                matches!(hosts(&[pattern], &[]), Err(ConfigError::HostPattern { .. })),
                "{pattern}"
            );
        }
        for mirror in [
            "mirror.example",
            "http://mirror.example",
            "ftp://a",
            "https://u:p@a",
            "https://a?b",
            "https://a#b",
        ] {
            assert!(
                matches!(hosts(&[], &[("a", mirror)]), Err(ConfigError::Mirror { .. })),
                "{mirror}"
            );
        }
        assert!(hosts(&["mirror.example"], &[("a", "http://mirror.example")]).is_ok());
    }

    #[test]
    fn nobody_leads_us_inward() {
        use WrongWay::{Downgrade, Inward, Scheme, UserInfo};
        for (from, to, expected) in [
            ("https://a.example", "https://b.example/x", Ok(())),
            ("https://a.example", "http://b.example/x", Err(Downgrade)),
            ("http://a.example", "http://b.example/x", Ok(())),
            ("https://a.example", "ftp://b.example", Err(Scheme)),
            ("https://a.example", "https://u@b.example", Err(UserInfo)),
            ("https://a.example", "https://169.254.169.254/latest", Err(Inward)),
            ("https://a.example", "https://[::ffff:169.254.169.254]/", Err(Inward)),
            ("https://a.example", "https://[64:ff9b::a9fe:a9fe]/", Err(Inward)),
            ("https://a.example", "https://[2002:a9fe:a9fe::]/", Err(Inward)),
            ("https://a.example", "https://[fe80::1]/", Err(Inward)),
            ("https://a.example", "https://[fd00:ec2::254]/", Err(Inward)),
            ("https://a.example", "https://0x7f.1/", Err(Inward)),
            ("https://a.example", "https://2130706433/", Err(Inward)),
            ("https://a.example", "https://0.0.0.0/", Err(Inward)),
            ("https://a.example", "https://localhost/", Err(Inward)),
            ("https://a.example", "https://a.localhost./", Err(Inward)),
            ("https://a.example", "https://10.1.2.3/", Err(Inward)),
            ("https://a.example", "https://100.64.0.1/", Err(Inward)),
            ("https://a.example", "https://8.8.8.8/", Ok(())),
            ("https://10.1.2.3", "https://192.168.1.1/", Ok(())),
            ("https://10.1.2.3", "https://169.254.169.254/", Err(Inward)),
            ("https://10.1.2.3", "https://127.0.0.1/", Err(Inward)),
            ("http://127.0.0.1:1", "http://127.0.0.1:2/", Ok(())),
            ("http://127.0.0.1:1", "http://169.254.169.254/", Err(Inward)),
            ("https://169.254.1.1", "https://169.254.1.1/", Ok(())),
        ] {
            assert_eq!(may_lead(&url(from), &url(to)), expected, "{from} -> {to}");
        }
    }
}
