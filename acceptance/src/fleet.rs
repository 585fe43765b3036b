//! Our door as a cluster runs it: some replicas with the same files, behind one address that the API server calls.
//!
//! What `examples/cluster.yaml` says is what is started and registered; only addresses, paths and names are this machine's.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::balancer::Balancer;
use crate::http;
use crate::manifest;
use crate::objects;
use crate::pki::{Authority, Files};
use crate::plane::Plane;
use crate::process::{Running, free_address};
use crate::programs::countersign;
use crate::volume::Volume;
use crate::wait::{self, SOON};

/// Longer than the endpoints lag, and no longer than a test wants to wait.
const GRACE: &str = "4s";
/// After the grace nobody is to be in the way of a replica's end.
const STOPS_WITHIN: Duration = Duration::from_secs(15);
/// The one file with policies.
pub const POLICIES: &str = "policies.json";

/// How the API server is told to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By a Service: HTTP/1.1, under the Service's name.
    Service,
    /// By a URL on loopback: HTTP/2, all requests over one connection.
    Url,
}

/// Dropped in this order: the registration is withdrawn before the replicas end.
pub struct Fleet {
    pub plane: Arc<Plane>,
    pub namespace: String,
    pub balancer: Balancer,
    pub policies: Volume,
    pub certificates: Volume,
    form: Form,
    manifests: Vec<Value>,
    docker: PathBuf,
    folder: TempDir,
}

/// One process of ours.
pub struct Replica {
    running: Running,
    pub address: SocketAddr,
    admin: SocketAddr,
    pub folder: TempDir,
}

impl Fleet {
    /// Files and a namespace; nothing is started or registered yet.
    pub fn new(namespace: &str, form: Form, policies: &[Value], docker: &Path) -> Result<Self> {
        let plane = Plane::shared()?;
        plane.namespace(namespace)?;
        let folder = tempfile::Builder::new()
            .prefix("countersign-fleet-")
            .tempdir()
            .context("no temporary folder")?;
        let pair = pair(plane.authority(), namespace)?;
        let certificates = Volume::mount(folder.path().join("tls"), &pair.files())?;
        let policies = Volume::mount(folder.path().join("policies"), &[(POLICIES, &list(policies))])?;
        let mut manifests = manifest::objects(&plane, "cluster.yaml", &[])?;
        if form == Form::Url {
            manifests.retain(|object| object["kind"] == "Deployment");
            manifests.extend(manifest::objects(&plane, "webhooks.yaml", &[])?);
        }
        Ok(Self {
            balancer: Balancer::start()?,
            plane,
            namespace: namespace.to_owned(),
            policies,
            certificates,
            form,
            manifests,
            docker: docker.to_owned(),
            folder,
        })
    }

    /// One more replica, behind the balancer.
    pub fn start(&self) -> Result<Replica> {
        let folder = tempfile::tempdir_in(self.folder.path()).context("no temporary folder")?;
        let (address, admin) = (free_address()?, free_address()?);
        let words = self.words(folder.path(), address, admin)?;
        let mut running = Running::start("door", folder.path(), &countersign()?, |command| {
            command.args(&words);
            command.env("HOME", folder.path()).env("DOCKER_CONFIG", &self.docker);
        })?;
        running.until_ready(|| http::get(admin, "/readyz").is_ok_and(|answer| answer.status == 200))?;
        self.balancer.add(address, admin);
        Ok(Replica {
            running,
            address,
            admin,
            folder,
        })
    }

    /// The arguments of the Deployment's container, on this machine.
    fn words(&self, own: &Path, address: SocketAddr, admin: SocketAddr) -> Result<Vec<String>> {
        let deployment = manifest::of_kind(&self.manifests, "Deployment")?;
        let words = deployment.pointer("/spec/template/spec/containers/0/args");
        let words = words.and_then(Value::as_array).context("the container has no args")?;
        let (policies, certificates) = (self.policies.path(), self.certificates.path());
        let here = |word: &Value| {
            let word = word.as_str().context("an argument is no text")?;
            let (flag, value) = word.split_once('=').unwrap_or((word, ""));
            Ok(match flag {
                "--listen" => format!("--listen={address}"),
                "--admin" => format!("--admin={admin}"),
                "--drain-grace" => format!("--drain-grace={GRACE}"),
                _ if value.is_empty() => word.to_owned(),
                _ => word
                    .replace("/etc/countersign/policies", &policies.to_string_lossy())
                    .replace("/etc/countersign/tls", &certificates.to_string_lossy())
                    .replace("=/var/", &format!("={}/var/", own.display())),
            })
        };
        words.iter().map(here).collect()
    }

    /// Registers the webhooks, and returns once the API server asks at both.
    pub fn register(&self, signed: &str) -> Result<()> {
        if self.form == Form::Service {
            self.apply(&self.service())?;
        }
        let probe = objects::pod("probe", signed).to_string();
        let words = [
            "create",
            "-n",
            &self.namespace,
            "--dry-run=server",
            "-o",
            "json",
            "-f",
            "-",
        ];
        for (kind, asked) in [
            ("ValidatingWebhookConfiguration", false),
            ("MutatingWebhookConfiguration", true),
        ] {
            self.apply(&self.registration(kind, &self.plane.authority().pem())?)?;
            let mut last = String::new();
            let answered = wait::until("the webhook to be asked", SOON, || {
                let said = self.plane.kubectl_with(&words, &probe)?;
                last = said.to_string();
                // Alone the validating one turns a tag away; with the other beside it the tag comes back with its digest.
                Ok((said.succeeded() == asked && (!asked || last.contains("@sha256:"))).then_some(()))
            });
            answered.with_context(|| format!("the last answer was:\n{last}"))?;
        }
        Ok(())
    }

    /// From now on the API server believes these authorities, and calls over new connections.
    pub fn trust(&self, authorities: &str) -> Result<()> {
        for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
            self.apply(&self.registration(kind, authorities)?)?;
        }
        Ok(())
    }

    /// A certificate for this fleet.
    pub fn pair(&self, authority: &Authority) -> Result<Pair> {
        pair(authority, &self.namespace)
    }

    /// Where there is no kube-proxy, a Service can only be another name for this machine.
    fn service(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "countersign", "namespace": self.namespace},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        })
    }

    fn registration(&self, kind: &str, authorities: &str) -> Result<Value> {
        let documented = manifest::of_kind(&self.manifests, kind)?;
        let name = format!("countersign-{}", self.namespace);
        let mut configuration = manifest::confined(documented, &name, &self.namespace, authorities);
        let address = self.balancer.address();
        for webhook in configuration["webhooks"].as_array_mut().into_iter().flatten() {
            let client = &mut webhook["clientConfig"];
            match client["url"].as_str() {
                Some(url) => client["url"] = json!(url.replace("ADDRESS", &address.to_string())),
                None => {
                    client["service"]["namespace"] = json!(self.namespace);
                    client["service"]["port"] = json!(address.port());
                }
            }
        }
        Ok(configuration)
    }

    fn apply(&self, object: &Value) -> Result<()> {
        self.plane
            .kubectl_with(&["apply", "-f", "-"], &object.to_string())?
            .success()?;
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // The plane may be shared by tests that go on: neither its controllers nor its API server are to retry here.
        let name = format!("countersign-{}", self.namespace);
        let kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations";
        self.plane.kubectl(&["delete", kinds, &name, "--wait=false"]).ok();
        self.plane
            .kubectl(&["delete", "namespace", &self.namespace, "--wait=false"])
            .ok();
    }
}

impl Replica {
    /// Asks it to end: it has to do so by itself, in time, and without a complaint.
    pub fn stop(self) -> Result<()> {
        let Self { running, folder, .. } = self;
        let log = folder.path().join("door.log");
        let stopped = running.stop()?;
        let said = std::fs::read_to_string(log).unwrap_or_default();
        if !stopped.status.success() || said.contains("cut off") {
            bail!(
                "a replica that was asked to stop ended with {}:\n{said}",
                stopped.status
            );
        }
        if stopped.took > STOPS_WITHIN {
            bail!("a replica took {} s to stop", stopped.took.as_secs());
        }
        Ok(())
    }

    /// Ends it at whatever instruction it is.
    pub fn kill(self) -> Result<()> {
        self.running.kill()
    }

    /// The value of one metric, written as it stands in the text.
    pub fn metric(&self, series: &str) -> Result<u64> {
        let text = http::get(self.admin, "/metrics")?.body;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        value.with_context(|| format!("there is no {series} in\n{text}"))
    }

    /// The generation of the policies in force.
    pub fn generation(&self) -> Result<String> {
        let text = http::get(self.admin, "/metrics")?.body;
        let named = text
            .lines()
            .find_map(|line| line.strip_prefix("countersign_policy_set_info{generation=\""));
        let generation = named.and_then(|rest| rest.split_once('"'));
        Ok(generation.context("no generation is told")?.0.to_owned())
    }

    pub fn log(&self) -> String {
        self.running.log()
    }
}

/// Certificate and key as text.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Pair {
    pub fn files(&self) -> [(&'static str, &str); 2] {
        [("tls.crt", &self.certificate), ("tls.key", &self.key)]
    }
}

fn pair(authority: &Authority, namespace: &str) -> Result<Pair> {
    let name = format!("countersign.{namespace}.svc");
    let Files { certificate, key } = authority.serving(&name, &[&name])?;
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    Ok(Pair {
        certificate: read(&certificate)?,
        key: read(&key)?,
    })
}

/// Policies as one text.
pub fn list(policies: &[Value]) -> String {
    // JSON is YAML.
    let documents = policies.iter().map(|policy| format!("---\n{policy}\n"));
    documents.collect()
}
