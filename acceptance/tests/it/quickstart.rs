//! The story of `quickstart`, told to a real cluster, which must be as it was before when it is over.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use countersign_acceptance::command::{self, Output};
use countersign_acceptance::plane::Plane;
use countersign_acceptance::process::{Running, free_address};
use countersign_acceptance::programs::{countersign, tool};
use countersign_acceptance::wait::{self, SOON};
use serde_json::Value;
use tempfile::TempDir;

/// What it names everything that it brings.
const NAME: &str = "countersign-quickstart";
const WEBHOOKS: &str = "mutatingwebhookconfigurations,validatingwebhookconfigurations";

/// One test, as each part needs the cluster without the others' namespace.
#[test]
fn the_story_is_true_in_a_real_cluster_and_leaves_nothing_behind() -> Result<()> {
    let person = Person::new()?;
    told_to_the_end(&person)?;
    stopped_in_the_middle(&person)?;
    not_begun_where_another_is_told(&person)
}

fn told_to_the_end(person: &Person) -> Result<()> {
    let said = person.quickstart(&["-o", "json"])?.with_code(0)?;
    let document: Value = serde_json::from_str(&said.stdout).context("not one JSON document")?;
    assert_eq!(document["asTold"], true, "{said}");
    let scenes = document["scenes"].as_array().context("no scenes")?;
    let verdicts: Vec<_> = scenes.iter().map(|scene| scene["verdict"].as_str()).collect();
    assert_eq!(verdicts, [Some("admit"), Some("deny"), Some("deny"), Some("deny")]);
    // In kubectl's words, not in ours.
    for scene in &scenes[1..] {
        let words = scene["words"].as_str().unwrap_or_default();
        assert!(words.contains("denied the request"), "{words}");
    }
    person.until_nothing_is_left()
}

fn stopped_in_the_middle(person: &Person) -> Result<()> {
    let configure = |command: &mut Command| {
        person.configure(command, &["--stay"]);
    };
    let mut running = Running::start("quickstart", person.home.path(), &countersign()?, configure)?;
    running.until_ready(|| person.webhooks().is_ok_and(|names| !names.is_empty()))?;
    running.stop()?;
    ensure!(
        person.webhooks()?.is_empty(),
        "a webhook is still registered, and nobody answers it"
    );
    person.until_nothing_is_left()
}

fn not_begun_where_another_is_told(person: &Person) -> Result<()> {
    person.plane.kubectl(&["create", "namespace", NAME])?.success()?;
    let said = person.quickstart(&[])?.with_code(1)?;
    said.saying(&["AlreadyExists", "kubectl delete"])?;
    let stored = person
        .plane
        .kubectl(&["get", "namespace", NAME, "-o", "jsonpath={.status.phase}"])?
        .success()?;
    assert_eq!(stored.stdout, "Active", "the other's namespace was taken away");
    person
        .plane
        .kubectl(&["delete", "namespace", NAME, "--wait=false"])?
        .success()?;
    person.until_nothing_is_left()
}

/// Somebody with a kubeconfig, and `kubectl` on the path.
struct Person {
    plane: Arc<Plane>,
    kubectl: PathBuf,
    home: TempDir,
}

impl Person {
    fn new() -> Result<Self> {
        let plane = Plane::shared()?;
        let home = tempfile::tempdir().context("no temporary folder")?;
        let kubeconfig = plane.kubectl(&["config", "view", "--raw", "--flatten"])?.success()?;
        std::fs::write(home.path().join("kubeconfig"), kubeconfig.stdout).context("cannot write the kubeconfig")?;
        Ok(Self {
            plane,
            kubectl: tool("kubectl")?,
            home,
        })
    }

    fn configure(&self, command: &mut Command, words: &[&str]) {
        let advertised = free_address().map(|address| address.to_string()).unwrap_or_default();
        command
            .arg("quickstart")
            .arg("--kubeconfig")
            .arg(self.home.path().join("kubeconfig"));
        command.args(["--advertise", &advertised]).args(words);
        let before = std::env::var("PATH").unwrap_or_default();
        let kubectl = self.kubectl.parent().unwrap_or(Path::new("/")).display();
        command
            .env("HOME", self.home.path())
            .env("PATH", format!("{kubectl}:{before}"));
    }

    fn quickstart(&self, words: &[&str]) -> Result<Output> {
        command::run(&countersign()?, |command| self.configure(command, words), "")
    }

    fn webhooks(&self) -> Result<String> {
        let words = ["get", WEBHOOKS, "-l", "countersign.dev/quickstart", "-o", "name"];
        Ok(self.plane.kubectl(&words)?.success()?.stdout)
    }

    fn until_nothing_is_left(&self) -> Result<()> {
        ensure!(
            self.webhooks()?.is_empty(),
            "a webhook is still registered, and nobody answers it"
        );
        wait::until("the namespace to be gone", SOON, || {
            let said = self
                .plane
                .kubectl(&["get", "namespace", NAME, "--ignore-not-found", "-o", "name"])?;
            Ok(said.success()?.stdout.is_empty().then_some(()))
        })
    }
}
