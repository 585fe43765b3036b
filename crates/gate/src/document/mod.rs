//! A gate as it is written: which checks an image has to pass before it is signed.
//!
//! Read strictly: what is not known is refused, since a demand that nobody looks at would look like one that is met.

mod check;
mod demand;
mod faults;
mod floor;
mod sources;
mod template;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_image::{Digest, Repository};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

pub use check::{Bind, Check, Choice, Coverage, Fail, KevDemand, Leeway, Mode, Proof};
pub use demand::{FormatDemand, ImageDemands, Kind, Recognised, Shape, UserDemand};
pub use floor::{Gates, GatesError, Loosened};
pub use sources::{Attest, Keys, Match, Publish, Sources, Timeouts};
pub use template::{Template, TemplateError};

use crate::glob::Globs;
use crate::span;

/// The only version there is.
pub const API_VERSION: &str = "countersign.dev/v1alpha1";
/// The most checks of a gate.
pub const MAX_CHECKS: usize = 100;

/// A gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// Whom to ask about it.
    pub owner: Option<String>,
    /// From when on it opens for nobody, as nobody has looked at it again.
    pub expires: Option<Timestamp>,
    /// Whether it lies under every other gate that is about the same images: an organisation's floor.
    pub floor: bool,
    /// What was read: the SHA-256 of its text, or of the digests of all texts that it was merged from.
    pub digest: Digest,
    /// Which submissions it may be asked about.
    pub matches: Match,
    /// Whose submissions it opens for.
    pub sources: Sources,
    /// The workflows whose jobs are believed more than others (proof `E2`), each of its
    /// issuer and pinned: `github-corp:corp/workflows/.github/workflows/scan.yml@refs/tags/v3.*`.
    pub trusted_workflows: Globs,
    /// What it asks for, each by its name; at least one.
    pub checks: Vec<Check>,
    /// How long a submission may take.
    pub timeouts: Timeouts,
    /// How what was signed is published; a floor may leave it to the gates above it.
    pub publish: Option<Publish>,
    /// How long what was decided holds.
    pub validity: Option<Duration>,
    /// The controls that it implements, as auditors name them: `ssdf:PW.8.2`.
    pub controls: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    expires: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    floor: bool,
    #[serde(default, rename = "match")]
    matches: Match,
    #[serde(default)]
    sources: Sources,
    #[serde(default)]
    trusted_workflows: Globs,
    checks: Vec<Check>,
    #[serde(default)]
    timeouts: Timeouts,
    #[serde(default)]
    publish: Option<Publish>,
    #[serde(default, deserialize_with = "span::optional")]
    validity: Option<Duration>,
    #[serde(default)]
    controls: BTreeSet<String>,
    #[serde(default, rename = "approvals", deserialize_with = "approvals_later")]
    _approvals: (),
    #[serde(default, rename = "waivers", deserialize_with = "waivers_later")]
    _waivers: (),
}

/// What a person would have to decide. A gate that asked for it, and opened without, would be a lie.
fn later<'de, D: Deserializer<'de>>(deserializer: D, what: &str) -> Result<(), D::Error> {
    IgnoredAny::deserialize(deserializer)?;
    Err(serde::de::Error::custom(format!(
        "{what} come with a later version: a gate that asks for them is refused until then"
    )))
}

fn approvals_later<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    later(deserializer, "approvals")
}

fn waivers_later<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    later(deserializer, "waivers")
}

/// Reads one YAML document strictly; what is wrong is told with line and column.
pub(crate) fn yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        error.render_with_options(serde_saphyr::render_options! {
            formatter: &serde_saphyr::UserMessageFormatter,
            snippets: serde_saphyr::SnippetMode::Off,
        })
    })
}

impl Gate {
    /// Reads a gate: one YAML document.
    pub fn read(text: &str) -> Result<Self, GateError> {
        let wire: Wire = yaml(text).map_err(|detail| GateError::Yaml { detail })?;
        if wire.api_version != API_VERSION || wire.kind != "Gate" {
            return Err(GateError::Kind {
                found: countersign_image::text::excerpt(&format!("{}, {}", wire.api_version, wire.kind), 100),
            });
        }
        let spec = wire.spec;
        let gate = Self {
            name: wire.metadata.name,
            owner: wire.metadata.owner,
            expires: wire.metadata.expires,
            floor: spec.floor,
            digest: Digest::sha256(text.as_bytes()),
            matches: spec.matches,
            sources: spec.sources,
            trusted_workflows: spec.trusted_workflows,
            checks: spec.checks,
            timeouts: spec.timeouts,
            publish: spec.publish,
            validity: spec.validity,
            controls: spec.controls,
        };
        gate.faults().map_or(Ok(gate), Err)
    }

    /// Whether it may be asked about images of this repository, for this environment.
    pub fn governs(&self, environment: &str, repository: &Repository) -> bool {
        self.matches.covers(environment, &repository.policy_name())
    }
}

/// Why a text is no gate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GateError {
    /// Not YAML, or a field is missing, unknown or of another form.
    #[error("{detail}")]
    Yaml {
        /// What is wrong, with line and column.
        detail: String,
    },
    /// Something else than a gate.
    #[error("expected `{API_VERSION}, Gate`, found `{found}`")]
    Kind {
        /// What it is, shortened.
        found: String,
    },
    /// It asks for nothing, or for too much.
    #[error("a gate has from 1 to {MAX_CHECKS} checks, and this one has {found}")]
    CheckCount {
        /// How many.
        found: usize,
    },
    /// A check that could not be asked.
    #[error("check `{id}`: {what}")]
    Check {
        /// Its name, shortened.
        id: String,
        /// What is wrong.
        what: String,
    },
    /// Something outside its checks.
    #[error("{place}: {what}")]
    Field {
        /// Where.
        place: &'static str,
        /// What is wrong.
        what: String,
    },
}
