//! A control plane without nodes: etcd, the API server and the controllers that make Pods of other workloads.
//!
//! Pods are stored and stay pending, which is all that admission needs. One plane serves all tests that run at the same
//! time, each in a namespace of its own; it ends with the last of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{self, Output};
use crate::http;
use crate::pki::{self, Authority, Files};
use crate::process::{Running, free_address};
use crate::programs::tool;
use crate::wait::{self, SOON};

/// Fewer of them start in three seconds instead of eight.
const CONTROLLERS: &[&str] = &[
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "deployment-controller",
    "replicaset-controller",
    "replicationcontroller-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "cronjob-controller",
];

/// Dropped in this order: who asks before who is asked.
pub struct Plane {
    _proxy: Running,
    proxied: SocketAddr,
    _controllers: Running,
    _server: Running,
    _store: Running,
    address: SocketAddr,
    kubeconfig: PathBuf,
    authority: Authority,
    folder: TempDir,
}

impl Plane {
    /// The plane that other tests use now, or a new one.
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Plane>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plane) = shared.upgrade() {
            return Ok(plane);
        }
        let plane = Arc::new(Self::start().context("cannot start a control plane")?);
        *shared = Arc::downgrade(&plane);
        Ok(plane)
    }

    fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("countersign-plane-")
            .tempdir()
            .context("no temporary folder")?;
        let home = folder.path();
        let authority = Authority::new(home)?;
        let (store, store_address) = start_store(home)?;
        let address = free_address()?;
        let accounts = pki::service_accounts(home)?;
        let administrator = authority.client("administrator", Some("system:masters"))?;
        let kubeconfig = write_kubeconfig(home, "administrator", address, &authority, &administrator)?;
        let mut server = start_server(home, address, store_address, &authority, &accounts)?;
        server.until_ready(|| {
            kubectl(home, &kubeconfig, &["get", "--raw", "/readyz"], "").is_ok_and(|said| said.succeeded())
        })?;
        let manager = authority.client("system:kube-controller-manager", None)?;
        let managed = write_kubeconfig(home, "controllers", address, &authority, &manager)?;
        let controllers = start_controllers(home, &managed, &authority, &accounts.0)?;
        let (proxy, proxied) = start_proxy(home, &kubeconfig)?;
        let plane = Self {
            _proxy: proxy,
            proxied,
            _controllers: controllers,
            _server: server,
            _store: store,
            address,
            kubeconfig,
            authority,
            folder,
        };
        plane.until_accounts("default")?;
        plane.add_node()?;
        Ok(plane)
    }

    /// What certificates of servers that the API server calls are to be signed by.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where the API server itself listens, over TLS, for whoever brings a certificate.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self, words: &[&str]) -> Result<Output> {
        self.kubectl_with(words, "")
    }

    pub fn kubectl_with(&self, words: &[&str], input: &str) -> Result<Output> {
        kubectl(self.folder.path(), &self.kubeconfig, words, input)
    }

    /// Sends an object straight to the API server, for whoever sends many.
    pub fn post(&self, path: &str, object: &Value) -> Result<http::Answer> {
        http::post(self.proxied, path, &object.to_string())
    }

    /// One object, as it is stored.
    pub fn stored(&self, namespace: &str, kind: &str, name: &str) -> Result<Value> {
        self.json(&["get", kind, name, "-n", namespace])
    }

    /// All objects of a kind that match the labels (every one, if there are none to match).
    pub fn list(&self, namespace: &str, kind: &str, labels: &str) -> Result<Vec<Value>> {
        let list = self.json(&["get", kind, "-n", namespace, "-l", labels])?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Makes a namespace in which Pods can be created.
    pub fn namespace(&self, name: &str) -> Result<()> {
        self.kubectl(&["create", "namespace", name])?.success()?;
        self.until_accounts(name)
    }

    fn json(&self, words: &[&str]) -> Result<Value> {
        let said = self.kubectl(&[words, &["-o", "json"]].concat())?.success()?;
        serde_json::from_str(&said.stdout).context("kubectl did not print JSON")
    }

    /// Without its service account the API server refuses every Pod of a namespace.
    fn until_accounts(&self, namespace: &str) -> Result<()> {
        wait::until(&format!("the default service account of {namespace}"), SOON, || {
            let said = self.kubectl(&["get", "serviceaccount", "default", "-n", namespace, "-o", "name"])?;
            Ok(said.succeeded().then_some(()))
        })
    }

    /// No kubelet stands behind it, but a DaemonSet makes a Pod for each Node that is not tainted.
    fn add_node(&self) -> Result<()> {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "nobody"}});
        self.kubectl_with(&["create", "-f", "-"], &node.to_string())?
            .success()?;
        // It is born so, and no kubelet will ever report it ready.
        self.kubectl(&["taint", "node", "nobody", "node.kubernetes.io/not-ready:NoSchedule-"])?
            .success()?;
        Ok(())
    }
}

fn kubectl(home: &Path, kubeconfig: &Path, words: &[&str], input: &str) -> Result<Output> {
    let configure = |command: &mut Command| {
        command
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--cache-dir")
            .arg(home.join("kubectl-cache"));
        command.args(words).env("HOME", home);
    };
    command::run(&tool("kubectl")?, configure, input)
}

fn start_store(home: &Path) -> Result<(Running, SocketAddr)> {
    let (clients, peers) = (free_address()?, free_address()?);
    let mut store = Running::start("etcd", home, &tool("etcd")?, |command| {
        let (clients, peers) = (format!("http://{clients}"), format!("http://{peers}"));
        command
            .arg("--unsafe-no-fsync")
            .arg("--data-dir")
            .arg(home.join("etcd"));
        command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", &format!("default={peers}")]);
    })?;
    store.until_ready(|| http::get(clients, "/health").is_ok_and(|answer| answer.status == 200))?;
    Ok((store, clients))
}

fn start_server(
    home: &Path,
    address: SocketAddr,
    store: SocketAddr,
    authority: &Authority,
    (private, public): &(PathBuf, PathBuf),
) -> Result<Running> {
    let serving = authority.serving("kube-apiserver", &["kubernetes.default.svc"])?;
    Running::start("kube-apiserver", home, &tool("kube-apiserver")?, |command| {
        command.arg(format!("--etcd-servers=http://{store}"));
        command.args(["--bind-address=127.0.0.1", "--endpoint-reconciler-type=none"]);
        command.arg(format!("--secure-port={}", address.port()));
        command
            .arg("--tls-cert-file")
            .arg(serving.certificate)
            .arg("--tls-private-key-file")
            .arg(serving.key);
        command.arg("--client-ca-file").arg(authority.certificate());
        command.arg("--service-account-issuer=https://kubernetes.default.svc");
        command
            .arg("--service-account-key-file")
            .arg(public)
            .arg("--service-account-signing-key-file")
            .arg(private);
        command.args([
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
        ]);
    })
}

fn start_controllers(home: &Path, kubeconfig: &Path, authority: &Authority, accounts: &Path) -> Result<Running> {
    let address = free_address()?;
    Running::start(
        "kube-controller-manager",
        home,
        &tool("kube-controller-manager")?,
        |command| {
            command
                .arg("--kubeconfig")
                .arg(kubeconfig)
                .args(["--use-service-account-credentials=true", "--leader-elect=false"]);
            command.arg("--root-ca-file").arg(authority.certificate());
            command.arg("--service-account-private-key-file").arg(accounts);
            command.args([
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={}", address.port()),
            ]);
            command
                .arg("--cert-dir")
                .arg(home)
                .arg(format!("--controllers={}", CONTROLLERS.join(",")));
        },
    )
}

/// kubectl takes a tenth of a second to start; whoever sends hundreds of requests goes through this.
fn start_proxy(home: &Path, kubeconfig: &Path) -> Result<(Running, SocketAddr)> {
    let address = free_address()?;
    let mut proxy = Running::start("kubectl-proxy", home, &tool("kubectl")?, |command| {
        command
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["proxy", "--address=127.0.0.1"]);
        command.arg(format!("--port={}", address.port())).env("HOME", home);
    })?;
    proxy.until_ready(|| http::get(address, "/readyz").is_ok_and(|answer| answer.status == 200))?;
    Ok((proxy, address))
}

fn write_kubeconfig(
    home: &Path,
    name: &str,
    server: SocketAddr,
    authority: &Authority,
    client: &Files,
) -> Result<PathBuf> {
    let path = home.join(format!("{name}.kubeconfig"));
    // JSON is YAML.
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "plane", "cluster": {
            "server": format!("https://{server}"), "certificate-authority": authority.certificate(),
        }}],
        "users": [{"name": name, "user": {"client-certificate": client.certificate, "client-key": client.key}}],
        "contexts": [{"name": "plane", "context": {"cluster": "plane", "user": name}}],
        "current-context": "plane",
    });
    std::fs::write(&path, config.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
