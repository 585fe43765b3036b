//! Credential helpers: programs that keep credentials elsewhere (`docker-credential-<name> get`).

use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_image::json;
use moka::future::Cache;
use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::Credential;
use super::docker::basic;
use crate::secret::Secret;

/// Longest run of one program.
const LONGEST_RUN: Duration = Duration::from_secs(10);
/// Most bytes of output that are read.
const MAX_OUTPUT: u64 = 64 << 10;
/// How long an answer is used again. The shortest-lived passwords that such programs give out last an hour.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);

/// Runs helper programs, each at most once at a time for one server.
#[derive(Clone)]
pub(super) struct Programs {
    answers: Cache<(String, String), Option<Credential>>,
}

impl Programs {
    pub(super) fn new() -> Self {
        Self {
            answers: Cache::builder().max_capacity(1000).time_to_live(KEPT_FOR).build(),
        }
    }

    /// What the program keeps for a server; `None` if it keeps nothing.
    pub(super) async fn get(
        &self,
        name: &str,
        server: &str,
        deadline: Instant,
    ) -> Result<Option<Credential>, Arc<ProgramError>> {
        let key = (name.to_owned(), server.to_owned());
        let allowed = LONGEST_RUN.min(deadline.saturating_duration_since(Instant::now()));
        let program = format!("docker-credential-{name}");
        self.answers.try_get_with(key, run(&program, server, allowed)).await
    }
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Programs")
    }
}

#[derive(Debug, Error)]
pub(super) enum ProgramError {
    #[error("`{program}` could not be run")]
    Run { program: String, source: std::io::Error },
    #[error("`{program}` did not end within {:.1} s", after.as_secs_f64())]
    TimedOut { program: String, after: Duration },
    #[error("`{program}` wrote more than {MAX_OUTPUT} bytes")]
    TooLong { program: String },
    /// What it wrote may hold a password, and is not repeated.
    #[error("`{program}` failed ({status})")]
    Failed { program: String, status: ExitStatus },
    #[error("`{program}` wrote something that is not a credential")]
    Unreadable { program: String },
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: Secret,
}

async fn run(program: &str, server: &str, allowed: Duration) -> Result<Option<Credential>, ProgramError> {
    let failed = |source| ProgramError::Run {
        program: program.to_owned(),
        source,
    };
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let exchange = async {
        if let Some(mut input) = input {
            // A program that ends before it has read answers all the same; its status says how.
            let _ = input.write_all(server.as_bytes()).await;
        }
        let output = match output {
            Some(output) => read(output).await.map_err(failed)?,
            None => Zeroizing::new(Vec::new()),
        };
        if output.len() as u64 > MAX_OUTPUT {
            return Err(ProgramError::TooLong {
                program: program.to_owned(),
            });
        }
        Ok((child.wait().await.map_err(failed)?, output))
    };
    let ended = tokio::time::timeout(allowed, exchange).await;
    let (status, output) = ended.map_err(|_| ProgramError::TimedOut {
        program: program.to_owned(),
        after: allowed,
    })??;
    if !status.success() {
        // The one failure that the protocol names: there is no credential for this server.
        let says_not_found = String::from_utf8_lossy(&output).contains("credentials not found");
        let failure = ProgramError::Failed {
            program: program.to_owned(),
            status,
        };
        return if says_not_found { Ok(None) } else { Err(failure) };
    }
    let answer: Answer = json::strict(&output).map_err(|_| ProgramError::Unreadable {
        program: program.to_owned(),
    })?;
    Ok(Some(basic(answer.user, answer.secret)))
}

async fn read(output: impl AsyncRead + Unpin) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    output.take(MAX_OUTPUT + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn answer(script: &str) -> Result<Option<Credential>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker-credential-test");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let outcome = run(path.to_str().unwrap(), "ghcr.io", Duration::from_secs(2)).await;
        outcome.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_program_is_asked_as_the_protocol_says() {
        let script = r#"read server; [ "$1" = get ] && printf '{"ServerURL":"%s","Username":"u","Secret":"for %s"}' "$server" "$server""#;
        let expected = Credential::Basic {
            user: "u".to_owned(),
            password: Secret::new("for ghcr.io"),
        };
        assert_eq!(answer(script).await.unwrap(), Some(expected));
        let script = r#"printf '{"Username":"<token>","Secret":"t"}'"#;
        assert_eq!(
            answer(script).await.unwrap(),
            Some(Credential::IdentityToken(Secret::new("t")))
        );
        let script = "echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(answer(script).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_program_that_misbehaves_is_named_and_not_repeated() {
        for (script, expected) in [
            ("echo hunter2; exit 3", "failed (exit status: 3)"),
            ("echo hunter2", "wrote something that is not a credential"),
            ("exec sleep 60", "did not end within 2.0 s"),
            ("exec cat /dev/zero", "wrote more than 65536 bytes"),
        ] {
            let error = answer(script).await.unwrap_err();
            assert!(error.ends_with(expected), "{script}: {error}");
        }
    }
}
