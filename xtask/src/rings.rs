//! `cargo xtask test`: the four rings, quickest answer first, and one word at the end for what ran and what did not.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::instructions::{Purpose, instructions, valgrind};
use crate::{corpus, tidy, tools};

/// How much of the rings to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Everything,
    WithoutAcceptance,
}

/// Runs the rings until one fails, and says at the end which ones ran.
pub fn test(root: &Path, scope: Scope) -> Result<()> {
    let mut log = Log::default();
    let outcome = run(root, scope, &mut log);
    println!("\n{}", log.summary(scope));
    outcome
}

fn run(root: &Path, scope: Scope, log: &mut Log) -> Result<()> {
    // There are two cores and Go's compiler waits for the network first: its builds run beside the Rust rings.
    let tools = match scope {
        Scope::Everything => {
            // What the last ring needs is looked for before the first: it takes half an hour to get there.
            log.step("valgrind", valgrind)?;
            Some(Background::start(root)?)
        }
        Scope::WithoutAcceptance => None,
    };
    rust_rings(root, log)?;
    let Some(tools) = tools else { return Ok(()) };
    log.step("tools", || tools.wait())?;
    // With the same packages as the ring before, so that no dependency is built again with other features.
    log.step("build", || {
        cargo(
            root,
            &[
                "build",
                "--workspace",
                "--exclude",
                "countersign-acceptance",
                "--bin",
                "countersign",
            ],
        )
    })?;
    log.step("acceptance", || {
        cargo(root, &["test", "--no-fail-fast", "-p", "countersign-acceptance"])
    })?;
    log.step("instructions", || instructions(root, Purpose::Compare))
}

fn rust_rings(root: &Path, log: &mut Log) -> Result<()> {
    log.step("fmt", || cargo(root, &["fmt", "--all", "--check"]))?;
    log.step("tidy", || tidy::tidy(root))?;
    log.step("corpus", || corpus::check(root))?;
    log.step("clippy", || {
        cargo(
            root,
            &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        )
    })?;
    log.step("test", || {
        cargo(
            root,
            &[
                "test",
                "--no-fail-fast",
                "--workspace",
                "--exclude",
                "countersign-acceptance",
            ],
        )
    })
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let shown = format!("cargo {}", arguments.join(" "));
    println!("\n$ {shown}");
    let status = Command::new(cargo)
        .args(arguments)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// The build of the tools, as a child with its own process group so that a failed ring can end the compilers too.
struct Background {
    child: Child,
    output: PathBuf,
    waited: bool,
}

impl Background {
    fn start(root: &Path) -> Result<Self> {
        // Before anything is compiled: who has no Go is to hear of it now, not after the Rust rings.
        tools::Cache::open(root)?;
        let output = std::env::temp_dir().join(format!("countersign-tools-{}.log", std::process::id()));
        let file = File::create(&output).with_context(|| format!("cannot create {}", output.display()))?;
        let child = Command::new(std::env::current_exe().context("cannot find this program's own path")?)
            .arg("tools")
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("cannot share the log of the tools")?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .context("cannot start the build of the tools")?;
        Ok(Self {
            child,
            output,
            waited: false,
        })
    }

    fn wait(mut self) -> Result<()> {
        println!("\n$ cargo xtask tools");
        let status = self.child.wait().context("cannot wait for the build of the tools")?;
        self.waited = true;
        print!("{}", std::fs::read_to_string(&self.output).unwrap_or_default());
        if !status.success() {
            bail!("the programs of the acceptance suite could not be built (`cargo xtask tools` ended with {status})");
        }
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !self.waited {
            // The shell has `kill` built in; as a program it is not on every machine.
            let group = format!("-{}", self.child.id());
            Command::new("sh")
                .args(["-c", "kill -s TERM -- \"$0\"", &group])
                .status()
                .ok();
            self.child.wait().ok();
        }
        std::fs::remove_file(&self.output).ok();
    }
}

#[derive(Default)]
struct Log {
    steps: Vec<(&'static str, u64, bool)>,
}

impl Log {
    fn step(&mut self, name: &'static str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        let start = Instant::now();
        let outcome = run();
        self.steps.push((name, start.elapsed().as_secs(), outcome.is_ok()));
        outcome
    }

    fn summary(&self, scope: Scope) -> String {
        let mut text = String::from(if self.steps.is_empty() {
            "xtask test ran nothing"
        } else {
            "xtask test ran"
        });
        for (name, seconds, passed) in &self.steps {
            let verdict = if *passed { "ok" } else { "FAILED" };
            // Writing to a string does not fail.
            write!(text, " · {name} {verdict} ({seconds} s)").ok();
        }
        if self.steps.iter().any(|(_, _, passed)| !passed) {
            text.push_str("\nand stopped there");
        }
        if scope == Scope::WithoutAcceptance {
            text.push_str("\nleft out: the acceptance suite against the real programs, and the counts of instructions (`cargo xtask test` \
                 runs both)");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_was_left_out() {
        let mut log = Log::default();
        log.step("fmt", || Ok(())).expect("this step passes");
        let text = log.summary(Scope::WithoutAcceptance);
        assert!(
            text.contains("fmt ok") && text.contains("left out: the acceptance suite"),
            "{text}"
        );
        assert!(!log.summary(Scope::Everything).contains("left out"));
    }

    #[test]
    fn the_summary_says_what_failed() {
        let mut log = Log::default();
        log.step("clippy", || bail!("a warning")).expect_err("this step fails");
        let text = log.summary(Scope::Everything);
        assert!(
            text.contains("clippy FAILED") && text.contains("stopped there"),
            "{text}"
        );
    }
}
