//! An entry as it came: parsed, believed by nobody.

use std::fmt;

use jiff::Timestamp;

use super::error::LogError;
use crate::trust::LogId;

/// The largest entry that is read, in bytes.
pub const MAX_ENTRY_BYTES: usize = 4 * 1024 * 1024;

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
    pub(super) const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::HashedRekordV001, "hashedrekord", "0.0.1"),
        (Self::HashedRekordV002, "hashedrekord", "0.0.2"),
        (Self::DsseV001, "dsse", "0.0.1"),
        (Self::DsseV002, "dsse", "0.0.2"),
        (Self::IntotoV001, "intoto", "0.0.1"),
        (Self::IntotoV002, "intoto", "0.0.2"),
    ];
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
}

impl Entry {
    /// Reads an entry of a bundle: protobuf's JSON of `TransparencyLogEntry`.
    pub fn of_bundle(json: &[u8]) -> Result<Self, LogError> {
        let _ = json;
        Err(LogError::Empty)
    }

    /// Reads the annotation `dev.sigstore.cosign/bundle` of cosign 2: an entry of Rekor v1 with its promise.
    pub fn of_annotation(json: &[u8]) -> Result<Self, LogError> {
        let _ = json;
        Err(LogError::Empty)
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
}
