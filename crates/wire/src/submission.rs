//! A submission, as it is asked for and as it is told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::state::State;

/// `POST /v1/submissions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubmission {
    /// The image, by its digest.
    pub image: ImageName,
    /// Where the image is meant to run: the binding says which gate is asked.
    pub environment: String,
    /// The gate that the caller expects to be asked. Another one is a mistake that is told at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// What the image was built from, as the caller says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Under which tag the signed image is wanted.
    #[serde(default)]
    pub promote: Promotion,
}

/// An image by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageName {
    /// The registry's host, with its port if it has one.
    pub registry: String,
    /// The repository in it.
    pub repository: String,
    /// `sha256:…`.
    pub digest: String,
}

/// What an image was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The repository of the source, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_url: Option<String>,
    /// The commit. Where the job's token says one, they are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// The tag for the signed image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// What `{tag}` stands for in the gate's `publish.tags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A submission as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Submission {
    /// Its name.
    pub id: String,
    /// How far it has come.
    pub state: State,
    /// Grows by one with each step.
    pub version: u64,
    /// The image.
    pub image: ImageName,
    /// Where it is meant to run.
    pub environment: String,
    /// The gate that governs.
    pub gate: GateName,
    /// What it was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it was last stepped on.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
    /// When its time in this state is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// The reports that were taken in.
    pub evidence: Vec<Evidence>,
    /// The digest over all of them, once sealed: SHA-256 of the sorted lines `slot NUL digest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_set_digest: Option<String>,
    /// What came of each check, once asked.
    pub checks: Vec<Check>,
    /// Why it is where it is: of a failure, or of a delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What was signed.
    pub signatures: Vec<Signature>,
    /// Where it is, once published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// Set in the answer to a `POST` that made nothing new, as the image is published under this gate already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub already_published: bool,
}

/// A gate, as it was when it was last asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GateName {
    /// Its name.
    pub name: String,
    /// The digest of its text.
    pub digest: String,
}

/// A report that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// Its slot.
    pub slot: String,
    /// The digest of its bytes, as handed in.
    pub sha256: String,
    /// How many bytes these were.
    pub size: u64,
    /// What it was recognised as.
    pub format: String,
    /// The tools that made it, with their versions.
    pub tools: Vec<String>,
    /// The platform that the sender says it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// How many findings it has.
    pub findings: u64,
    /// Whether secrets in it were blacked out before it was stored.
    pub redacted: bool,
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Its name.
    pub id: String,
    /// What it comes to.
    pub status: CheckStatus,
    /// What was found wanting.
    pub reasons: Vec<Reason>,
    /// What is suffered for now, and will not be for ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Reason>,
    /// The slots of the reports that it rests on.
    pub slots: Vec<String>,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckStatus {
    /// It is passed.
    Passed,
    /// It is not, and says so without turning the image away.
    Warned,
    /// It is not, and turns the image away.
    Failed,
    /// Nothing was handed in, and nothing has to be.
    Skipped,
    /// One of a later version than this reader's.
    #[serde(other)]
    Unknown,
}

/// A code, and what exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The code.
    pub code: String,
    /// In words.
    pub detail: String,
}

/// A signature that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signature {
    /// What it is: a signature, or an attestation of a type.
    pub kind: String,
    /// The key's name.
    pub key: String,
    /// The SHA-256 of the signature's bytes.
    pub sha256: String,
}

/// Where a signed image is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Published {
    /// The repository, with its registry.
    pub repository: String,
    /// `repository@digest`: what a workload names.
    pub reference: String,
    /// The tags there that stand for it.
    pub tags: Vec<String>,
    /// When it was read back from there.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}
