//! Telling a client where tokens are had: `WWW-Authenticate` (RFC 6750, section 3; distribution, "Token Authentication
//! Specification").

use axum::http::{HeaderValue, header};
use http::request::Parts;
use http::uri::Authority;
use thiserror::Error;
use url::Url;

use super::super::refusal::Refusal;
use super::scope::Scope;

/// Where `/token` is.
#[derive(Clone, Debug)]
pub enum Realm {
    /// At the address that the client itself used. Whoever sends a false `Host` misleads nobody but themselves: it comes back
    /// in the answer to that request and nowhere else, and no cache may keep that answer.
    AsAsked {
        /// Whether clients speak TLS with this process.
        tls: bool,
    },
    /// At this address, whatever the client used: for a registry behind a proxy.
    At(Origin),
}

/// The scheme, host and port of a registry as its clients reach it.
#[derive(Clone, Debug)]
pub struct Origin(Url);

/// Why a text is no address of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{written}` is not the address of a registry: expected `https://<host>[:<port>]`, or the same with `http`, and no path"
)]
pub struct RealmError {
    written: String,
}

impl Origin {
    /// Reads `https://registry.example.org`.
    pub fn parse(text: &str) -> Result<Self, RealmError> {
        let bare = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        match Url::parse(text).ok().filter(bare) {
            Some(url) => Ok(Self(url)),
            None => Err(RealmError {
                written: text.chars().take(256).collect(),
            }),
        }
    }

    /// Whether clients speak TLS on their way here.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl Realm {
    /// What tokens are for.
    pub(super) fn service(&self) -> String {
        match self {
            // Not what the client calls us: a token stays good under every name of this registry.
            Self::AsAsked { .. } => "countersign-registry".to_owned(),
            Self::At(origin) => origin.0.authority().to_owned(),
        }
    }

    pub(super) fn of(&self, parts: &Parts) -> Result<String, Refusal> {
        match self {
            Self::At(origin) => Ok(format!("{}token", origin.0)),
            Self::AsAsked { tls } => {
                let scheme = if *tls { "https" } else { "http" };
                Ok(format!("{scheme}://{}/token", asked_of(parts).ok_or(Refusal::Host)?))
            }
        }
    }
}

/// The host and port that a request was sent to. None where it does not say so in characters that hosts have.
fn asked_of(parts: &Parts) -> Option<Authority> {
    let host = || parts.headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    // HTTP/2 says it in the URI.
    let authority = parts.uri.authority().cloned().or_else(host)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    authority.as_str().bytes().all(plain).then_some(authority)
}

/// Nothing in it needs an escape: names, actions and hosts have no quotes and no backslashes.
pub(super) fn bearer(realm: &str, service: &str, asked: &[Scope], fault: Option<&str>) -> HeaderValue {
    let mut text = format!("Bearer realm=\"{realm}\",service=\"{service}\"");
    if !asked.is_empty() {
        let scopes: Vec<_> = asked.iter().map(ToString::to_string).collect();
        text.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
    }
    if let Some(fault) = fault {
        text.push_str(&format!(",error=\"{fault}\""));
    }
    HeaderValue::try_from(text).expect("hosts, names and actions are header values")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn realm(realm: &Realm, uri: &str, host: Option<&str>) -> Option<String> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        realm.of(&request.body(()).unwrap().into_parts().0).ok()
    }

    #[test]
    fn a_client_is_sent_to_where_it_asked_or_to_where_we_are_told() {
        let asked = Realm::AsAsked { tls: false };
        let tls = Realm::AsAsked { tls: true };
        let told = Realm::At(Origin::parse("https://registry.example.org").unwrap());
        for (kind, uri, host, expected) in [
            (
                &asked,
                "/v2/",
                Some("127.0.0.1:5000"),
                Some("http://127.0.0.1:5000/token"),
            ),
            (&asked, "/v2/", Some("[::1]:5000"), Some("http://[::1]:5000/token")),
            (&tls, "/v2/", Some("registry.lab"), Some("https://registry.lab/token")),
            (
                &tls,
                "https://registry.lab:8443/v2/",
                None,
                Some("https://registry.lab:8443/token"),
            ),
            (&asked, "/v2/", None, None),
            (&asked, "/v2/", Some("ci:hunter2@registry.lab"), None),
            (&asked, "/v2/", Some("a\"b"), None),
            (&asked, "/v2/", Some("a,b"), None),
            (
                &told,
                "/v2/",
                Some("evil.example"),
                Some("https://registry.example.org/token"),
            ),
            (&told, "/v2/", None, Some("https://registry.example.org/token")),
        ] {
            assert_eq!(realm(kind, uri, host).as_deref(), expected, "{kind:?} {uri} {host:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for good in [
            "https://registry.example.org",
            "https://registry.example.org/",
            "http://10.0.0.1:5000",
        ] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "registry.example.org",
            "ftp://a",
            "https://a/v2",
            "https://u@a",
            "https://a?b",
            "https://",
            "",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
