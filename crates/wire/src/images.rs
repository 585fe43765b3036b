//! What is known of an image, and the keys that sign.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::submission::Submission;

/// `GET /v1/images/{digest}`: what happened to an image, as far as the session may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageHistory {
    /// The digest.
    pub digest: String,
    /// Its submissions, the latest first.
    pub submissions: Vec<Submission>,
}

/// `GET /v1/keys`: every version of every key that was ever used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<Key>,
}

/// A version of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// What it signs: `release`, `attest`, `emergency` or `log`.
    pub name: String,
    /// Its version, as whoever keeps it counts; 0 for a key in a file.
    pub version: u64,
    /// Whether it signs now.
    pub status: KeyStatus,
    /// The SHA-256 of the public half (DER).
    pub spki_sha256: String,
    /// The public half.
    pub pem: String,
    /// When it was first used here.
    #[schema(value_type = String, format = DateTime)]
    pub first_used: Timestamp,
}

/// Whether a key signs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyStatus {
    /// It signs.
    Active,
    /// It signs no more; what it signed counts.
    Retired,
    /// What it signed does not count any more.
    Revoked,
    /// One of a later version than this reader's.
    #[serde(other)]
    Unknown,
}
