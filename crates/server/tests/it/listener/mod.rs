//! The listener as its clients see it: TLS, limits, and going away.

mod drain;
mod limits;
mod raw;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use countersign_server::admin::Readiness;
use countersign_server::certificate::Certificates;
use countersign_server::drain::{DrainPlan, Drainer};
use countersign_server::listener::{Closed, Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, ClientBuilder};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Long enough for a loaded machine, short enough for a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pair on disk that can be exchanged, and what a client needs to trust it.
struct Pair {
    directory: TempDir,
}

impl Pair {
    fn new() -> Self {
        let pair = Self {
            directory: TempDir::new().unwrap(),
        };
        pair.renew();
        pair
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Another key and certificate in the same files.
    fn renew(&self) {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        std::fs::write(self.file("tls.crt"), certificate.pem()).unwrap();
        std::fs::write(self.file("tls.key"), key.serialize_pem()).unwrap();
    }

    fn load(&self) -> Certificates {
        Certificates::load(&self.file("tls.crt"), &self.file("tls.key"), Timestamp::now()).unwrap()
    }

    /// A client that trusts the certificate that is in the file now, and nothing else.
    fn client(&self) -> ClientBuilder {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
        let trusted = Certificate::from_pem(&std::fs::read(self.file("tls.crt")).unwrap()).unwrap();
        Client::builder().tls_certs_only([trusted]).no_proxy().timeout(PATIENCE)
    }
}

/// A door that is being served.
struct Served {
    address: SocketAddr,
    metrics: Metrics,
    readiness: Readiness,
    drainer: Drainer,
    /// Requests to `/slow` that may end.
    release: Arc<Semaphore>,
    closed: JoinHandle<Closed>,
}

impl Served {
    async fn tls(pair: &Pair, limits: Limits) -> Self {
        Self::start(Transport::Tls(pair.load().server_config()), limits, DRAIN).await
    }

    async fn plain(limits: Limits) -> Self {
        Self::start(Transport::Plain, limits, DRAIN).await
    }

    async fn start(transport: Transport, limits: Limits, plan: DrainPlan) -> Self {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), transport)
            .await
            .unwrap();
        let (metrics, readiness) = (Metrics::new(), Readiness::new());
        let drainer = Drainer::new(plan, &readiness);
        let release = Arc::new(Semaphore::new(0));
        let address = listener.address();
        let serving = listener.serve(
            router(Arc::clone(&release)),
            Door::Admission,
            limits,
            metrics.clone(),
            drainer.door(),
        );
        let closed = tokio::spawn(serving);
        Self {
            address,
            metrics,
            readiness,
            drainer,
            release,
            closed,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    fn plain_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until the metrics hold this line.
    async fn counts(&self, line: &str) {
        counts(&self.metrics, line).await;
    }
}

const DRAIN: DrainPlan = DrainPlan {
    grace: Duration::ZERO,
    deadline: Duration::from_secs(10),
};

async fn counts(metrics: &Metrics, line: &str) {
    let counted = async {
        while !metrics.text().lines().any(|found| found == line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted)
        .await
        .unwrap_or_else(|_| panic!("{line} is not in\n{}", metrics.text()));
}

fn in_flight(number: usize) -> String {
    format!(r#"countersign_requests_in_flight{{door="admission"}} {number}"#)
}

/// `/peer` says which connection asks, `/echo` how long its body is, `/slow` waits to be released, `/panic` panics.
fn router(release: Arc<Semaphore>) -> Router {
    let slow = move || async move {
        release.acquire().await.unwrap().forget();
        "done"
    };
    Router::new()
        .route(
            "/peer",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        )
        .route("/echo", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/slow", get(slow))
        .route("/panic", get(panics))
}

async fn panics() -> &'static str {
    panic!("as it was asked to")
}
