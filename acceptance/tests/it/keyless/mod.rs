//! Without keys: a private Sigstore, and cosign and our command line each reading what the other wrote there.

mod cluster;
mod files;
mod images;
mod refusals;

use std::sync::Arc;

use anyhow::Result;
use countersign_acceptance::cli::Cli;
use countersign_acceptance::command::Output;
use countersign_acceptance::cosign::{Cosign, Identity};
use countersign_acceptance::foreign::{Image, Registry};
use countersign_acceptance::sigstore::{Job, Sigstore};

use crate::rig::{PREDICATE, TYPE};

/// Both signers at one registry, and one Sigstore.
struct Bench<'a> {
    registry: &'a Registry,
    sigstore: Arc<Sigstore>,
    cosign: Cosign,
    cli: Cli,
}

impl<'a> Bench<'a> {
    fn new(registry: &'a Registry) -> Result<Self> {
        Ok(Self {
            registry,
            sigstore: Sigstore::shared()?,
            cosign: Cosign::new()?.with_logins(registry.docker()),
            cli: Cli::new()?,
        })
    }

    fn image(&self, name: &str) -> Result<Image> {
        self.registry.image(name, "1", &format!("{name} without a key"))
    }

    fn of(&self, job: &Job) -> Identity {
        Identity {
            subject: job.identity(),
            issuer: self.sigstore.job_issuer(),
        }
    }

    fn release_token(&self) -> Result<String> {
        self.sigstore.job_token(&Job::RELEASE)
    }

    /// Runs a command of ours that signs, at this Sigstore.
    fn sign(&self, words: &[&str]) -> Result<Output> {
        let (config, root) = (self.sigstore.signing_config(), self.sigstore.trusted_root());
        let (config, root) = (config.to_string_lossy(), root.to_string_lossy());
        self.run(&[words, &["--signing-config", &*config, "--trusted-root", &*root]].concat())
    }

    fn sign_image(&self, token: &str, image: &Image) -> Result<Output> {
        self.sign(&["sign", &image.tagged(), "--identity-token", token])
    }

    /// Runs a command of ours that judges, with this Sigstore's root. It has no log of certificates.
    fn judge(&self, words: &[&str], whose: &Identity) -> Result<Output> {
        let root = self.sigstore.trusted_root();
        let root = root.to_string_lossy();
        let how = ["--trusted-root", &*root, "--insecure-ignore-sct"];
        self.run(&[words, &whose.flags(), &how].concat())
    }

    fn run(&self, words: &[&str]) -> Result<Output> {
        self.cli.run(self.registry.docker(), words)
    }
}
