//! TLS: whom we believe, and what we refuse to whom we do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_image::{Digest, Repository};
use countersign_registry::{Client, Trouble, embedded::Registry};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::scripted::{Reply, Seen, Server, client_with, nobody, soon, user};

/// A registry behind TLS. Its port is reached by mirrors: a loopback address is spoken to plainly otherwise.
struct TlsRegistry {
    port: u16,
    ca: String,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for TlsRegistry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> (String, rustls::ServerConfig) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    change(&mut params);
    let leaf = params.signed_by(&key, &ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (ca.pem(), config)
}

async fn registry(change: impl FnOnce(&mut CertificateParams)) -> TlsRegistry {
    let (ca, config) = certificate(change);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (acceptor, router) = (TlsAcceptor::from(Arc::new(config)), Registry::memory().router());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, router, counter) = (acceptor.clone(), router.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                counter.fetch_add(1, Ordering::SeqCst);
                let service = TowerToHyperService::new(router);
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    TlsRegistry { port, ca, connections, task }
}

/// A client for which `registry.test` is behind that TLS. The registry itself cannot be reached.
fn client(mirror: String, ca: Option<&str>) -> Client {
    client_with(|config| {
        config.ca_certificates = ca.iter().map(|pem| pem.as_bytes().to_vec()).collect();
        config.limits.attempts = 1;
        config.mirrors.insert("registry.invalid".to_owned(), vec![mirror]);
    })
}

async fn ask(client: &Client) -> Result<(), Trouble> {
    let repository = Repository::parse("registry.invalid/app").unwrap();
    let endpoint = client.manifest(&repository, &Digest::sha256(b"x"), &nobody(), soon());
    endpoint.await.map(drop)
}

/// What the TLS server is asked through, as an origin: names that resolve to loopback are not loopback names.
fn origin(registry: &TlsRegistry, ca: Option<&str>) -> (Client, Server2) {
    let client = client(format!("https://localhost:{}", registry.port), ca);
    (client, Server2)
}

struct Server2;

#[tokio::test]
async fn our_own_authority_is_believed_and_connections_are_shared() {
    let registry = registry(|_| {}).await;
    let (client, _) = origin(&registry, Some(&registry.ca));
    let all = (0..20).map(|_| ask(&client));
    futures_util::future::join_all(all).await;
    let before = registry.connections.load(Ordering::SeqCst);
    assert!(before >= 1);
    futures_util::future::join_all((0..20).map(|_| ask(&client))).await;
    assert_eq!(registry.connections.load(Ordering::SeqCst), before, "HTTP/2 needs no other connection");
    let _ = (Reply::new(200), user("x", "y"), None::<Seen>, None::<Server>);
}
