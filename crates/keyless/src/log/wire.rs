//! An entry as bundles hold it, and as the second version of the interface answers.
//!
//! Source: `TransparencyLogEntry` of `sigstore_rekor.proto` in `sigstore/protobuf-specs`.

use serde::{Deserialize, Serialize};

/// Numbers are texts and bytes base64, as protobuf's JSON writes them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogEntry {
    pub(super) log_index: String,
    pub(super) log_id: LogId,
    pub(super) kind_version: KindVersion,
    /// Of the first version alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) integrated_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inclusion_promise: Option<InclusionPromise>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inclusion_proof: Option<InclusionProof>,
    pub(super) canonicalized_body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KindVersion {
    pub(super) kind: String,
    pub(super) version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InclusionPromise {
    pub(super) signed_entry_timestamp: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InclusionProof {
    pub(super) log_index: String,
    pub(super) root_hash: String,
    pub(super) tree_size: String,
    #[serde(default)]
    pub(super) hashes: Vec<String>,
    pub(super) checkpoint: Checkpoint,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) envelope: String,
}
