//! What is fetched: each answer has a cap, each wait a deadline, no redirect is followed, and no answer leads us inward.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_image::address::{Nature, nature_of};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::AsyncReadExt as _;
use tracing::warn;
use url::{Host, Url};
use zeroize::Zeroizing;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one question may take in all.
const DEADLINE: Duration = Duration::from_secs(10);
/// RFC 7517, section 8.5.2: an API server has no other name for its keys.
const ACCEPTED: &str = "application/json, application/jwk-set+json";
/// The longest token of our own, in bytes.
const MAX_SECRET: usize = 64 * 1024;
/// The most bytes of a file with certificate authorities.
const MAX_AUTHORITIES: u64 = 1 << 20;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebError {
    #[error("`{host}` cannot be reached: {detail}")]
    Unreachable { host: String, detail: String },
    #[error("`{host}` did not answer within {} seconds", DEADLINE.as_secs())]
    TimedOut { host: String },
    #[error("`{host}` answered with more than {cap} bytes")]
    TooLarge { host: String, cap: usize },
    #[error("`{host}` answered {status}")]
    Status { host: String, status: u16 },
    #[error("our own token for `{host}` cannot be read from `{path}`: {detail}")]
    Secret { host: String, path: String, detail: String },
}

/// A token of our own, in a file that somebody renews.
#[derive(Clone, Debug)]
pub(crate) struct Secret(pub(crate) PathBuf);

impl Secret {
    async fn header(&self, host: &str) -> Result<HeaderValue, WebError> {
        let failed = |detail: String| WebError::Secret {
            host: host.to_owned(),
            path: self.0.display().to_string(),
            detail,
        };
        let bytes = read_file(&self.0, MAX_SECRET).await.map(Zeroizing::new);
        let bytes = bytes.map_err(|error| failed(error.to_string()))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is no text".to_owned()))?;
        let bearer = Zeroizing::new(format!("Bearer {}", text.trim()));
        let mut bearer =
            HeaderValue::from_str(&bearer).map_err(|_| failed("it has characters that cannot be sent".to_owned()))?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }
}

/// The ways to one issuer.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    direct: reqwest::Client,
    /// Resolves no name to this machine or its link: for URLs out of answers.
    guarded: reqwest::Client,
    /// To this machine, past every proxy.
    near: reqwest::Client,
}

/// Ways to several issuers: those that believe the system's certificate authorities are the same, as these take long to read.
#[derive(Default)]
pub(crate) struct Webs {
    system: std::cell::OnceCell<Web>,
}

impl Webs {
    pub(crate) fn with(&self, authorities: Option<&Path>) -> Result<Web, String> {
        if authorities.is_some() {
            return Web::new(authorities);
        }
        if let Some(web) = self.system.get() {
            return Ok(web.clone());
        }
        let web = Web::new(None)?;
        Ok(self.system.get_or_init(|| web).clone())
    }
}

/// One of them.
pub(crate) struct Way<'a>(&'a reqwest::Client);

impl Web {
    /// With these certificate authorities, or the system's.
    pub(crate) fn new(authorities: Option<&Path>) -> Result<Self, String> {
        let tls = tls(authorities)?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT)
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| deepest(&error));
        Ok(Self {
            direct: build(builder())?,
            guarded: build(builder().dns_resolver(Guarded))?,
            near: build(builder().no_proxy())?,
        })
    }

    /// Asks where somebody configured to ask.
    pub(crate) async fn get(&self, url: &Url, secret: Option<&Secret>, cap: usize) -> Result<Bytes, WebError> {
        self.configured(url).get(url, secret, cap).await
    }

    pub(crate) fn configured(&self, url: &Url) -> Way<'_> {
        Way(if is_loopback(url) { &self.near } else { &self.direct })
    }

    /// Whether an answer from `from` may lead us to `to`, and on which way: to the same host; to what is on the internet; and from
    /// an address of this machine or a private network to another such. A name is held to that when it is resolved.
    pub(crate) fn led(&self, from: &Url, to: &Url) -> Option<Way<'_>> {
        let is_safe = to.scheme() == "https" || (to.scheme() == "http" && is_loopback(from) && is_loopback(to));
        if !is_safe || to.host().is_none() || !to.username().is_empty() || to.password().is_some() {
            return None;
        }
        let there = nature(to);
        if from.host() == to.host() || (there == nature(from) && there != Nature::Open) {
            return Some(self.configured(to));
        }
        (there == Nature::Open).then_some(Way(&self.guarded))
    }
}

impl Way<'_> {
    pub(crate) async fn get(&self, url: &Url, secret: Option<&Secret>, cap: usize) -> Result<Bytes, WebError> {
        let request = self.0.request(Method::GET, url.clone());
        in_time(url, ask(request, url, secret, cap)).await
    }

    pub(crate) async fn post(&self, url: &Url, secret: &Secret, json: Vec<u8>, cap: usize) -> Result<Bytes, WebError> {
        let request = self.0.request(Method::POST, url.clone());
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        in_time(url, ask(request.body(json), url, Some(secret), cap)).await
    }
}

async fn in_time(url: &Url, asking: impl Future<Output = Result<Bytes, WebError>>) -> Result<Bytes, WebError> {
    let timed_out = |_| Err(WebError::TimedOut { host: host(url) });
    tokio::time::timeout(DEADLINE, asking).await.unwrap_or_else(timed_out)
}

async fn ask(
    request: reqwest::RequestBuilder,
    url: &Url,
    secret: Option<&Secret>,
    cap: usize,
) -> Result<Bytes, WebError> {
    let unreachable = |error: reqwest::Error| WebError::Unreachable {
        host: host(url),
        detail: deepest(&error.without_url()),
    };
    let mut request = request.header(ACCEPT, HeaderValue::from_static(ACCEPTED));
    if let Some(secret) = secret {
        request = request.header(AUTHORIZATION, secret.header(&host(url)).await?);
    }
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        return Err(WebError::Status {
            host: host(url),
            status: status.as_u16(),
        });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > cap {
            return Err(WebError::TooLarge { host: host(url), cap });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The whole of a file that is not larger than it may be.
pub(crate) async fn read_file(path: &Path, cap: usize) -> std::io::Result<Vec<u8>> {
    let file = tokio::fs::File::open(path).await?;
    let mut bytes = Vec::new();
    file.take(cap as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > cap {
        return Err(std::io::Error::other(format!("it has more than {cap} bytes")));
    }
    Ok(bytes)
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn nature(url: &Url) -> Nature {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_local = name == "localhost" || name.ends_with(".localhost");
            if is_local { Nature::Loopback } else { Nature::Open }
        }
        Some(Host::Ipv4(address)) => nature_of(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => nature_of(IpAddr::V6(address)),
        None => Nature::Link,
    }
}

/// The system's resolver, less this machine and its link.
struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let open: Vec<SocketAddr> = found
                .filter(|address| matches!(nature_of(address.ip()), Nature::Open | Nature::Private))
                .collect();
            if open.is_empty() {
                return Err("it leads to an address of this machine or its link".into());
            }
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(Box::new(open.into_iter()))
        })
    }
}

fn host(url: &Url) -> String {
    url.authority().to_owned()
}

/// The library hides why behind a chain of sources.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

fn tls(authorities: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match authorities {
        None => {
            let system = rustls_native_certs::load_native_certs();
            for error in &system.errors {
                warn!(%error, "a certificate authority of the system could not be read");
            }
            roots.add_parsable_certificates(system.certs);
        }
        Some(path) => {
            for authority in read_authorities(path)? {
                let cannot = |error: rustls::Error| {
                    format!(
                        "a certificate authority in `{}` cannot be used: {error}",
                        path.display()
                    )
                };
                roots.add(authority).map_err(cannot)?;
            }
        }
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    use std::io::Read as _;
    let cannot = |detail: &str| {
        format!(
            "the certificate authorities in `{}` cannot be read: {detail}",
            path.display()
        )
    };
    let file = std::fs::File::open(path).map_err(|error| cannot(&error.to_string()))?;
    let mut pem = Vec::new();
    let read = file.take(MAX_AUTHORITIES).read_to_end(&mut pem);
    read.map_err(|error| cannot(&error.to_string()))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| cannot(&error.to_string()))?;
    if found.is_empty() {
        return Err(cannot("there is none in it"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discovery_document_leads_nobody_inward() {
        let web = Web::new(None).unwrap();
        for (from, to, leads) in [
            ("https://a.example/x", "https://a.example/keys", true),
            ("https://a.example/x", "https://keys.example/", true),
            ("https://a.example/x", "http://a.example/keys", false),
            ("https://a.example/x", "file:///etc/passwd", false),
            ("https://a.example/x", "https://user@a.example/", false),
            ("https://a.example/x", "https://:secret@a.example/", false),
            ("https://a.example/x", "https://169.254.169.254/latest", false),
            ("https://a.example/x", "https://[::ffff:169.254.169.254]/", false),
            ("https://a.example/x", "https://2852039166/", false),
            ("https://a.example/x", "https://10.0.0.1/", false),
            ("https://a.example/x", "https://127.0.0.1/", false),
            ("https://a.example/x", "https://localhost/", false),
            ("https://a.example/x", "https://a.localhost./", false),
            ("https://10.0.0.1/x", "https://10.0.0.2:6443/", true),
            ("https://10.0.0.1/x", "https://127.0.0.1/", false),
            ("https://10.0.0.1/x", "https://169.254.169.254/", false),
            ("http://127.0.0.1:1/x", "http://127.0.0.1:2/", true),
            ("http://127.0.0.1:1/x", "http://a.example/", false),
            ("http://127.0.0.1:1/x", "http://169.254.169.254/", false),
        ] {
            let (from, to) = (Url::parse(from).unwrap(), Url::parse(to).unwrap());
            assert_eq!(web.led(&from, &to).is_some(), leads, "{from} -> {to}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_leads_nowhere() {
        let outcome = Guarded.resolve("localhost".parse().unwrap()).await;
        assert!(outcome.is_err());
    }
}
