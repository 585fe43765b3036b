//! One question to one vault and its whole answer: a cap, a deadline, and no way to a server that nobody configured.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_image::text::excerpt;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;
use zeroize::Zeroizing;

use super::failure::VaultError;
use super::settings::VaultSettings;
use super::token::Token;

/// The largest answer that is read, in bytes. A key of 300 RSA versions has a fourth of it.
pub(super) const CAP: usize = 1 << 20;
/// The most a file of certificate authorities may have, in bytes.
const LARGEST_CA_FILE: u64 = 1 << 20;
const CONNECT: Duration = Duration::from_secs(5);
/// A standby sends us to the active server; that is one step, and one more while the active one changes.
const MAX_HOPS: usize = 2;
const LONGEST_DETAIL: usize = 200;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Agents in front of a vault can ask for it, against requests forged by way of somebody's browser.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// A question.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    /// Without `/v1/`, as a policy names it.
    pub(super) path: &'a str,
    pub(super) token: Option<&'a Token>,
    pub(super) body: Option<&'a [u8]>,
}

/// An answer, whole. It may have a token in it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// The way to one vault.
pub(super) struct Transport {
    client: reqwest::Client,
    address: Url,
    redirects: Vec<Url>,
    namespace: Option<HeaderValue>,
    deadline: Duration,
}

impl Transport {
    pub(super) fn new(settings: &VaultSettings) -> Result<Self, VaultError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings.certificate_authorities.as_deref())?)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT)
            .build()
            .map_err(|error| VaultError::Client {
                detail: innermost(&error),
            })?;
        let namespace = settings.namespace.as_deref().map(HeaderValue::from_str).transpose();
        Ok(Self {
            client,
            address: settings.address.clone(),
            redirects: settings.redirects.clone(),
            namespace: namespace.map_err(|_| VaultError::Client {
                detail: "the namespace has characters in it that cannot be sent".to_owned(),
            })?,
            deadline: settings.deadline,
        })
    }

    /// Asks once. Every status but a redirect is an answer.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Answer, VaultError> {
        let mut url = self.address.clone();
        url.set_path(&format!("{}/v1/{}", url.path().trim_end_matches('/'), question.path));
        let host = host(&url);
        match tokio::time::timeout(self.deadline, self.follow(url, question)).await {
            Ok(answer) => answer,
            Err(_) => Err(VaultError::TimedOut {
                host,
                after: self.deadline,
            }),
        }
    }

    async fn follow(&self, mut url: Url, question: &Question<'_>) -> Result<Answer, VaultError> {
        for _ in 0..=MAX_HOPS {
            let response = self.send(url.clone(), question).await?;
            match response.status() {
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => url = self.led(&url, &response)?,
                _ => return whole(response, &url).await,
            }
        }
        Err(VaultError::LedInCircles { limit: MAX_HOPS })
    }

    async fn send(&self, url: Url, question: &Question<'_>) -> Result<Response, VaultError> {
        let host = host(&url);
        let mut request = self
            .client
            .request(question.method.clone(), url)
            .header(REQUEST, HeaderValue::from_static("true"));
        if let Some(namespace) = &self.namespace {
            request = request.header(NAMESPACE, namespace);
        }
        if let Some(token) = question.token {
            request = request.header(TOKEN, token.header());
        }
        if let Some(body) = question.body {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.to_vec());
        }
        request.send().await.map_err(|error| unreachable(host, &error))
    }

    /// Where a standby sends us: nowhere but to a configured server, since the token goes along.
    fn led(&self, from: &Url, response: &Response) -> Result<Url, VaultError> {
        let to = response
            .headers()
            .get(LOCATION)
            .and_then(|to| to.to_str().ok())
            .unwrap_or_default();
        let elsewhere = || VaultError::LedElsewhere {
            to: format!("`{}`", excerpt(to, LONGEST_DETAIL)),
        };
        let url = from.join(to).map_err(|_| elsewhere())?;
        let configured = |server: &Url| server.origin() == url.origin();
        let same_question = url.path() == from.path() && url.username().is_empty() && url.password().is_none();
        if same_question && (configured(&self.address) || self.redirects.iter().any(configured)) {
            Ok(url)
        } else {
            Err(elsewhere())
        }
    }
}

async fn whole(mut response: Response, url: &Url) -> Result<Answer, VaultError> {
    let status = response.status().as_u16();
    let mut body = Zeroizing::new(Vec::new());
    loop {
        let chunk = response.chunk().await.map_err(|error| unreachable(host(url), &error))?;
        let Some(chunk) = chunk else {
            return Ok(Answer { status, body });
        };
        if body.len() + chunk.len() > CAP {
            return Err(VaultError::TooLarge { limit: CAP });
        }
        body.extend_from_slice(&chunk);
    }
}

fn host(url: &Url) -> String {
    url.authority().to_owned()
}

fn unreachable(host: String, error: &reqwest::Error) -> VaultError {
    let detail = innermost(error);
    if is_certificate(error) {
        VaultError::Untrusted { host, detail }
    } else {
        VaultError::Unreachable { host, detail }
    }
}

/// A certificate that is wrong now is wrong in a minute, too.
fn is_certificate(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref::<rustls::Error>() {
            return true;
        }
        // The source of an I/O error is its content's source, which passes over the content; and they nest.
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(content) => Some(content),
            None => error.source(),
        };
    }
    false
}

/// The last cause says what happened; those above it say that something did, and repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if cause.is::<reqwest::Error>() {
        "the exchange failed".to_owned()
    } else {
        excerpt(&cause.to_string(), LONGEST_DETAIL)
    }
}

fn tls(own: Option<&Path>) -> Result<rustls::ClientConfig, VaultError> {
    let failed = |detail: String| VaultError::Client { detail };
    let mut roots = RootCertStore::empty();
    if let Some(path) = own {
        let unusable =
            |detail: String| failed(format!("`{}` holds no certificate authority: {detail}", path.display()));
        let pem = super::read_to(path, LARGEST_CA_FILE).map_err(|error| unusable(error.to_string()))?;
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            found = true;
        }
        if !found {
            return Err(unusable("it has no certificate in PEM".to_owned()));
        }
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
