//! Why an entry of a log proves nothing.

use std::fmt;

use countersign_image::JsonError;
use jiff::Timestamp;
use thiserror::Error;

use super::entry::EntryKind;
use crate::encoding::NotBase64;
use crate::key::{Hash, SignatureError};
use crate::trust::Window;

/// Which step of the proof broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogStep {
    /// Reading the entry.
    Entry,
    /// Finding the log, and whether its key was believed then.
    Log,
    /// Whether the entry is about this signature.
    Body,
    /// The promise.
    Promise,
    /// The checkpoint under the proof.
    Checkpoint,
    /// Witnesses of the checkpoint.
    Witness,
    /// The inclusion proof.
    Proof,
}

impl fmt::Display for LogStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entry => "entry",
            Self::Log => "log",
            Self::Body => "body",
            Self::Promise => "promise",
            Self::Checkpoint => "checkpoint",
            Self::Witness => "witness",
            Self::Proof => "inclusion proof",
        })
    }
}

/// Why an entry of a log proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The entry is larger than is read.
    #[error("the log entry has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// Not strict JSON, or a field is missing or of the wrong type; a number is negative.
    #[error("the log entry is not readable")]
    Json(#[source] JsonError),
    /// A field is not there.
    #[error("the log entry has no `{field}`")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is not base64.
    #[error("the log entry's `{field}` is not readable")]
    Base64 {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: NotBase64,
    },
    /// A field is not hex.
    #[error("the log entry's `{field}` is not hex")]
    NotHex {
        /// The field.
        field: &'static str,
    },
    /// The kind of entry is not known.
    #[error("log entries of kind `{kind}` {version} are not known; hashedrekord, dsse and intoto 0.0.1 and 0.0.2 are")]
    UnknownKind {
        /// Its name, shortened.
        kind: String,
        /// Its version, shortened.
        version: String,
    },
    /// The log's id is empty or longer than any.
    #[error("the log entry's log id has {found} bytes, and from 1 to {limit} are read")]
    LogIdLength {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// The time is beyond every calendar.
    #[error("the log entry's time, {seconds} seconds after 1970, is beyond what is counted")]
    Time {
        /// Seconds since 1970.
        seconds: u64,
    },
    /// There is a promise, which covers a time, and no time.
    #[error("the log entry has a promise and no integrated time")]
    NoTime,
    /// There are more hashes in the proof than any tree needs.
    #[error("the inclusion proof has {found} hashes, and {limit} are the most")]
    TooManyHashes {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// A hash of the proof is not one of SHA-256.
    #[error("a hash in `{field}` has {found} bytes, and not 32")]
    HashLength {
        /// The field.
        field: &'static str,
        /// Its length, in bytes.
        found: usize,
    },

    /// No log with this id is believed.
    #[error("no log with the id {id} is known here")]
    UnknownLog {
        /// The id, hex.
        id: String,
    },
    /// The log's key was not believed then.
    #[error("the log {id} is believed from {window}, and not at {time}")]
    NotBelieved {
        /// The log's id, hex.
        id: String,
        /// The time.
        time: Timestamp,
        /// When the key is believed; the first, where there are several.
        window: Window,
    },

    /// The body is not strict JSON, or a field in it is missing or of the wrong type.
    #[error("the body of the log entry is not readable")]
    Body(#[source] JsonError),
    /// A field of the body is not base64.
    #[error("`{field}` in the body of the log entry is not readable")]
    BodyBase64 {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: NotBase64,
    },
    /// A field of the body is not hex.
    #[error("`{field}` in the body of the log entry is not hex")]
    BodyNotHex {
        /// The field.
        field: &'static str,
    },
    /// A field of the body is neither a certificate nor a key in PEM.
    #[error("`{field}` in the body of the log entry is neither a certificate nor a public key in PEM")]
    NotPem {
        /// The field.
        field: &'static str,
    },
    /// A signature in the body is by nobody, or by two.
    #[error("the body of the log entry must name one of `x509Certificate` and `publicKey` for a signature")]
    NotOneVerifier,
    /// The body records more signatures than are read.
    #[error("the body of the log entry records {found} signatures, and {limit} are the most")]
    TooManyRecorded {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// A hash in the body is made with a function that is not known, or not trusted.
    #[error("the log entry is over a hash made with `{found}`, which is not trusted")]
    UnknownHash {
        /// The name, shortened.
        found: String,
    },
    /// The body is of another kind than the entry says.
    #[error("the log entry says to be of kind {said}, and its body is of kind {found}")]
    OtherKind {
        /// What the entry says.
        said: EntryKind,
        /// What the body says.
        found: EntryKind,
    },
    /// Entries of this kind are not about such a thing.
    #[error("a log entry of kind {kind} says nothing about {what}")]
    KindCannot {
        /// The kind.
        kind: EntryKind,
        /// What was signed.
        what: &'static str,
    },
    /// The entry knows the envelope by the hash of its bytes, and the envelope has none of its own.
    #[error("the log entry knows an envelope by its bytes as they were stored, and this one is part of a bundle")]
    NoRawEnvelope,
    /// The entry is about another signature.
    #[error("the log entry is about another signature")]
    OtherSignature,
    /// The entry is about another signer.
    #[error("the log entry is about another signer: this one's {expected} is not the {found} in the entry")]
    OtherSigner {
        /// What the signer is known by.
        expected: &'static str,
        /// What the entry knows it by.
        found: &'static str,
    },
    /// The entry is about other data.
    #[error("the log entry is about another {what}")]
    OtherData {
        /// What is another.
        what: &'static str,
    },
    /// The entry has a hash of another kind than the one at hand.
    #[error("the log entry has the {found} of the message, and only its {known} is known here")]
    OtherHash {
        /// The hash at hand.
        known: Hash,
        /// The entry's.
        found: Hash,
    },
    /// The entry is about a payload of another type.
    #[error("the log entry is about a payload of type `{found}`")]
    OtherPayloadType {
        /// The type, shortened.
        found: String,
    },

    /// A promise is demanded, and there is none.
    #[error("the log entry has no promise")]
    NoPromise,
    /// The promise is not the log's.
    #[error("the log entry's promise is not by the log")]
    Promise(#[source] SignatureError),

    /// The proof has no checkpoint, so that nobody has signed the root that it leads to.
    #[error("the inclusion proof has no checkpoint")]
    NoCheckpoint,
    /// The checkpoint is longer than is read.
    #[error("the checkpoint has {found} bytes, and {limit} are the most")]
    CheckpointTooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// The checkpoint is not one.
    #[error("the checkpoint {detail}")]
    Checkpoint {
        /// What is wrong.
        detail: &'static str,
    },
    /// The checkpoint has more signatures than are read.
    #[error("the checkpoint has {found} signatures, and {limit} are the most")]
    TooManySignatures {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// The checkpoint has more different signatures of one log than are checked.
    #[error("the checkpoint has {found} different signatures of log `{log}`, and {limit} are the most")]
    SignedTooOften {
        /// The log's name.
        log: String,
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// The checkpoint is of another log.
    #[error("the checkpoint is of `{found}`, and the log is `{expected}`")]
    Origin {
        /// The log's.
        expected: String,
        /// The checkpoint's.
        found: String,
    },
    /// The checkpoint has no signature with the log's name and key id.
    #[error("the checkpoint has no signature by the key of `{log}`")]
    NotSigned {
        /// The log.
        log: String,
    },
    /// A signature that says to be by the log's key is not.
    #[error("the checkpoint's signature is not by the log")]
    CheckpointSignature(#[source] SignatureError),
    /// The checkpoint is about a tree of another size.
    #[error("the inclusion proof is for a tree of {proof} leaves, and the checkpoint for one of {checkpoint}")]
    OtherSize {
        /// The proof's.
        proof: u64,
        /// The checkpoint's.
        checkpoint: u64,
    },
    /// The checkpoint has another root than the proof.
    #[error("the inclusion proof leads to another root than the checkpoint's")]
    CheckpointRoot,

    /// Too few witnesses have signed the checkpoint.
    #[error("{found} of the known witnesses have seen the checkpoint, and {at_least} are demanded")]
    TooFewWitnesses {
        /// How many are demanded.
        at_least: usize,
        /// How many there are.
        found: usize,
    },
    /// A signature that says to be by a known witness is not.
    #[error("the checkpoint's signature by the witness `{name}` is not by it")]
    WitnessSignature {
        /// The witness.
        name: String,
    },

    /// The entry has neither promise nor proof.
    #[error("the log entry has neither a promise nor an inclusion proof")]
    Empty,
    /// The inclusion proof is demanded, and there is none.
    #[error("the log entry has no inclusion proof")]
    NoProof,
    /// The entry has another index than its proof.
    #[error("the log entry has the index {entry}, and its inclusion proof the index {proof}")]
    OtherIndex {
        /// The entry's.
        entry: u64,
        /// The proof's.
        proof: u64,
    },
    /// The index is not in the tree.
    #[error("the index {index} is not in a tree of {size} leaves")]
    OutsideTree {
        /// The index.
        index: u64,
        /// How many leaves there are.
        size: u64,
    },
    /// The proof has another length than the tree demands.
    #[error("the inclusion proof has {found} hashes, and {expected} lead from this leaf to the root")]
    ProofLength {
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The proof does not lead to the root.
    #[error("the inclusion proof does not lead from the log entry to the root")]
    OtherRoot,
}

impl LogError {
    /// Which step broke.
    pub fn step(&self) -> LogStep {
        match self {
            Self::TooLarge { .. }
            | Self::Json(_)
            | Self::Missing { .. }
            | Self::Base64 { .. }
            | Self::NotHex { .. }
            | Self::UnknownKind { .. }
            | Self::LogIdLength { .. }
            | Self::Time { .. }
            | Self::TooManyHashes { .. }
            | Self::HashLength { .. } => LogStep::Entry,
            Self::UnknownLog { .. } | Self::NotBelieved { .. } => LogStep::Log,
            Self::Body(_)
            | Self::BodyBase64 { .. }
            | Self::BodyNotHex { .. }
            | Self::NotPem { .. }
            | Self::NotOneVerifier
            | Self::TooManyRecorded { .. }
            | Self::UnknownHash { .. }
            | Self::OtherKind { .. }
            | Self::KindCannot { .. }
            | Self::NoRawEnvelope
            | Self::OtherSignature
            | Self::OtherSigner { .. }
            | Self::OtherData { .. }
            | Self::OtherHash { .. }
            | Self::OtherPayloadType { .. } => LogStep::Body,
            Self::NoPromise | Self::NoTime | Self::Promise(_) => LogStep::Promise,
            Self::NoCheckpoint
            | Self::CheckpointTooLong { .. }
            | Self::Checkpoint { .. }
            | Self::TooManySignatures { .. }
            | Self::SignedTooOften { .. }
            | Self::Origin { .. }
            | Self::NotSigned { .. }
            | Self::CheckpointSignature(_)
            | Self::OtherSize { .. }
            | Self::CheckpointRoot => LogStep::Checkpoint,
            Self::TooFewWitnesses { .. } | Self::WitnessSignature { .. } => LogStep::Witness,
            Self::Empty
            | Self::NoProof
            | Self::OtherIndex { .. }
            | Self::OutsideTree { .. }
            | Self::ProofLength { .. }
            | Self::OtherRoot => LogStep::Proof,
        }
    }
}
