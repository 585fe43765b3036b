//! Questions to services: each answer has a cap, each wait a deadline, nothing is followed anywhere else.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use countersign_image::text::excerpt;
use http::{HeaderMap, Method, StatusCode};
use reqwest::redirect::Policy;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use tracing::warn;
use url::Url;

use crate::services::{is_loopback, keeps_secrets};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How often something is asked that did not answer, or asked for patience.
const ATTEMPTS: u32 = 3;
/// Before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(300);
/// What is read of a refusal.
const REFUSAL_BYTES: usize = 8 * 1024;
/// What is repeated of it, in characters.
const REFUSAL_WORDS: usize = 300;

/// Whom we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// GitHub Actions, for an identity token.
    GitHub,
    /// The certificate authority (Fulcio).
    Authority,
    /// A transparency log (Rekor).
    Log,
    /// A timestamp authority (RFC 3161).
    Clock,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub Actions",
            Self::Authority => "the certificate authority",
            Self::Log => "the transparency log",
            Self::Clock => "the timestamp authority",
        })
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// No HTTP client can be made.
    #[error("no HTTP client can be made: {detail}")]
    Client {
        /// The library's words.
        detail: String,
    },
    /// A secret would be sent in the open.
    #[error("{party} is at `{host}` without TLS, and is sent a secret by `https` only, or on this machine")]
    Open {
        /// Whom.
        party: Party,
        /// Where.
        host: String,
    },
    /// There was no whole answer.
    #[error("{party} at `{host}` cannot be reached: {detail}")]
    Unreachable {
        /// Whom.
        party: Party,
        /// Where.
        host: String,
        /// The library's words.
        detail: String,
    },
    /// There was no time left.
    #[error("{party} at `{host}` did not answer in time")]
    TimedOut {
        /// Whom.
        party: Party,
        /// Where.
        host: String,
    },
    /// The answer is longer than anything that was asked for.
    #[error("{party} at `{host}` answered with more than {cap} bytes")]
    TooLarge {
        /// Whom.
        party: Party,
        /// Where.
        host: String,
        /// The limit in bytes.
        cap: usize,
    },
    /// The answer is no.
    #[error("{party} at `{host}` answered {status}: `{says}`")]
    Refused {
        /// Whom.
        party: Party,
        /// Where.
        host: String,
        /// With which status.
        status: u16,
        /// In which words.
        says: String,
    },
    /// The answer is something else than was asked for.
    #[error("{party} answered with something else than {expected}")]
    Unreadable {
        /// Whom.
        party: Party,
        /// What was asked for.
        expected: &'static str,
    },
}

impl WebError {
    pub(crate) fn unreadable(party: Party, expected: &'static str) -> Self {
        Self::Unreadable { party, expected }
    }

    /// Whether another time might have another answer.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            Self::Client { .. } | Self::Open { .. } | Self::TooLarge { .. } | Self::Unreadable { .. } => false,
        }
    }
}

/// One question.
pub(crate) struct Ask {
    pub(crate) party: Party,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The most bytes that the answer may have.
    pub(crate) cap: usize,
}

/// The HTTP clients: the system's certificate authorities and proxies, no redirect, and no proxy to this machine.
#[derive(Clone, Debug)]
pub struct Web {
    far: reqwest::Client,
    near: reqwest::Client,
}

impl Web {
    /// Clients that believe the system's certificate authorities.
    ///
    /// # Errors
    /// [`WebError::Client`].
    pub fn new() -> Result<Self, WebError> {
        let refused = |detail: String| WebError::Client { detail };
        let tls = client_config().map_err(|error| refused(error.to_string()))?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT)
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| refused(error.to_string()));
        Ok(Self {
            far: build(builder())?,
            near: build(builder().no_proxy())?,
        })
    }

    /// Asks where a secret goes along.
    pub(crate) async fn ask_in_confidence(&self, ask: &Ask, deadline: Instant) -> Result<Bytes, WebError> {
        if !keeps_secrets(&ask.url) {
            return Err(WebError::Open {
                party: ask.party,
                host: host(&ask.url),
            });
        }
        self.ask(ask, deadline).await
    }

    /// Asks, and asks again where that may help, for as long as the deadline allows.
    pub(crate) async fn ask(&self, ask: &Ask, deadline: Instant) -> Result<Bytes, WebError> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.once(ask, deadline).await {
                Err(error) if error.may_pass() && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause.mul_f64(1.0 + fastrand::f64())).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
        self.once(ask, deadline).await
    }

    async fn once(&self, ask: &Ask, deadline: Instant) -> Result<Bytes, WebError> {
        tokio::time::timeout_at(deadline.into(), self.exchange(ask))
            .await
            .unwrap_or_else(|_| {
                Err(WebError::TimedOut {
                    party: ask.party,
                    host: host(&ask.url),
                })
            })
    }

    async fn exchange(&self, ask: &Ask) -> Result<Bytes, WebError> {
        let client = if is_loopback(&ask.url) { &self.near } else { &self.far };
        let request = client
            .request(ask.method.clone(), ask.url.clone())
            .headers(ask.headers.clone())
            .body(ask.body.clone());
        let response = request.send().await.map_err(|error| unreachable(ask, error))?;
        let status = response.status();
        if status.is_success() {
            return body(ask, response, ask.cap).await;
        }
        // What a refusal says is worth reading if it is short; if not, the status says enough.
        let says = body(ask, response, REFUSAL_BYTES).await.unwrap_or_default();
        Err(refused(ask, status, &says))
    }
}

async fn body(ask: &Ask, mut response: reqwest::Response, cap: usize) -> Result<Bytes, WebError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(ask, error))? {
        if body.len() + chunk.len() > cap {
            return Err(WebError::TooLarge {
                party: ask.party,
                host: host(&ask.url),
                cap,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn refused(ask: &Ask, status: StatusCode, says: &[u8]) -> WebError {
    WebError::Refused {
        party: ask.party,
        host: host(&ask.url),
        status: status.as_u16(),
        says: excerpt(String::from_utf8_lossy(says).trim(), REFUSAL_WORDS),
    }
}

/// The library hides why behind a chain of sources, and puts the whole URL before it.
fn unreachable(ask: &Ask, error: reqwest::Error) -> WebError {
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    WebError::Unreachable {
        party: ask.party,
        host: host(&ask.url),
        detail: deepest.to_string(),
    }
}

fn host(url: &Url) -> String {
    url.authority().to_owned()
}

fn client_config() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        warn!(%error, "a certificate authority of the system could not be read");
    }
    roots.add_parsable_certificates(system.certs);
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
