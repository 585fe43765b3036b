//! By what images are judged: policies, or keys that must have signed.

use std::path::PathBuf;

use clap::Args;
use countersign_evidence::PublicKey;
use countersign_policy::{PolicySet, Settings};
use countersign_server::policies;

use crate::configuration::NoMatch;
use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};

#[derive(Debug, Args)]
#[command(next_help_heading = "Judged by")]
pub(crate) struct Yardstick {
    /// Policy file, or directory with policy files
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    policy: Vec<PathBuf>,

    /// Public key (PEM) that must have signed the image; of several, any
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,

    /// With --key: demand an attestation of this type instead of a signature (a URI, or one of cosign's short names); of
    /// several, all
    #[arg(long = "type", value_name = "TYPE", requires = "key")]
    types: Vec<String>,

    /// With --policy: what becomes of an image that no policy governs
    #[arg(long, value_enum, default_value_t = NoMatch::Deny, value_name = "VERDICT")]
    no_match: NoMatch,
}

impl Yardstick {
    pub(crate) fn policies(&self) -> Result<PolicySet, Failure> {
        if self.policy.is_empty() {
            return self.of_keys();
        }
        read_policies(&self.policy, Settings::new(self.no_match.into()))
    }

    fn of_keys(&self) -> Result<PolicySet, Failure> {
        let mut keys = Vec::with_capacity(self.key.len());
        for path in &self.key {
            let pem = files::read_text(path, MAX_SMALL)?;
            let key = PublicKey::from_pem(&pem).map_err(|error| {
                Failure::misuse(error)
                    .context(format!("`{}` holds no public key", path.display()))
                    .hint("`countersign key public --key FILE` prints the public half of a private key")
            })?;
            keys.push(key);
        }
        PolicySet::of_keys("--key", &keys, &self.types).ok_or_else(|| {
            Failure::misuse(anyhow::anyhow!(
                "nothing to judge by: neither a policy nor a key is given"
            ))
            .hint("add `--policy FILE`, or `--key FILE` with the public key that must have signed")
        })
    }
}

/// Policies as a door compiles them: what is not understood leaves undecided what it may govern.
pub(crate) fn compile(paths: &[PathBuf], settings: Settings) -> Result<PolicySet, Failure> {
    let texts = policies::read(paths).map_err(Failure::misuse)?;
    Ok(PolicySet::compile(policies::parse(&texts), settings))
}

/// Policies that are all understood: on the command line one that is not is the caller's to mend.
pub(crate) fn read_policies(paths: &[PathBuf], settings: Settings) -> Result<PolicySet, Failure> {
    let set = compile(paths, settings)?;
    match set.errors() {
        [] => Ok(set),
        errors => {
            let lines: Vec<_> = errors.iter().map(|error| format!("\n  {error}")).collect();
            Err(
                Failure::misuse(anyhow::anyhow!("the policies cannot be read:{}", lines.concat()))
                    .hint("`countersign policy check FILE…` says what else is wrong with them"),
            )
        }
    }
}
