//! The door as it stands in production: files on disk, TLS, records and denials; asked as the API server asks.

pub(crate) mod api_server;
pub(crate) mod shop;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_policy::Settings;
use countersign_registry::{CacheConfig, Client, ClientConfig, Credentials};
use countersign_server::drain::{DrainPlan, Drained};
use countersign_server::policies::PolicyFiles;
use countersign_server::record::Recorder;
use countersign_server::serve::{AdmissionPlan, AdmissionServer, PartEnded};
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::api_server::{Answer, ApiServer};

/// Long enough for a loaded machine, short enough for a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
pub(crate) const AT_ONCE: DrainPlan = DrainPlan {
    grace: Duration::ZERO,
    deadline: Duration::from_secs(5),
};

/// A door that is open.
pub(crate) struct Rig {
    pub(crate) api_server: ApiServer,
    pub(crate) policies: Arc<PolicyFiles>,
    directory: TempDir,
    authority: String,
    door: SocketAddr,
    admin: SocketAddr,
    records: Lines,
    close: oneshot::Sender<()>,
    running: JoinHandle<Result<Drained, PartEnded>>,
}

impl Rig {
    /// A door with these policies, by file name; what no policy governs is denied.
    pub(crate) async fn open(policies: &[(&str, String)]) -> Self {
        Self::open_with(policies, |_| ()).await
    }

    /// The same, with the plan as `change` leaves it.
    pub(crate) async fn open_with(policies: &[(&str, String)], change: impl FnOnce(&mut AdmissionPlan)) -> Self {
        let directory = TempDir::new().unwrap();
        let authority = write_certificate(directory.path());
        std::fs::create_dir(directory.path().join("policies")).unwrap();
        for (name, text) in policies {
            std::fs::write(directory.path().join("policies").join(name), text).unwrap();
        }
        let records = Lines::default();
        let mut plan = plan(directory.path(), &records);
        change(&mut plan);
        let server = AdmissionServer::start(plan).await.unwrap();
        let (close, closed) = oneshot::channel::<()>();
        let asked = async {
            // A rig that is gone closes its door too.
            let _ = closed.await;
        };
        Self {
            api_server: ApiServer::trusting(&authority, server.address()),
            door: server.address(),
            authority,
            policies: Arc::clone(server.policies()),
            admin: server.admin_address().unwrap(),
            records,
            close,
            running: tokio::spawn(server.run(asked)),
            directory,
        }
    }

    /// One more API server, with a connection of its own.
    pub(crate) fn another_api_server(&self) -> ApiServer {
        ApiServer::trusting(&self.authority, self.door)
    }

    pub(crate) async fn mutate(&self, request: &Value) -> Answer {
        self.api_server.ask("mutate", request).await
    }

    pub(crate) async fn validate(&self, request: &Value) -> Answer {
        self.api_server.ask("validate", request).await
    }

    pub(crate) fn policy_file(&self, name: &str) -> PathBuf {
        self.directory.path().join("policies").join(name)
    }

    /// As a deployment tool does it: the new content is there whole or not at all.
    pub(crate) fn replace_policy(&self, name: &str, text: &str) {
        let beside = self.directory.path().join("next");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.policy_file(name)).unwrap();
    }

    pub(crate) fn denials(&self) -> PathBuf {
        self.directory.path().join("denials")
    }

    /// Every file of the door's that is not a denial.
    pub(crate) fn files_outside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(self.directory.path(), &mut files);
        files.retain(|path, _| !path.starts_with(self.denials()));
        files
    }

    /// Everything that is kept of one denial, once it is.
    pub(crate) async fn denial(&self, uid: &str) -> PathBuf {
        let directory = self.denials().join(uid);
        eventually("the denial is kept", async || {
            directory.is_dir().then(|| directory.clone())
        })
        .await
    }

    /// The record of one request, once it is written.
    pub(crate) async fn record(&self, uid: &str) -> Value {
        let found = async || self.records.all().into_iter().find(|record| record["id"] == uid);
        eventually("the record is written", found).await
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        self.records.all()
    }

    /// The value of one metric, written as it stands in the text.
    pub(crate) async fn metric(&self, series: &str) -> Option<u64> {
        let text = self.api_server.get(&format!("http://{}/metrics", self.admin)).await;
        text.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }

    /// Every series of every metric, without its value.
    pub(crate) async fn series(&self) -> Vec<String> {
        let text = self.api_server.get(&format!("http://{}/metrics", self.admin)).await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
            .collect()
    }

    /// Waits until a metric has this value.
    pub(crate) async fn counts(&self, series: &str, value: u64) {
        let counted = async || (self.metric(series).await == Some(value)).then_some(());
        eventually(&format!("{series} is {value}"), counted).await;
    }

    /// Closes the door, with everything written that was to be.
    pub(crate) async fn close(self) -> Vec<Value> {
        self.close.send(()).unwrap();
        assert_eq!(self.running.await.unwrap().unwrap(), Drained::InTime);
        self.records.all()
    }
}

fn plan(directory: &Path, records: &Lines) -> AdmissionPlan {
    AdmissionPlan {
        listen: LOOPBACK,
        admin: Some(LOOPBACK),
        certificate: directory.join("tls.crt"),
        key: directory.join("tls.key"),
        policies: vec![directory.join("policies")],
        settings: Settings::deny_unmatched(),
        roots: None,
        client: Client::new(ClientConfig::default()).unwrap(),
        credentials: Credentials::anonymous(),
        cache: CacheConfig::standard(),
        denials: Some(directory.join("denials")),
        recorder: Recorder::to(records.clone()).unwrap(),
        drain: AT_ONCE,
        clock: Timestamp::now,
    }
}

/// Gives the certificate back, which is its own authority.
fn write_certificate(directory: &Path) -> String {
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    std::fs::write(directory.join("tls.crt"), certificate.pem()).unwrap();
    std::fs::write(directory.join("tls.key"), key.serialize_pem()).unwrap();
    certificate.pem()
}

fn walk(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
}

/// Asks until there is an answer; a test that waits for nothing says what it waited for.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered)
        .await
        .unwrap_or_else(|_| panic!("it did not come about that {what}"))
}

/// A sink that can be read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Every line that is whole.
    fn all(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        bytes[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}
