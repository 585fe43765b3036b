//! One question that a gate asks, as it is written.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_expression::Condition;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::demand::{FormatDemand, ImageDemands, Recognised, condition};
use crate::glob::Globs;
use crate::report::Class;
use crate::severity::Severity;
use crate::span;

/// One question that a gate asks.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Check {
    /// Its name within the gate.
    pub id: String,
    /// What has to have been looked for. It, `oneOf`, `image`, or a `condition` alone.
    #[serde(default)]
    pub class: Option<Class>,
    /// The tools that may have looked, by their own names; empty is any.
    #[serde(default)]
    pub tools: BTreeSet<String>,
    /// Alternatives: one of them is enough.
    #[serde(default)]
    pub one_of: Vec<Choice>,
    /// How many of the alternatives have to have been looked for; one where nothing is written.
    #[serde(default)]
    pub at_least: Option<usize>,
    /// Whether it is asked for at all, or only looked at where it is handed in.
    #[serde(default = "yes")]
    pub required: bool,
    /// What the report has to be about; a check of reports has to say it.
    #[serde(default)]
    pub bind: Option<Bind>,
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
    /// The builders that are believed, by patterns of their own names; empty is any.
    #[serde(default)]
    pub builders: Globs,
    /// The formats that a report may have, with the version that it has at least; empty is any. Lists of a floor and of a
    /// team both hold.
    #[serde(default, deserialize_with = "formats")]
    pub formats: Vec<BTreeSet<FormatDemand>>,
    /// How long a finding of a severity is suffered that would not pass, from when it was first known of.
    #[serde(default)]
    pub leeway: Leeway,
    /// What the image itself has to be.
    #[serde(default)]
    pub image: ImageDemands,
    /// How a document of an organisation's own is recognised, for the class `custom`.
    #[serde(default, deserialize_with = "recognised")]
    pub recognise: Vec<Recognised>,
    /// What has to be true of everything that was handed in; a floor's and a team's both.
    #[serde(default, deserialize_with = "condition", rename = "condition")]
    pub conditions: Vec<Condition>,
    /// That an empty report that names no tool passes for nothing, which is so anyhow.
    #[serde(default, rename = "rejectEmptyUnattributed", deserialize_with = "always")]
    pub(crate) _reject_empty: (),
    /// What somebody would have to approve, which comes later.
    #[serde(default, rename = "onFail", deserialize_with = "on_fail_later")]
    pub(crate) _on_fail: (),
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
    /// A vulnerability that is known to be used by attackers (CISA's catalogue).
    #[serde(default)]
    pub kev: Option<KevDemand>,
    /// Only findings count that the image published before this one did not have.
    #[serde(default)]
    pub new_only: bool,
    /// More tests than this failed.
    #[serde(default)]
    pub failed: Option<u64>,
}

/// Which of the vulnerabilities that are used by attackers do not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KevDemand {
    /// Any.
    Any,
    /// Those that an update mends.
    Fixable,
}

/// How long findings are suffered, by severity. What is not written is not suffered at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leeway {
    /// Of critical ones.
    #[serde(default, deserialize_with = "span::optional")]
    pub critical: Option<Duration>,
    /// Of high ones.
    #[serde(default, deserialize_with = "span::optional")]
    pub high: Option<Duration>,
    /// Of medium ones.
    #[serde(default, deserialize_with = "span::optional")]
    pub medium: Option<Duration>,
    /// Of low ones.
    #[serde(default, deserialize_with = "span::optional")]
    pub low: Option<Duration>,
    /// Of the others.
    #[serde(default, deserialize_with = "span::optional")]
    pub info: Option<Duration>,
}

impl Leeway {
    /// How long a finding of a severity is suffered.
    pub fn of(&self, severity: Severity) -> Option<Duration> {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// The shorter of each.
    #[must_use]
    pub(crate) fn shorter(&self, other: &Self) -> Self {
        let shorter = |severity| {
            self.of(severity)
                .zip(other.of(severity))
                .map(|(one, other)| one.min(other))
        };
        Self {
            critical: shorter(Severity::Critical),
            high: shorter(Severity::High),
            medium: shorter(Severity::Medium),
            low: shorter(Severity::Low),
            info: shorter(Severity::Info),
        }
    }
}

impl Fail {
    /// What a finding is taken for that has no severity: `high`, where nothing is written.
    pub fn of_unknown(&self) -> Severity {
        self.unknown_as.unwrap_or(Severity::High)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self
            == Self {
                unknown_as: self.unknown_as,
                new_only: self.new_only,
                ..Self::default()
            }
    }
}

fn yes() -> bool {
    true
}

fn formats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<BTreeSet<FormatDemand>>, D::Error> {
    let list = BTreeSet::deserialize(deserializer)?;
    Ok(if list.is_empty() { Vec::new() } else { vec![list] })
}

fn recognised<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Recognised>, D::Error> {
    Recognised::deserialize(deserializer).map(|recognised| vec![recognised])
}

fn always<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match bool::deserialize(deserializer)? {
        true => Ok(()),
        false => Err(serde::de::Error::custom(
            "an empty report that names no tool never passes, and cannot be let pass",
        )),
    }
}

fn on_fail_later<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    super::later(deserializer, "approvals where a check fails")
}

impl Check {
    /// The ways to pass it; none for a check of the image itself.
    pub fn choices(&self) -> Vec<Choice> {
        match self.class {
            Some(class) => vec![Choice {
                class,
                tools: self.tools.clone(),
            }],
            None => self.one_of.clone(),
        }
    }

    /// Whether it asks for reports, and not only for what the image is.
    pub fn asks_for_reports(&self) -> bool {
        self.class.is_some() || !self.one_of.is_empty()
    }

    /// What its reports have to be about.
    pub fn bound(&self) -> Bind {
        self.bind.unwrap_or(Bind::Image)
    }

    pub(super) fn asks_for_nothing(&self) -> bool {
        let is_something = |choice: &Choice| matches!(choice.class, Class::Sbom | Class::Provenance);
        self.fail.is_empty()
            && self.min_components.is_none()
            && self.min_tests.is_none()
            && self.builders.is_empty()
            && self.image.is_empty()
            && self.conditions.is_empty()
            // To be there at all is what these are asked for.
            && !self.choices().iter().any(is_something)
    }
}
