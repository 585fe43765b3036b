//! Rekor's first version: a `hashedrekord` 0.0.1 for a file, a `dsse` 0.0.1 for an envelope.
//!
//! Source: `openapi.yaml` and `pkg/types` of `sigstore/rekor` 1.5; the entry is turned as its `pkg/tle` turns it.

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::{Checkpoint, InclusionPromise, InclusionProof, KindVersion, LogEntry, LogId};
use super::{Submission, base64, send};
use crate::services::Service;
use crate::web::{Party, Web, WebError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entered {
    body: String,
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: u64,
    verification: Verification,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    inclusion_proof: Option<Proof>,
    signed_entry_timestamp: String,
}

/// Numbers, and hashes in hexadecimal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    checkpoint: String,
    hashes: Vec<String>,
    log_index: u64,
    root_hash: String,
    tree_size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    api_version: String,
    kind: String,
}

pub(super) async fn enter(
    web: &Web,
    log: &Service,
    submission: &Submission<'_>,
    deadline: Instant,
) -> Result<LogEntry, WebError> {
    let answer = send(web, log, "api/v1/log/entries", &proposed(submission), deadline).await?;
    let entered: BTreeMap<String, Entered> = countersign_image::json::strict(&answer)
        .map_err(|_| WebError::unreadable(Party::Log, "the JSON of an entry by its name"))?;
    let mut entered = entered.into_values();
    match (entered.next(), entered.next()) {
        (Some(entry), None) => entry.turned(),
        _ => None,
    }
    .ok_or_else(|| WebError::unreadable(Party::Log, "one entry with its promise and its proof"))
}

fn proposed(submission: &Submission<'_>) -> Value {
    let certificate = base64(pem("CERTIFICATE", submission.certificate).as_bytes());
    let (kind, spec) = match submission.envelope {
        Some(envelope) => (
            "dsse",
            json!({"proposedContent": {"envelope": String::from_utf8_lossy(envelope), "verifiers": [certificate]}}),
        ),
        None => (
            "hashedrekord",
            json!({
                "data": {"hash": {"algorithm": "sha256", "value": hex::encode(submission.digest())}},
                "signature": {"content": base64(submission.signature), "publicKey": {"content": certificate}},
            }),
        ),
    };
    json!({"apiVersion": "0.0.1", "kind": kind, "spec": spec})
}

impl Entered {
    /// As bundles hold it; `None` where something is not what it should be.
    fn turned(self) -> Option<LogEntry> {
        let Kind { api_version, kind } = serde_json::from_slice(&STANDARD.decode(&self.body).ok()?).ok()?;
        let proof = self.verification.inclusion_proof.map(Proof::turned);
        Some(LogEntry {
            log_index: self.log_index.to_string(),
            log_id: LogId {
                key_id: turned(&self.log_id)?,
            },
            kind_version: KindVersion {
                kind,
                version: api_version,
            },
            integrated_time: Some(self.integrated_time.to_string()),
            inclusion_promise: Some(InclusionPromise {
                signed_entry_timestamp: self.verification.signed_entry_timestamp,
            }),
            inclusion_proof: Some(proof??),
            canonicalized_body: self.body,
        })
    }
}

impl Proof {
    fn turned(self) -> Option<InclusionProof> {
        Some(InclusionProof {
            log_index: self.log_index.to_string(),
            root_hash: turned(&self.root_hash)?,
            tree_size: self.tree_size.to_string(),
            hashes: self.hashes.iter().map(|hash| turned(hash)).collect::<Option<_>>()?,
            checkpoint: Checkpoint {
                envelope: self.checkpoint,
            },
        })
    }
}

/// Hexadecimal, in base64.
fn turned(hash: &str) -> Option<String> {
    hex::decode(hash).ok().map(|bytes| base64(&bytes))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let body = base64(der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
