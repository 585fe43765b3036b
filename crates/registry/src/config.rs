//! How registries are reached, as the caller decided it. Nothing here is read from anywhere else.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::secret::Secret;

/// How registries are reached.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Certificate authorities trusted beside the system's: PEM, any number of certificates in each.
    pub ca_certificates: Vec<Vec<u8>>,
    /// Hosts that are spoken to without TLS: `host`, `host:port`, or `*.domain`. Loopback addresses always are.
    pub plain_http: Vec<String>,
    /// Registry host → base URLs that are read in its stead, in order. What is verified keeps the registry's name.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// The proxies to go through.
    pub proxies: Proxies,
    /// What bounds the client.
    pub limits: Limits,
    /// The `User-Agent` of every request.
    pub user_agent: String,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            ca_certificates: Vec::new(),
            plain_http: Vec::new(),
            mirrors: BTreeMap::new(),
            proxies: Proxies::none(),
            limits: Limits::standard(),
            user_agent: concat!("countersign/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Proxies, as the usual environment variables state them. They may hold passwords and do not print.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// For `https` URLs (`HTTPS_PROXY`).
    pub https: Option<Secret>,
    /// For `http` URLs (`HTTP_PROXY`).
    pub http: Option<Secret>,
    /// Hosts, domains and networks that are reached directly, separated by commas (`NO_PROXY`).
    pub except: Option<String>,
}

impl Proxies {
    /// Every host is reached directly.
    pub fn none() -> Self {
        Self {
            https: None,
            http: None,
            except: None,
        }
    }

    /// What is reached directly. Nobody else's machine is this one: what is meant for it goes through no proxy.
    pub(crate) fn exceptions(&self) -> String {
        let except = self.except.as_deref().unwrap_or_default();
        format!("localhost,127.0.0.0/8,::1,{except}")
    }

    /// What `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say, in upper case or lower.
    pub fn from_environment() -> Self {
        let read = |upper: &str| {
            let value = std::env::var(upper).or_else(|_| std::env::var(upper.to_ascii_lowercase()));
            value.ok().filter(|value| !value.is_empty())
        };
        Self {
            https: read("HTTPS_PROXY").map(Secret::new),
            http: read("HTTP_PROXY").map(Secret::new),
            except: read("NO_PROXY"),
        }
    }
}

/// What bounds the client.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for the beginning of an answer, and for the next part of one.
    pub answer: Duration,
    /// How long an answer may take before the same question is asked a second time, beside it.
    pub moment: Duration,
    /// Requests in flight to one host.
    pub per_host: usize,
    /// How often one request is tried at most.
    pub attempts: u32,
    /// Largest simple-signing payload, in bytes.
    pub payload_bytes: u64,
    /// Largest bundle or attestation, in bytes.
    pub attestation_bytes: u64,
    /// Most bytes that one gathering keeps.
    pub gathered_bytes: u64,
    /// Most items taken from one manifest.
    pub items_per_manifest: usize,
    /// Most referrers whose manifests are fetched for one image.
    pub referrers: usize,
    /// Most pages of a referrers list.
    pub pages: usize,
}

impl Limits {
    /// Room for every image seen in practice, and an end to everything that has none.
    pub fn standard() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            moment: Duration::from_secs(2),
            per_host: 32,
            attempts: 4,
            payload_bytes: 64 << 10,
            attestation_bytes: 20 << 20,
            gathered_bytes: 64 << 20,
            items_per_manifest: 512,
            referrers: 256,
            pages: 16,
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A certificate authority cannot be read.
    #[error("certificate authority {position} cannot be read: {detail}")]
    CertificateAuthority {
        /// Which of the list, from 1.
        position: usize,
        /// What is wrong.
        detail: String,
    },
    /// A mirror is not a usable base URL.
    #[error("mirror `{url}` of `{host}` cannot be used: {detail}")]
    Mirror {
        /// The registry that it stands for.
        host: String,
        /// The URL as written.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// A host pattern cannot be read.
    #[error("`{pattern}` is not a host, `host:port` or `*.domain`")]
    HostPattern {
        /// The pattern as written.
        pattern: String,
    },
    /// A proxy cannot be used. Its URL may hold a password and is not repeated.
    #[error("the proxy for {scheme} cannot be used: {detail}")]
    Proxy {
        /// `http` or `https`.
        scheme: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be built")]
    Build(#[source] Box<dyn std::error::Error + Send + Sync>),
}
