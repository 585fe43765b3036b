//! What a verifier says of an image: SLSA's verification summary, version 1, and in-toto's simple verification result.
//!
//! The formats are `slsa.dev/spec/v1.2/verification_summary` and `spec/predicates/svr.md` of `in-toto/attestation`.

use std::collections::BTreeMap;

use countersign_image::json;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::material::Material;

/// A verifier's summary. It counts only from a signer that may speak for this verifier, and for the resource that it
/// names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationSummary {
    /// Who verified: `verifier.id`.
    #[serde(deserialize_with = "id")]
    pub verifier: String,
    /// When, by its own word.
    #[serde(default)]
    pub time_verified: Option<Timestamp>,
    /// What was verified: a summary for one place is not one for another.
    pub resource_uri: String,
    /// Against which policy.
    pub policy: Material,
    /// What it came to.
    pub verification_result: SummaryOutcome,
    /// The level of each track, and other properties; `FAILED` where it failed.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub verified_levels: Vec<String>,
    /// How many dependencies have which level; `None` where nothing is said of them.
    #[serde(default)]
    pub dependency_levels: Option<BTreeMap<String, u64>>,
    /// All that it rests on, if it says that.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub input_attestations: Vec<Material>,
}

impl VerificationSummary {
    /// The level of a track such as `SLSA_BUILD`, the highest where several stand there. Levels of a summary that failed
    /// are no levels.
    pub fn level(&self, track: &str) -> Option<u32> {
        if self.verification_result != SummaryOutcome::Passed {
            return None;
        }
        let levels = self.verified_levels.iter();
        levels
            .filter_map(|level| level.strip_prefix(track)?.strip_prefix("_LEVEL_")?.parse().ok())
            .max()
    }
}

/// What a verification came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SummaryOutcome {
    /// The policy is met.
    Passed,
    /// It is not.
    Failed,
}

/// A verifier's simple result: what holds of the image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SimpleResult {
    /// Who verified, and by which policies.
    pub verifier: SimpleVerifier,
    /// When, by its own word.
    #[serde(rename = "timeCreated")]
    pub time_created: Timestamp,
    /// What was found to hold.
    pub properties: Vec<String>,
}

/// Who made a simple result.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SimpleVerifier {
    /// Its name, a URI.
    pub id: String,
    /// The policies that it used. Version 0.1 need not say.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub policies: Vec<Material>,
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    struct Verifier {
        id: String,
    }
    Verifier::deserialize(deserializer).map(|verifier| verifier.id)
}
