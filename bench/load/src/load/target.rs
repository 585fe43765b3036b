//! Whom to ask, and what: everything about a request that can be made before it is sent.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server over TLS.
#[derive(Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The name in its certificate.
    pub name: Arc<str>,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// Believes this certificate authority and nobody else, as a `caBundle` says.
    pub fn trusting(authority_pem: &str, address: SocketAddr) -> Result<Self> {
        let config = ClientConfig::builder()
            .with_root_certificates(roots(authority_pem)?)
            .with_no_client_auth();
        Ok(Self::with(config, address))
    }

    /// The same, and shows who asks: `certificate` and `key` are PEM files.
    pub fn known_as(authority_pem: &str, address: SocketAddr, certificate: &Path, key: &Path) -> Result<Self> {
        let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
        let config = ClientConfig::builder()
            .with_root_certificates(roots(authority_pem)?)
            .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
        Ok(Self::with(config, address))
    }

    fn with(config: ClientConfig, address: SocketAddr) -> Self {
        Self {
            address,
            name: Arc::from("localhost"),
            tls: Arc::new(config),
        }
    }

    /// A connection that speaks this protocol.
    pub(super) async fn connect(&self, protocol: &[u8]) -> Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::clone(&self.tls);
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address)
            .await
            .with_context(|| format!("cannot reach {}", self.address))?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.name.to_string())?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        stream.with_context(|| format!("no TLS with {}", self.address))
    }
}

fn roots(pem: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    Ok(roots)
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub struct Question {
    /// Path and query.
    pub(super) path: String,
    pub(super) body: Bytes,
    /// The whole of it as HTTP/1.1, head and body in one piece.
    pub(super) http1: Bytes,
    /// What an answer that is no refusal has: its status, and these bytes somewhere in its body.
    pub(super) accepted: (u16, &'static [u8]),
    /// Which of the two histograms its time goes to.
    pub(super) kind: Kind,
}

/// Questions that are told apart in what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The usual.
    Usual,
    /// The others.
    Other,
}

impl Question {
    /// An AdmissionReview for `/mutate` or `/validate`, with the longest timeout that the API server adds: what is measured is
    /// how long an answer takes, however long that is.
    #[must_use]
    pub fn review(webhook: &str, review: Bytes) -> Self {
        let path = format!("/{webhook}?timeout=30s");
        Self::post(path, review, (200, br#""allowed":true"#))
    }

    /// An object that the API server is to create, or to say that it would.
    #[must_use]
    pub fn create(path: String, object: Bytes) -> Self {
        Self::post(path, object, (201, b""))
    }

    /// The same, told apart in what is measured.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    fn post(path: String, body: Bytes, accepted: (u16, &'static [u8])) -> Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: countersign-bench\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let http1 = [head.as_bytes(), &body].concat().into();
        Self {
            path,
            body,
            http1,
            accepted,
            kind: Kind::Usual,
        }
    }
}
