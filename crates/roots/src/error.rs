//! Why there is no root, or no newer one.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use countersign_evidence::trust::{MAX_TRUST_ROOT_BYTES, TrustRootError};
use thiserror::Error;

use crate::tuf::{ArchiveError, MirrorError};

/// Why a root is not there, or could not be renewed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RootError {
    /// Its repository was not reached since this process started, and no cache holds it.
    #[error("its repository was not reached yet")]
    NotYet,
    /// There are too many to look after this one.
    #[error(
        "there are more than {} trust roots, and this one is not looked after",
        crate::MAX_ROOTS
    )]
    TooMany,
    /// Where it should be is nowhere.
    #[error("{0}")]
    Nowhere(String),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was read is no trust root.
    #[error("what it is read from holds no trust root that can be used")]
    Unreadable(#[from] TrustRootError),
    /// A repository did not give a newer one.
    #[error("its repository could not be followed")]
    Refresh(#[from] RefreshError),
    /// A packed repository did not give one.
    #[error("its packed repository cannot be used")]
    Archive(#[from] ArchiveError),
}

/// Why a file holds no trust root.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is not there, or may not be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is longer than is read.
    #[error("`{}` has more than {MAX_TRUST_ROOT_BYTES} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is no trust root.
    #[error("`{}` holds no trust root that can be used", path.display())]
    NotATrustRoot {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TrustRootError,
    },
}

/// Why a TUF repository gave no trust root. What was believed before stays.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// Not everything had come when the time was over.
    #[error("the repository had not answered everything after {after:?}")]
    Deadline {
        /// How long was waited.
        after: Duration,
    },
    /// The mirror did not give a file.
    #[error(transparent)]
    Mirror(MirrorError),
    /// What the repository said is not believed.
    #[error("the repository's metadata is not believed")]
    Metadata(#[source] sigstore_tuf::Error),
    /// One key signed under two names, and a threshold was met by that.
    #[error("{role}: {found} different keys signed, and {threshold} must: one key is listed under several ids")]
    RepeatedKey {
        /// Whose metadata.
        role: String,
        /// How many different keys signed.
        found: usize,
        /// How many must.
        threshold: usize,
    },
    /// A name in the source is not one that a repository can have.
    #[error("`{name}` is not the name of a target: names are relative, without `..`, `\\` and empty parts")]
    Name {
        /// The name.
        name: String,
    },
    /// The target is not in the repository, nor are keys marked for Sigstore.
    #[error("the repository lists neither `{target}` nor a certificate authority marked as Fulcio's")]
    NoSuchTarget {
        /// The target.
        target: String,
    },
    /// A target that is marked as a key or certificate is none.
    #[error("the target `{target}` is marked as {usage}, and cannot be used: {why}")]
    Marked {
        /// The target.
        target: String,
        /// What it is marked as.
        usage: &'static str,
        /// Why.
        why: String,
    },
    /// The target is no trust root.
    #[error("the target `{target}` holds no trust root that can be used")]
    NotATrustRoot {
        /// The target.
        target: String,
        /// Why.
        source: TrustRootError,
    },
    /// The client broke: a flaw of ours, or of what we are built from.
    #[error("the client panicked while it read the repository")]
    Panicked,
}

/// How an attempt to renew a root ended: a closed list, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// There is a root, renewed now.
    Refreshed,
    /// Nothing was tried yet.
    Pending,
    /// A file or mirror did not give what it was asked for.
    Unreachable,
    /// The time was over.
    Slow,
    /// Metadata is past its end.
    Expired,
    /// An older state was offered than one already seen.
    Rollback,
    /// Too few keys signed.
    Unproven,
    /// A file is not the one that was announced.
    Mismatched,
    /// What was read has not the form that it must have.
    Unreadable,
}

impl Outcome {
    /// Every outcome of an attempt.
    pub const ALL: [Self; 8] = [
        Self::Refreshed,
        Self::Unreachable,
        Self::Slow,
        Self::Expired,
        Self::Rollback,
        Self::Unproven,
        Self::Mismatched,
        Self::Unreadable,
    ];

    /// The word for it in metrics and logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Pending => "pending",
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Expired => "expired",
            Self::Rollback => "rollback",
            Self::Unproven => "unproven",
            Self::Mismatched => "mismatched",
            Self::Unreadable => "unreadable",
        }
    }

    /// What whoever runs this should do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Refreshed => "nothing",
            Self::Pending => "wait for the first refresh, or give a cache directory so that a restart needs none",
            Self::Unreachable => "see that the mirror's address is right and can be reached from here",
            Self::Slow => "see why the mirror is slow: a refresh has a deadline, and everything must have come by then",
            Self::Expired => {
                "see that this machine's clock is right; if it is, the mirror is frozen or its maintainers must sign anew"
            }
            Self::Rollback => {
                "the mirror offers an older state than one already seen: it lags behind, was restored from a backup, or is attacked"
            }
            Self::Unproven => {
                "the mirror offers metadata that its keys did not sign: ask its maintainers before anything else"
            }
            Self::Mismatched => "the mirror's files do not belong together: it was copied in part, or is attacked",
            Self::Unreadable => "see whether the source is what it should be: a TUF repository, a `trusted_root.json`",
        }
    }
}

impl RootError {
    /// The kind of trouble.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotYet => Outcome::Pending,
            Self::File(FileError::Unreadable { .. }) => Outcome::Unreachable,
            Self::File(_) | Self::Unreadable(_) | Self::TooMany | Self::Nowhere(_) => Outcome::Unreadable,
            Self::Refresh(error) => error.outcome(),
            Self::Archive(ArchiveError::Metadata(error)) => error.outcome(),
            Self::Archive(_) => Outcome::Unreadable,
        }
    }
}

impl RefreshError {
    /// The kind of trouble.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        use sigstore_tuf::Error;
        match self {
            Self::Deadline { .. } | Self::Mirror(MirrorError::Slow { .. }) => Outcome::Slow,
            Self::Mirror(MirrorError::TooLong { .. }) => Outcome::Mismatched,
            Self::Mirror(_) => Outcome::Unreachable,
            Self::RepeatedKey { .. } => Outcome::Unproven,
            Self::Metadata(error) => match error {
                Error::Expired { .. } => Outcome::Expired,
                Error::Rollback { .. } | Error::BadRootVersion { .. } => Outcome::Rollback,
                Error::ThresholdNotMet { .. } | Error::DuplicateSignature { .. } => Outcome::Unproven,
                Error::IntegrityMismatch(_) => Outcome::Mismatched,
                Error::Transport { .. } => Outcome::Unreachable,
                _ => Outcome::Unreadable,
            },
            Self::Name { .. }
            | Self::NoSuchTarget { .. }
            | Self::Marked { .. }
            | Self::NotATrustRoot { .. }
            | Self::Panicked => Outcome::Unreadable,
        }
    }

    /// The mirror's own trouble comes out of the client wrapped; it is told plainly.
    pub(crate) fn of(error: sigstore_tuf::Error) -> Self {
        match error {
            sigstore_tuf::Error::Transport {
                source: Some(source),
                message,
            } => match source.downcast::<MirrorError>() {
                Ok(mirror) => Self::Mirror(*mirror),
                Err(source) => Self::Metadata(sigstore_tuf::Error::Transport {
                    message,
                    source: Some(source),
                }),
            },
            other => Self::Metadata(other),
        }
    }
}
