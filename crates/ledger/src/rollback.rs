//! What a log shows now, against what it showed when one last looked: whoever keeps a head notices that entries were
//! taken back.

use thiserror::Error;

use crate::checkpoint::{Checkpoint, SignedHead};
use crate::tree::{Hash, TreeError, verify_consistency};

/// How a head stands to the one that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Nothing was appended.
    Same,
    /// So many entries were appended, and nothing else was done.
    Appended {
        /// How many.
        entries: u64,
    },
}

/// Compares a head with one that was kept, with the hashes that lead from the kept one to it; there are none if they are of
/// one size.
///
/// Both were signed by the log, so each refusal but [`Rollback::Proof`] is something that the log must never do; who keeps both
/// notes can show it to anybody.
pub fn compare(kept: &SignedHead, now: &SignedHead, proof: &[Hash]) -> Result<Since, Rollback> {
    let (kept, now) = (kept.checkpoint(), now.checkpoint());
    precheck(kept, now)?;
    verify_consistency((kept.size(), kept.root()), (now.size(), now.root()), proof).map_err(|error| {
        let (kept, now) = (kept.size(), now.size());
        Rollback::Proof { kept, now, error }
    })?;
    Ok(since(kept, now))
}

/// What is clear without a proof: that both are of one log, and the newer one is not shorter, nor another tree of one size.
pub(crate) fn precheck(kept: &Checkpoint, now: &Checkpoint) -> Result<(), Rollback> {
    if kept.origin() != now.origin() {
        return Err(Rollback::OtherLog {
            kept: kept.origin().to_owned(),
            now: now.origin().to_owned(),
        });
    }
    if now.size() < kept.size() {
        return Err(Rollback::Older {
            kept: kept.size(),
            now: now.size(),
        });
    }
    if now.size() == kept.size() && now.root() != kept.root() {
        return Err(Rollback::Fork { size: now.size() });
    }
    Ok(())
}

pub(crate) fn since(kept: &Checkpoint, now: &Checkpoint) -> Since {
    match now.size() - kept.size() {
        0 => Since::Same,
        entries => Since::Appended { entries },
    }
}

/// Why a head is not what the kept one became.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rollback {
    /// They are of different logs.
    #[error("the checkpoint is of log `{now}`, and the one that was kept is of `{kept}`")]
    OtherLog {
        /// The log of the kept one.
        kept: String,
        /// The log of the other.
        now: String,
    },
    /// The log is shorter than it was: entries were taken back, or an old copy is shown.
    #[error("the log has {now} entries, and had {kept} when the kept checkpoint was signed")]
    Older {
        /// How many it had.
        kept: u64,
        /// How many it has.
        now: u64,
    },
    /// There are two logs of one size.
    #[error("the log has {size} entries as in the kept checkpoint, and they are not the same")]
    Fork {
        /// How many entries both have.
        size: u64,
    },
    /// The proof does not show that the log only grew. If it is a proof of these two, the log was rewritten.
    #[error("nothing shows that the {now} entries of the log begin with the {kept} of the kept checkpoint")]
    Proof {
        /// How many it had.
        kept: u64,
        /// How many it has.
        now: u64,
        /// What is wrong with the proof.
        #[source]
        error: TreeError,
    },
    /// The entries themselves are there, and do not begin with those that were signed: the log was rewritten.
    #[error("the first {kept} entries of the log are not those that the kept checkpoint was signed over")]
    Rewritten {
        /// How many entries the kept checkpoint is over.
        kept: u64,
    },
}

#[cfg(test)]
mod tests;
