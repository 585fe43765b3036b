//! The proof that a log has recorded one signature.
//!
//! ```compile_fail
//! // A proof does not survive storage: bytes do, and are verified again.
//! let proof: countersign_evidence::Logged = serde_json::from_str("{}").unwrap();
//! ```
//!
//! ```compile_fail
//! use countersign_evidence::{Entry, Log, Logged};
//! fn forge(entry: &Entry, log: &Log) -> Logged {
//!     Logged::assertion(entry, log, Vec::new(), None)
//! }
//! ```

use jiff::Timestamp;

use super::checkpoint;
use super::entry::{Entry, EntryKind, Proof};
use super::error::LogError;
use super::merkle;
use super::rule::{LogRule, Submission};
use crate::key::HashRule;
use crate::trust::{Log, LogId, Window};

/// A log has recorded this very signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    log_id: LogId,
    log_name: String,
    operator: Option<String>,
    counts_as: String,
    windows: Vec<Window>,
    kind: EntryKind,
    index: u64,
    integrated_time: Option<Timestamp>,
    inclusion: Option<Inclusion>,
}

/// A tree in which an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inclusion {
    origin: String,
    size: u64,
    index: u64,
    witnesses: Vec<String>,
}

impl Logged {
    /// Called where the entry was just found to be about a signature, and the log's promise, the inclusion, or both,
    /// were just verified with the key of `log`; nowhere else.
    fn assertion(entry: &Entry, log: &Log, windows: Vec<Window>, inclusion: Option<Inclusion>) -> Self {
        // Only the promise covers the time and the index over all shards.
        let promised = entry.promise.is_some();
        let in_tree = inclusion.as_ref().map(|inclusion| inclusion.index);
        Self {
            log_id: entry.log_id.clone(),
            log_name: log.base_url.clone(),
            operator: log.operator.clone(),
            counts_as: log.counts_as(),
            windows,
            kind: entry.body.kind(),
            index: in_tree.filter(|_| !promised).unwrap_or(entry.index),
            integrated_time: entry.integrated_time.filter(|_| promised),
            inclusion,
        }
    }

    /// The identity of the log.
    pub fn log_id(&self) -> &LogId {
        &self.log_id
    }

    /// The log's address, which is its name.
    pub fn log_name(&self) -> &str {
        &self.log_name
    }

    /// Who runs the log, where the trust root says so.
    pub fn operator(&self) -> Option<&str> {
        self.operator.as_deref()
    }

    /// What the log counts as for a threshold: its operator, or itself where none is said.
    pub fn counts_as(&self) -> &str {
        &self.counts_as
    }

    /// What kind of entry it is.
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// The index that the log gave it: over all shards where the log promised it, else in the tree.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// When the log took it in: only what the log has signed, so that an entry without a promise has no time.
    pub fn integrated_time(&self) -> Option<Timestamp> {
        self.integrated_time
    }

    /// Whether the log's promise was there and held.
    pub fn promised(&self) -> bool {
        self.integrated_time.is_some()
    }

    /// Whether inclusion was proved.
    pub fn included(&self) -> bool {
        self.inclusion.is_some()
    }

    /// The origin of the checkpoint under which inclusion was proved; `None` where it was not.
    pub fn origin(&self) -> Option<&str> {
        self.inclusion.as_ref().map(|inclusion| inclusion.origin.as_str())
    }

    /// The size of the tree in which inclusion was proved, in leaves; `None` where it was not.
    pub fn tree_size(&self) -> Option<u64> {
        self.inclusion.as_ref().map(|inclusion| inclusion.size)
    }

    /// The known witnesses that have seen the tree, each once.
    pub fn witnesses(&self) -> &[String] {
        self.inclusion.as_ref().map_or(&[], |inclusion| &inclusion.witnesses)
    }

    /// Holds the windows of the log's key against a time that somebody else has proved. An entry without a time of its own
    /// needs that for every time at which the signature counts.
    pub fn believed_at(&self, time: Timestamp) -> Result<(), LogError> {
        if self.windows.iter().any(|window| window.contains(time)) {
            return Ok(());
        }
        Err(not_believed(&self.log_id, time, self.windows.first()))
    }
}

/// Proves that a log among `logs` has recorded the signature.
///
/// 1. One of the logs has the entry's log id.
/// 2. The body records this signature, over this data, by this key or certificate.
/// 3. The key of the log was believed at the integrated time, where that is promised.
/// 4. The promise, if there is one, is the log's.
/// 5. The checkpoint, if there is a proof, is of this log and signed by it, and by as many witnesses as the rule demands.
/// 6. The proof leads from the body to the checkpoint's root.
///
/// What is there and wrong refuses, also where the rule does not ask for it. That the key was believed is proved only at
/// the time that the entry itself proves: see [`Logged::believed_at`].
pub fn verify_entry(entry: &Entry, of: &Submission<'_>, logs: &[Log], rule: &LogRule) -> Result<Logged, LogError> {
    if entry.proof.is_none() && (rule.inclusion_proof || rule.witnesses.at_least > 0) {
        return Err(LogError::NoProof);
    }
    if entry.promise.is_none() && rule.promise {
        return Err(LogError::NoPromise);
    }
    // 1.
    let known: Vec<&Log> = logs.iter().filter(|log| is_of(entry, log)).collect();
    if known.is_empty() {
        return Err(LogError::UnknownLog {
            id: entry.log_id.to_string(),
        });
    }
    // 2.
    entry.body.bind(of)?;
    // 3.
    let time = entry.integrated_time.filter(|_| entry.promise.is_some());
    let believed = known
        .iter()
        .filter(|log| time.is_none_or(|time| log.window.contains(time)));
    // One id may be there with several keys or windows.
    let mut refusal = None;
    for log in believed {
        match prove(entry, log, rule) {
            Ok(inclusion) => {
                let same = known.iter().filter(|other| other.key == log.key);
                let windows = same.map(|log| log.window).collect();
                return Ok(Logged::assertion(entry, log, windows, inclusion));
            }
            Err(error) => refusal = Some(error),
        }
    }
    let outside = || match time {
        Some(time) => not_believed(&entry.log_id, time, known.first().map(|log| &log.window)),
        None => LogError::Empty,
    };
    Err(refusal.unwrap_or_else(outside))
}

/// Whether the entry says to be of this log, by the id that the trust root gives the log, or by one that follows from its
/// key.
fn is_of(entry: &Entry, log: &Log) -> bool {
    let id = entry.log_id.bytes();
    id == log.id.bytes()
        || id == log.key.fingerprint().raw()
        || checkpoint::log_id(log).is_some_and(|of_key| id == of_key)
}

/// Steps 4 to 6, with the key of one log.
fn prove(entry: &Entry, log: &Log, rule: &LogRule) -> Result<Option<Inclusion>, LogError> {
    // 4.
    if let (Some(promise), Some(time)) = (&entry.promise, entry.integrated_time) {
        let verified = log.key.verify(HashRule::Natural, &entry.promised(time), promise);
        verified.map_err(LogError::Promise)?;
    }
    entry
        .proof
        .as_ref()
        .map(|proof| include(entry, proof, log, rule))
        .transpose()
}

fn include(entry: &Entry, proof: &Proof, log: &Log, rule: &LogRule) -> Result<Inclusion, LogError> {
    // 5.
    let signed = &proof.checkpoint;
    if proof.size != signed.unverified_size() {
        return Err(LogError::OtherSize {
            proof: proof.size,
            checkpoint: signed.unverified_size(),
        });
    }
    if proof.root != *signed.unverified_root() {
        return Err(LogError::CheckpointRoot);
    }
    signed.verify(log, entry.body.kind())?;
    let witnesses = signed.witnesses(&rule.witnesses)?;
    // 6.
    let leaf = merkle::leaf(&entry.bytes);
    merkle::prove(leaf, proof.index, proof.size, &proof.hashes, &proof.root)?;
    Ok(Inclusion {
        origin: signed.unverified_origin().to_owned(),
        size: proof.size,
        index: proof.index,
        witnesses,
    })
}

fn not_believed(id: &LogId, time: Timestamp, window: Option<&Window>) -> LogError {
    LogError::NotBelieved {
        id: id.to_string(),
        time,
        window: window.copied().unwrap_or(Window::ALWAYS),
    }
}
