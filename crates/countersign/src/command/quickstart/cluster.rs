//! A real cluster in place of our own reviews: registers the webhooks, asks for Pods, and takes everything away again.
//!
//! It speaks through `kubectl`, which whoever has a kubeconfig has, and which knows every way to log in.

use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::exit::Exit;
use crate::failure::Failure;

const NAME: &str = "countersign-quickstart";

pub(super) struct Cluster {
    kubeconfig: PathBuf,
}

/// What `kubectl` said.
pub(super) struct Said {
    pub(super) succeeded: bool,
    pub(super) text: String,
}

impl Cluster {
    pub(super) fn new(kubeconfig: PathBuf) -> Self {
        Self { kubeconfig }
    }

    /// Registers both webhooks for one namespace, which is made first: nothing else in the cluster is touched.
    pub(super) async fn register(&self, base_url: &str, ca_pem: &str) -> Result<(), Failure> {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": NAME, "labels": { "countersign.dev/quickstart": "true" } },
        }))
        .await?;
        for (kind, phase) in [("MutatingWebhookConfiguration", "mutate"), ("ValidatingWebhookConfiguration", "validate")] {
            self.apply(&registration(kind, phase, base_url, ca_pem)).await?;
        }
        self.wait_for_account().await
    }

    /// Asks for a Pod; `kubectl`'s words are the result.
    pub(super) async fn ask_for_pod(&self, pod: &Value) -> Result<Said, Failure> {
        let mut pod = pod.clone();
        pod["metadata"]["namespace"] = json!(NAME);
        self.kubectl(&["create", "-f", "-", "-o", "jsonpath={.spec.containers[*].image}"], Some(&pod)).await
    }

    /// Takes away what [`Cluster::register`] brought; the webhooks first, so that nothing is asked any longer.
    pub(super) async fn clean_up(&self) -> Result<(), Failure> {
        let kinds = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration", "namespace"];
        let mut left = Vec::new();
        for kind in kinds {
            let said = self.kubectl(&["delete", kind, NAME, "--ignore-not-found", "--wait=false"], None).await?;
            if !said.succeeded {
                left.push(format!("{kind}/{NAME} ({})", said.text));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Exit::Refused, anyhow::anyhow!("the cluster kept {}", left.join(", ")))
            .hint(format!("delete what is left with `kubectl delete {} {NAME}`", kinds.join(","))))
    }

    async fn apply(&self, object: &Value) -> Result<(), Failure> {
        let said = self.kubectl(&["apply", "-f", "-"], Some(object)).await?;
        if said.succeeded {
            return Ok(());
        }
        Err(Failure::new(Exit::Refused, anyhow::anyhow!("{}", said.text))
            .context(format!("the cluster did not take the {}", object["kind"].as_str().unwrap_or("object")))
            .hint("registering webhooks needs the rights of a cluster administrator"))
    }

    async fn wait_for_account(&self) -> Result<(), Failure> {
        let until = "--for=create";
        let said = self.kubectl(&["wait", until, "serviceaccount/default", "-n", NAME, "--timeout=30s"], None).await?;
        if said.succeeded {
            return Ok(());
        }
        Err(Failure::undecided(anyhow::anyhow!("{}", said.text)).context(format!("namespace `{NAME}` did not become usable")))
    }

    async fn kubectl(&self, arguments: &[&str], input: Option<&Value>) -> Result<Said, Failure> {
        let mut child = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--request-timeout=30s")
            .args(arguments)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                Failure::misuse(error)
                    .context("`kubectl` could not be started")
                    .hint("--kubeconfig needs kubectl on the PATH: https://kubernetes.io/docs/tasks/tools/")
            })?;
        let failed = |error| Failure::undecided(anyhow::Error::from(error)).context("`kubectl` did not answer");
        if let (Some(object), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(object.to_string().as_bytes()).await.map_err(failed)?;
        }
        let output = child.wait_with_output().await.map_err(failed)?;
        let succeeded = output.status.success();
        let text = if succeeded { output.stdout } else { output.stderr };
        Ok(Said { succeeded, text: String::from_utf8_lossy(&text).trim_end().to_owned() })
    }
}

fn registration(kind: &str, phase: &str, base_url: &str, ca_pem: &str) -> Value {
    let mut webhook = json!({
        "name": format!("{phase}.countersign.dev"),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 10,
        "namespaceSelector": { "matchLabels": { "countersign.dev/quickstart": "true" } },
        "clientConfig": { "url": format!("{base_url}/{phase}"), "caBundle": STANDARD.encode(ca_pem) },
        "rules": [
            { "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
              "resources": ["pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers"] },
            { "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
              "resources": ["deployments", "replicasets", "statefulsets", "daemonsets"] },
            { "apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
              "resources": ["jobs", "cronjobs"] },
        ],
    });
    if phase == "mutate" {
        webhook["reinvocationPolicy"] = json!("IfNeeded");
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": { "name": NAME }, "webhooks": [webhook],
    })
}
