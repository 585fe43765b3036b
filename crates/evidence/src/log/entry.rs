//! An entry as it came: parsed, believed by nobody.

use std::fmt;
use std::fmt::Write as _;

use countersign_image::json;
use countersign_image::text::excerpt;
use jiff::Timestamp;

use super::body::Body;
use super::checkpoint::Checkpoint;
use super::error::LogError;
use super::wire;
use crate::encoding;
use crate::trust::LogId;

/// The largest entry that is read, in bytes of JSON.
pub const MAX_ENTRY_BYTES: usize = 4 * 1024 * 1024;
/// The most hashes of an inclusion proof: a tree of 2^64 leaves needs no more.
pub const MAX_PROOF_HASHES: usize = 64;

/// What kind of entry it is, and of which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// `hashedrekord` 0.0.1 (Rekor v1).
    HashedRekordV001,
    /// `hashedrekord` 0.0.2 (Rekor v2).
    HashedRekordV002,
    /// `dsse` 0.0.1 (Rekor v1).
    DsseV001,
    /// `dsse` 0.0.2 (Rekor v2).
    DsseV002,
    /// `intoto` 0.0.1 (Rekor v1).
    IntotoV001,
    /// `intoto` 0.0.2 (Rekor v1).
    IntotoV002,
}

impl EntryKind {
    /// Every kind, with the name and the version that it is written as.
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::HashedRekordV001, "hashedrekord", "0.0.1"),
        (Self::HashedRekordV002, "hashedrekord", "0.0.2"),
        (Self::DsseV001, "dsse", "0.0.1"),
        (Self::DsseV002, "dsse", "0.0.2"),
        (Self::IntotoV001, "intoto", "0.0.1"),
        (Self::IntotoV002, "intoto", "0.0.2"),
    ];

    pub(super) fn of(name: &str, version: &str) -> Result<Self, LogError> {
        let known = Self::ALL.iter().find(|known| (known.1, known.2) == (name, version));
        let unknown = || LogError::UnknownKind {
            kind: excerpt(name, 40),
            version: excerpt(version, 40),
        };
        known.map(|(kind, ..)| *kind).ok_or_else(unknown)
    }

    /// Whether it is a kind of Rekor v2, which has one index per entry and promises nothing.
    pub(super) fn is_v2(self) -> bool {
        matches!(self, Self::HashedRekordV002 | Self::DsseV002)
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::ALL
            .iter()
            .filter(|(kind, ..)| kind == self)
            .try_for_each(|(_, name, version)| write!(f, "{name} {version}"))
    }
}

/// An entry of a log: parsed, believed by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) log_id: LogId,
    pub(super) index: u64,
    pub(super) integrated_time: Option<Timestamp>,
    pub(super) promise: Option<Vec<u8>>,
    pub(super) proof: Option<Proof>,
    pub(super) body: Body,
    /// The body as it is: what the log has hashed and signed.
    pub(super) bytes: Vec<u8>,
}

/// An inclusion proof, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// The index in the tree, which in Rekor v1 is one shard of the log.
    pub(super) index: u64,
    pub(super) root: [u8; 32],
    pub(super) size: u64,
    pub(super) hashes: Vec<[u8; 32]>,
    pub(super) checkpoint: Checkpoint,
}

impl Entry {
    /// Reads an entry of a bundle: protobuf's JSON of `TransparencyLogEntry`, at most [`MAX_ENTRY_BYTES`].
    pub fn of_bundle(json: &[u8]) -> Result<Self, LogError> {
        cap(json)?;
        json::strict::<wire::OfBundle>(json).map_err(LogError::Json)?.read()
    }

    /// Reads the annotation `dev.sigstore.cosign/bundle` of cosign 2: an entry of Rekor v1 with its promise, at most
    /// [`MAX_ENTRY_BYTES`].
    pub fn of_annotation(json: &[u8]) -> Result<Self, LogError> {
        cap(json)?;
        json::strict::<wire::OfAnnotation>(json).map_err(LogError::Json)?.read()
    }

    /// Itself, if what is in it fits together.
    pub(super) fn whole(self) -> Result<Self, LogError> {
        if self.promise.is_none() && self.proof.is_none() {
            return Err(LogError::Empty);
        }
        if self.promise.is_some() && self.integrated_time.is_none() {
            return Err(LogError::NoTime);
        }
        if let Some(proof) = &self.proof {
            // Shards of a Rekor v1 are counted on: an index over all of them is never less than the one in a shard.
            let fits = if self.body.kind().is_v2() {
                self.index == proof.index
            } else {
                self.index >= proof.index
            };
            if !fits {
                return Err(LogError::OtherIndex {
                    entry: self.index,
                    proof: proof.index,
                });
            }
        }
        Ok(self)
    }

    /// What kind of entry it says to be. Nobody has checked it.
    pub fn unverified_kind(&self) -> EntryKind {
        self.body.kind()
    }

    /// When the log says that it took the entry in; `None` where it does not say. Nobody has checked it.
    pub fn unverified_integrated_time(&self) -> Option<Timestamp> {
        self.integrated_time
    }

    /// Which log it says to be of. Nobody has checked it.
    pub fn unverified_log_id(&self) -> &LogId {
        &self.log_id
    }

    /// Its index in the log. Nobody has checked it.
    pub fn unverified_index(&self) -> u64 {
        self.index
    }

    /// What the promise is over: body, time, log and index as RFC 8785 writes them.
    pub(super) fn promised(&self, time: Timestamp) -> Vec<u8> {
        let mut text = String::with_capacity(self.bytes.len() * 4 / 3 + 200);
        text.push_str("{\"body\":\"");
        encoding::encode_into(&self.bytes, &mut text);
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "\",\"integratedTime\":{},\"logID\":\"{}\",\"logIndex\":{}}}",
            time.as_second(),
            self.log_id,
            self.index
        );
        text.into_bytes()
    }
}

fn cap(json: &[u8]) -> Result<(), LogError> {
    if json.len() > MAX_ENTRY_BYTES {
        Err(LogError::TooLarge {
            limit: MAX_ENTRY_BYTES,
            found: json.len(),
        })
    } else {
        Ok(())
    }
}
