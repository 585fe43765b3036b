//! A real cluster: registers the webhooks for a namespace of our own, asks for Pods, and takes everything away again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kubectl::Kubectl;
use super::scenes::{Answer, pod};
use crate::exit::Exit;
use crate::failure::Failure;

/// The namespace and both registrations.
const NAME: &str = "countersign-quickstart";
const LABEL: &str = "countersign.dev/quickstart";
/// How long an API server may take to ask at a webhook that was just registered.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the API server says of a Pod that a webhook turned away, as opposed to one that it could not ask about.
const DENIED: &str = "denied the request";

pub(super) struct Cluster {
    kubectl: Kubectl,
}

impl Cluster {
    /// Makes the namespace. From then on everything of this name is ours, and [`Cluster::clear`] takes it away.
    pub(super) async fn claim(kubeconfig: PathBuf) -> Result<Self, Failure> {
        let kubectl = Kubectl::new(kubeconfig);
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAME, "labels": { LABEL: "true" } },
        });
        let said = kubectl.run(&["create", "-f", "-"], Some(&namespace)).await?;
        if said.succeeded {
            return Ok(Self { kubectl });
        }
        let hint = if said.text.contains("AlreadyExists") {
            format!(
                "somebody else's quickstart is running there, or one was killed: then `kubectl delete {KINDS} {NAME}`"
            )
        } else {
            "--kubeconfig needs a cluster that answers, and the rights of its administrator".to_owned()
        };
        Err(Failure::new(Exit::Refused, anyhow::anyhow!("{}", said.text))
            .context(format!("the namespace `{NAME}` could not be made"))
            .hint(hint))
    }

    /// Registers both webhooks, for our namespace alone.
    pub(super) async fn register(&self, base_url: &str, ca_pem: &str) -> Result<(), Failure> {
        for (kind, phase) in [
            ("MutatingWebhookConfiguration", "mutate"),
            ("ValidatingWebhookConfiguration", "validate"),
        ] {
            let said = self
                .kubectl
                .run(
                    &["create", "-f", "-"],
                    Some(&registration(kind, phase, base_url, ca_pem)),
                )
                .await?;
            if !said.succeeded {
                return Err(Failure::new(Exit::Refused, anyhow::anyhow!("{}", said.text))
                    .context(format!("the {kind} could not be registered"))
                    .hint("it needs the rights of a cluster administrator"));
            }
        }
        Ok(())
    }

    /// Waits until the API server asks at both doors, without storing anything: it learns of them a moment later, and
    /// until then it would let everything in.
    pub(super) async fn until_asked(&self, base_url: &str, signed: &str, unsigned: &str) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let last_word = match (self.ask(unsigned).await?, self.ask(signed).await?) {
                (Probe::Denied, Probe::Stored(image)) if image.contains("@sha256:") => return Ok(()),
                (Probe::Failed(words), _) | (_, Probe::Failed(words)) => words,
                _ => "it does not ask at the door".to_owned(),
            };
            if began.elapsed() > PATIENCE {
                return Err(Failure::undecided(anyhow::anyhow!("{last_word}"))
                    .context(format!("the API server did not come to the door at {base_url}"))
                    .hint("--advertise must be an address of this machine that the API server can reach: mind firewalls and NAT"));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn ask(&self, image: &str) -> Result<Probe, Failure> {
        let said = self.create_pod(&pod("probe", image), &["--dry-run=server"]).await?;
        Ok(match said {
            (true, image) => Probe::Stored(image),
            (false, words) if words.contains(DENIED) => Probe::Denied,
            (false, words) => Probe::Failed(words),
        })
    }

    /// Asks for a Pod; `kubectl`'s words are the answer.
    pub(super) async fn create(&self, pod: &Value) -> Result<Answer, Failure> {
        match self.create_pod(pod, &[]).await? {
            (true, image) => Ok(Answer::Stored(image)),
            (false, words) if words.contains(DENIED) => Ok(Answer::TurnedAway(words)),
            (false, words) => {
                Err(Failure::undecided(anyhow::anyhow!("{words}")).context("the cluster gave no answer about the Pod"))
            }
        }
    }

    async fn create_pod(&self, pod: &Value, how: &[&str]) -> Result<(bool, String), Failure> {
        let arguments = [
            "create",
            "-n",
            NAME,
            "-f",
            "-",
            "-o",
            "jsonpath={.spec.containers[*].image}",
        ];
        let said = self.kubectl.run(&[&arguments, how].concat(), Some(pod)).await?;
        Ok((said.succeeded, said.text))
    }

    /// Takes away what was brought; the webhooks first, so that nothing is asked any longer.
    pub(super) async fn clear(&self) -> Result<(), Failure> {
        let mut left = Vec::new();
        for kind in KINDS.split(',') {
            let said = self
                .kubectl
                .run(&["delete", kind, NAME, "--ignore-not-found", "--wait=false"], None)
                .await?;
            if !said.succeeded {
                left.push(format!("{kind}/{NAME} ({})", said.text));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(
            Failure::new(Exit::Refused, anyhow::anyhow!("the cluster kept {}", left.join(", ")))
                .hint(format!("take away what is left with `kubectl delete {KINDS} {NAME}`")),
        )
    }
}

/// What is made there, in the order in which it is taken away.
const KINDS: &str = "validatingwebhookconfiguration,mutatingwebhookconfiguration,namespace";

/// What an API server says about a Pod that is not to be stored.
enum Probe {
    Stored(String),
    Denied,
    Failed(String),
}

fn registration(kind: &str, phase: &str, base_url: &str, ca_pem: &str) -> Value {
    let rule = |group: &str, resources: &[&str]| {
        json!({
            "apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": resources,
            "scope": "Namespaced",
        })
    };
    let mut webhook = json!({
        "name": format!("{phase}.countersign.dev"),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 10,
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": NAME } },
        "clientConfig": { "url": format!("{base_url}/{phase}"), "caBundle": STANDARD.encode(ca_pem) },
        "rules": [
            rule("", &["pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers"]),
            rule("apps", &["deployments", "replicasets", "statefulsets", "daemonsets"]),
            rule("batch", &["jobs", "cronjobs"]),
        ],
    });
    if phase == "mutate" {
        webhook["reinvocationPolicy"] = json!("IfNeeded");
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": { "name": NAME, "labels": { LABEL: "true" } }, "webhooks": [webhook],
    })
}
