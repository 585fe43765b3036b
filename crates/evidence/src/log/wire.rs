//! Entries as written: protobuf's JSON, which allows two spellings of a field's name and of a number, and cosign's JSON.

use serde::Deserialize;

use super::body::Body;
use super::checkpoint::Checkpoint;
use super::entry::{Entry, EntryKind, MAX_PROOF_HASHES, Proof};
use super::error::LogError;
use crate::encoding;
use crate::trust::{LogId, MAX_LOG_ID_BYTES};

/// `TransparencyLogEntry` of `sigstore_rekor.proto`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfBundle {
    #[serde(default, alias = "log_index", deserialize_with = "encoding::number")]
    log_index: u64,
    #[serde(alias = "log_id")]
    log_id: Option<Identity>,
    #[serde(alias = "kind_version")]
    kind_version: Option<KindVersion>,
    #[serde(default, alias = "integrated_time", deserialize_with = "encoding::number")]
    integrated_time: u64,
    #[serde(alias = "inclusion_promise")]
    inclusion_promise: Option<InclusionPromise>,
    #[serde(alias = "inclusion_proof")]
    inclusion_proof: Option<InclusionProof>,
    #[serde(alias = "canonicalized_body")]
    canonicalized_body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(alias = "key_id")]
    key_id: Option<String>,
}

#[derive(Deserialize)]
struct KindVersion {
    kind: Option<String>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionPromise {
    #[serde(alias = "signed_entry_timestamp")]
    signed_entry_timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProof {
    #[serde(default, alias = "log_index", deserialize_with = "encoding::number")]
    log_index: u64,
    #[serde(alias = "root_hash")]
    root_hash: Option<String>,
    #[serde(default, alias = "tree_size", deserialize_with = "encoding::number")]
    tree_size: u64,
    #[serde(default, deserialize_with = "countersign_image::json::null_is_default")]
    hashes: Vec<String>,
    checkpoint: Option<Note>,
}

#[derive(Deserialize)]
struct Note {
    envelope: Option<String>,
}

impl OfBundle {
    pub(super) fn read(self) -> Result<Entry, LogError> {
        let kind = self
            .kind_version
            .ok_or(LogError::Missing { field: "kindVersion" })?
            .read()?;
        let log_id = self.log_id.and_then(|id| id.key_id);
        let log_id = decode("logId.keyId", log_id)?;
        let promise = match self
            .inclusion_promise
            .and_then(|promise| promise.signed_entry_timestamp)
        {
            Some(text) if !text.is_empty() => Some(decode("inclusionPromise.signedEntryTimestamp", Some(text))?),
            _ => None,
        };
        let body = decode("canonicalizedBody", self.canonicalized_body)?;
        Entry {
            log_id: identity(log_id)?,
            index: self.log_index,
            integrated_time: time(self.integrated_time)?,
            promise,
            proof: self.inclusion_proof.map(InclusionProof::read).transpose()?,
            body: Body::read(&body, Some(kind))?,
            bytes: body,
        }
        .whole()
    }
}

impl KindVersion {
    fn read(self) -> Result<EntryKind, LogError> {
        let (name, version) = (self.kind.unwrap_or_default(), self.version.unwrap_or_default());
        EntryKind::of(&name, &version)
    }
}

impl InclusionProof {
    fn read(self) -> Result<Proof, LogError> {
        let found = self.hashes.len();
        if found > MAX_PROOF_HASHES {
            return Err(LogError::TooManyHashes {
                limit: MAX_PROOF_HASHES,
                found,
            });
        }
        let hashes = self.hashes.into_iter();
        let hashes = hashes.map(|text| hash("inclusionProof.hashes", decode("inclusionProof.hashes", Some(text))?));
        let note = self.checkpoint.and_then(|note| note.envelope);
        let note = note.filter(|note| !note.is_empty()).ok_or(LogError::NoCheckpoint)?;
        Ok(Proof {
            index: self.log_index,
            root: hash(
                "inclusionProof.rootHash",
                decode("inclusionProof.rootHash", self.root_hash)?,
            )?,
            size: self.tree_size,
            hashes: hashes.collect::<Result<_, _>>()?,
            checkpoint: Checkpoint::parse(&note)?,
        })
    }
}

/// The annotation `dev.sigstore.cosign/bundle` of cosign 2 (`cosign/pkg/cosign/bundle`, `RekorBundle`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfAnnotation {
    signed_entry_timestamp: String,
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    body: String,
    #[serde(deserialize_with = "encoding::number")]
    integrated_time: u64,
    #[serde(deserialize_with = "encoding::number")]
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

impl OfAnnotation {
    pub(super) fn read(self) -> Result<Entry, LogError> {
        let promise = decode("SignedEntryTimestamp", Some(self.signed_entry_timestamp))?;
        let body = decode("Payload.body", Some(self.payload.body))?;
        let log_id = unhex(&self.payload.log_id).ok_or(LogError::NotHex { field: "Payload.logID" })?;
        Entry {
            log_id: identity(log_id)?,
            index: self.payload.log_index,
            integrated_time: time(self.payload.integrated_time)?,
            promise: Some(promise),
            proof: None,
            body: Body::read(&body, None)?,
            bytes: body,
        }
        .whole()
    }
}

/// A moment; 0 is protobuf's way to leave it out.
fn time(seconds: u64) -> Result<Option<jiff::Timestamp>, LogError> {
    if seconds == 0 {
        return Ok(None);
    }
    let beyond = LogError::Time { seconds };
    let moment = i64::try_from(seconds).ok().map(jiff::Timestamp::from_second);
    moment.and_then(Result::ok).map(Some).ok_or(beyond)
}

fn identity(bytes: Vec<u8>) -> Result<LogId, LogError> {
    let lengths = 1..=MAX_LOG_ID_BYTES;
    if lengths.contains(&bytes.len()) {
        Ok(LogId::new(bytes))
    } else {
        Err(LogError::LogIdLength {
            limit: MAX_LOG_ID_BYTES,
            found: bytes.len(),
        })
    }
}

fn hash(field: &'static str, bytes: Vec<u8>) -> Result<[u8; 32], LogError> {
    let found = bytes.len();
    bytes.try_into().map_err(|_| LogError::HashLength { field, found })
}

fn decode(field: &'static str, text: Option<String>) -> Result<Vec<u8>, LogError> {
    let text = text
        .filter(|text| !text.is_empty())
        .ok_or(LogError::Missing { field })?;
    encoding::decode(&text).map_err(|source| LogError::Base64 { field, source })
}

/// The bytes that lower- or upper-case hex digits say.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
