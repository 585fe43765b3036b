//! What a gate is about, whose images it lets in, and how what it signs is published.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use crate::glob::Globs;
use crate::span;

/// Which submissions a gate may be asked about. What is not written is any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Match {
    /// The environments.
    #[serde(default)]
    pub environments: BTreeSet<String>,
    /// The images, by the repository that they are submitted from.
    #[serde(default)]
    pub images: Globs,
}

impl Match {
    /// Whether a gate of this match is about an environment and a repository.
    pub fn covers(&self, environment: &str, repository: &str) -> bool {
        (self.environments.is_empty() || self.environments.contains(environment)) && self.images.accept(repository)
    }
}

/// Whose submissions a gate opens for. What is not written is any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Sources {
    /// The issuers, by their names in the service's configuration.
    #[serde(default)]
    pub issuers: BTreeSet<String>,
    /// The references that are built from: `refs/heads/main`, `refs/tags/v*`.
    #[serde(default)]
    pub refs: Globs,
    /// Whether only runners of the issuer's own are believed.
    #[serde(default)]
    pub forbid_self_hosted_runners: bool,
}

/// How long a submission may take. What is not written is the service's own limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Timeouts {
    /// From the submission until it is published.
    #[serde(default, deserialize_with = "span::optional")]
    pub total: Option<Duration>,
}

/// How what was signed is published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Publish {
    /// The repository, with `{name}` for the submitted repository's last part and `{path}` for all of it behind the host.
    pub to: super::Template,
    /// The tags, with `{tag}` for the submitted one and `{digest12}` for the first twelve digits of the digest.
    #[serde(default)]
    pub tags: Vec<super::Template>,
    /// The keys, by their names in the service's configuration.
    pub keys: Keys,
    /// What is attested besides the signature.
    #[serde(default)]
    pub attest: BTreeSet<Attest>,
    /// What is said with the signature, as annotations of it: `env: prod`.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// Two keys that are never one: what the first signs is the image's signature for everybody who has its public half, whatever
/// it says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Signs the signature, and nothing else.
    pub signature: String,
    /// Signs what is attested.
    pub attestations: String,
}

/// What can be attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attest {
    /// The decision, as SLSA's verification summary.
    Vsa,
    /// The decision in its simple form.
    Svr,
    /// What vulnerability scanners found, in both predicates.
    Vulns,
    /// The lists of contents that were handed in.
    Sbom,
    /// The results of tests, of SAST and of searches for secrets.
    Tests,
    /// The provenance that was handed in, with its builder's signature.
    ProvenanceCopy,
}
