//! Our command line, as a person types it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::command::{self, Output};
use crate::cosign::PASSWORD;
use crate::programs::countersign;

pub struct Cli {
    home: TempDir,
}

impl Cli {
    pub fn new() -> Result<Self> {
        let home = tempfile::Builder::new()
            .prefix("countersign-cli-")
            .tempdir()
            .context("no temporary folder")?;
        Ok(Self { home })
    }

    /// Runs it with the logins of a registry in its environment, and the password of every key here.
    pub fn run(&self, docker: &Path, words: &[&str]) -> Result<Output> {
        self.run_with(docker, &[], words)
    }

    /// The same with more in its environment.
    pub fn run_with(&self, docker: &Path, variables: &[(&str, &str)], words: &[&str]) -> Result<Output> {
        let configure = |command: &mut Command| {
            let home = self.home.path();
            command
                .args(words)
                .current_dir(home)
                .env("HOME", home)
                .env("DOCKER_CONFIG", docker);
            command
                .env("COUNTERSIGN_PASSWORD", PASSWORD)
                .envs(variables.iter().copied());
        };
        command::run(&countersign()?, configure, "")
    }
}
