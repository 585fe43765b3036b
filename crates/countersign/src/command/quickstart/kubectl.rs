//! `kubectl`, which whoever has a kubeconfig has, and which knows every way to log in.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::failure::Failure;

pub(super) struct Kubectl {
    kubeconfig: PathBuf,
    turn: Arc<Mutex<()>>,
}

/// What it said: its result, or its complaint.
pub(super) struct Said {
    pub(super) succeeded: bool,
    pub(super) text: String,
}

impl Kubectl {
    pub(super) fn new(kubeconfig: PathBuf) -> Self {
        Self {
            kubeconfig,
            turn: Arc::default(),
        }
    }

    /// Runs it once, with an object on its standard input if there is one.
    ///
    /// One at a time, and each to its end, also where nobody waits for it any longer: what the cluster was asked for
    /// before is there, or is not, when it is asked to take it away.
    pub(super) async fn run(&self, arguments: &[&str], input: Option<&Value>) -> Result<Said, Failure> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let mut command = Command::new("kubectl");
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--request-timeout=10s")
            .args(arguments);
        let input = input.map(Value::to_string);
        let running = tokio::spawn(async move {
            let said = to_its_end(command, input).await;
            drop(turn);
            said
        });
        running
            .await
            .map_err(|error| Failure::undecided(error).context("`kubectl` was not waited for"))?
    }
}

async fn to_its_end(mut command: Command, input: Option<String>) -> Result<Said, Failure> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C at the terminal is meant for us, and we end what we have begun.
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| {
        Failure::misuse(error)
            .context("`kubectl` could not be started")
            .hint("--kubeconfig needs kubectl on the PATH: https://kubernetes.io/docs/tasks/tools/")
    })?;
    if let (Some(object), Some(mut stdin)) = (input, child.stdin.take()) {
        // One that ends before it has read everything says why itself.
        let _ = stdin.write_all(object.as_bytes()).await;
    }
    let output = child
        .wait_with_output()
        .await
        .map_err(|error| Failure::undecided(error).context("`kubectl` did not answer"))?;
    let succeeded = output.status.success();
    let text = if succeeded { output.stdout } else { output.stderr };
    Ok(Said {
        succeeded,
        text: String::from_utf8_lossy(&text).trim_end().to_owned(),
    })
}
