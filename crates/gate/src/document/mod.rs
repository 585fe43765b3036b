//! A gate as it is written: which checks an image has to pass before it is signed.
//!
//! Read strictly: what is not known is refused, since a demand that nobody looks at would look like one that is met.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::report::Class;
use crate::severity::Severity;
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
    /// What it asks for, each by its name; at least one.
    pub checks: Vec<Check>,
}

/// One question that a gate asks.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Check {
    /// Its name within the gate.
    pub id: String,
    /// What has to have been looked for; of `oneOf` exactly one is written.
    #[serde(default)]
    pub class: Option<Class>,
    /// The tools that may have looked, by their own names; empty is any.
    #[serde(default)]
    pub tools: BTreeSet<String>,
    /// Alternatives: one of them is enough.
    #[serde(default)]
    pub one_of: Vec<Choice>,
    /// Whether it is asked for at all, or only looked at where it is handed in.
    #[serde(default = "yes")]
    pub required: bool,
    /// What the report has to be about.
    pub bind: Bind,
    /// Who at least has to vouch for the report.
    #[serde(default)]
    pub min_proof: Proof,
    /// How old the report may be, from when the tool ended.
    #[serde(default, deserialize_with = "span::optional")]
    pub max_age: Option<Duration>,
    /// How old the tool's database may be.
    #[serde(default, deserialize_with = "span::optional")]
    pub max_db_age: Option<Duration>,
    /// Of an index: whether each platform needs a report.
    #[serde(default)]
    pub coverage: Coverage,
    /// What does not pass.
    #[serde(default)]
    pub fail: Fail,
    /// What it does where it is not passed.
    #[serde(default)]
    pub mode: Mode,
    /// From when on it turns images away; before it warns.
    #[serde(default)]
    pub enforce_from: Option<Timestamp>,
    /// How many components a list of contents has to have.
    #[serde(default)]
    pub min_components: Option<usize>,
    /// How many tests have to have run.
    #[serde(default)]
    pub min_tests: Option<u64>,
    /// The builders that are believed, by their own names; empty is any.
    #[serde(default)]
    pub builders: BTreeSet<String>,
}

/// One of several ways to pass a check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What was looked for.
    pub class: Class,
    /// The tools that may have looked; empty is any.
    #[serde(default)]
    pub tools: BTreeSet<String>,
}

/// What a report has to be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bind {
    /// This image: its index, a manifest of it or a configuration.
    Image,
    /// The commit that the image was built from.
    Commit,
}

/// Who vouches for a report, from nobody to ourselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Proof {
    /// Nobody.
    E0,
    /// A job of this repository and commit, which logged in.
    #[default]
    E1,
    /// Such a job, out of a workflow that the gate names.
    E2,
    /// A signature of a scanner or builder that is believed, over this subject.
    E3,
    /// We looked ourselves.
    E4,
}

/// Whether each platform of an index needs a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// Each.
    #[default]
    AllPlatforms,
    /// One is enough.
    AnyPlatform,
}

/// What a check does that is not passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It turns the image away.
    #[default]
    Enforce,
    /// It says so, and the image goes on.
    Warn,
}

/// What does not pass. What is not written passes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fail {
    /// Any finding at all.
    #[serde(default)]
    pub any_finding: bool,
    /// A finding as bad as this.
    #[serde(default)]
    pub severity_at_least: Option<Severity>,
    /// A vulnerability as bad as this that an update mends.
    #[serde(default)]
    pub fixable: Option<Severity>,
    /// One that no update mends, or of which that is not known.
    #[serde(default)]
    pub unfixable: Option<Severity>,
    /// What a finding is taken for whose tool does not rank it.
    #[serde(default)]
    pub unknown_as: Option<Severity>,
    /// More tests than this failed.
    #[serde(default)]
    pub failed: Option<u64>,
}

impl Fail {
    /// What a finding is taken for that has no severity: `high`, where nothing is written.
    pub fn of_unknown(&self) -> Severity {
        self.unknown_as.unwrap_or(Severity::High)
    }

    fn is_empty(&self) -> bool {
        *self
            == Self {
                unknown_as: self.unknown_as,
                ..Self::default()
            }
    }
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
#[serde(deny_unknown_fields)]
struct Spec {
    checks: Vec<Check>,
}

fn yes() -> bool {
    true
}

impl Gate {
    /// Reads a gate: one YAML document.
    pub fn read(text: &str) -> Result<Self, GateError> {
        let wire: Wire = serde_saphyr::from_str(text).map_err(|error| GateError::Yaml {
            detail: error.render_with_options(serde_saphyr::render_options! {
                formatter: &serde_saphyr::UserMessageFormatter,
                snippets: serde_saphyr::SnippetMode::Off,
            }),
        })?;
        if wire.api_version != API_VERSION || wire.kind != "Gate" {
            return Err(GateError::Kind {
                found: countersign_image::text::excerpt(&format!("{}, {}", wire.api_version, wire.kind), 100),
            });
        }
        let gate = Self {
            name: wire.metadata.name,
            owner: wire.metadata.owner,
            expires: wire.metadata.expires,
            checks: wire.spec.checks,
        };
        gate.faults().map_or(Ok(gate), Err)
    }

    /// The first thing that is wrong with it.
    fn faults(&self) -> Option<GateError> {
        let count = self.checks.len();
        if count == 0 || count > MAX_CHECKS {
            return Some(GateError::CheckCount { found: count });
        }
        let mut names = BTreeSet::new();
        for check in &self.checks {
            let wrong = |what: &str| GateError::Check {
                id: countersign_image::text::excerpt(&check.id, 60),
                what: what.to_owned(),
            };
            if check.id.is_empty() || !names.insert(&check.id) {
                return Some(wrong("its id is empty, or that of another check"));
            }
            if check.class.is_some() != check.one_of.is_empty() {
                return Some(wrong("it needs either `class` or `oneOf`"));
            }
            if !check.one_of.is_empty() && !check.tools.is_empty() {
                return Some(wrong("`tools` belongs to each of `oneOf`"));
            }
            if check.asks_for_nothing() {
                return Some(wrong(
                    "it asks for nothing: say under `fail`, `minComponents`, `minTests` or `builders` what does not pass",
                ));
            }
        }
        None
    }

    /// The floor of an organisation and a gate of a team together: every check of both, and where both have one of the
    /// same name, the stricter of each demand. A team can add and tighten, and nothing else.
    pub fn above(&self, floor: &Self) -> Self {
        let own: BTreeMap<&str, &Check> = self.checks.iter().map(|check| (check.id.as_str(), check)).collect();
        let of_floor = floor.checks.iter().flat_map(|below| match own.get(below.id.as_str()) {
            Some(check) => crate::check::stricter(below, check),
            None => vec![below.clone()],
        });
        let floored: BTreeSet<&str> = floor.checks.iter().map(|check| check.id.as_str()).collect();
        let added = self
            .checks
            .iter()
            .filter(|check| !floored.contains(check.id.as_str()))
            .cloned();
        Self {
            name: self.name.clone(),
            owner: self.owner.clone(),
            expires: self.expires.into_iter().chain(floor.expires).min(),
            checks: of_floor.chain(added).collect(),
        }
    }
}

impl Check {
    /// The ways to pass it.
    pub fn choices(&self) -> Vec<Choice> {
        match self.class {
            Some(class) => vec![Choice {
                class,
                tools: self.tools.clone(),
            }],
            None => self.one_of.clone(),
        }
    }

    fn asks_for_nothing(&self) -> bool {
        let is_something = |choice: &Choice| matches!(choice.class, Class::Sbom | Class::Provenance);
        self.fail.is_empty()
            && self.min_components.is_none()
            && self.min_tests.is_none()
            && self.builders.is_empty()
            // To be there at all is what these are asked for.
            && !self.choices().iter().any(is_something)
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
}
