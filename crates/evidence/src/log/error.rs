//! Why an entry of a log proves nothing.

use std::fmt;

use countersign_image::JsonError;
use thiserror::Error;

/// Which step of the proof broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogStep {
    /// Reading the entry.
    Entry,
    /// Finding the log, and whether its key was believed then.
    Log,
    /// The promise.
    Promise,
    /// The inclusion proof.
    Proof,
    /// The checkpoint under the proof.
    Checkpoint,
    /// Witnesses of the checkpoint.
    Witness,
    /// Whether the entry is about this signature.
    Body,
}

impl fmt::Display for LogStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entry => "entry",
            Self::Log => "log",
            Self::Promise => "promise",
            Self::Proof => "inclusion proof",
            Self::Checkpoint => "checkpoint",
            Self::Witness => "witness",
            Self::Body => "body",
        })
    }
}

/// Why an entry of a log proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// Not strict JSON, or a field is missing or of the wrong type.
    #[error("the log entry is not readable")]
    Json(#[source] JsonError),
    /// The entry has neither promise nor proof.
    #[error("the log entry has neither a promise nor an inclusion proof")]
    Empty,
}

impl LogError {
    /// Which step broke.
    pub fn step(&self) -> LogStep {
        match self {
            Self::Json(_) => LogStep::Entry,
            Self::Empty => LogStep::Proof,
        }
    }
}
