//! Checkpoints (C2SP tlog-checkpoint): what a log says of its tree, signed by its key and seen by witnesses.
//!
//! A [`Checkpoint`] is what is said, a [`SignedHead`] that the log has said it. The second has one maker.
//!
//! Why this is not the checkpoint of `countersign-evidence`: that one reads what other people's logs of signatures write, whose
//! keys go by three sorts of ids, whose origins carry numbers of shards, and whose base64 and extension lines are whatever
//! they are. Ours has one spelling, one sort of id, no extension lines, and can be written.

mod head;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;

use countersign_image::text::excerpt;
use thiserror::Error;

use crate::encoding;
use crate::note::{KeyType, NoteError};
use crate::tree::{Hash, MAX_SIZE, TreeError, empty_root};
pub use head::{MAX_WITNESSES, Seen, SignedHead, Trust, Witnesses};
pub use seal::{SealError, ToBeSealed};

/// What a log says of its tree.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

impl Checkpoint {
    /// What is to be said of a tree. The origin is the name of the log's key.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        let said = Self {
            origin: origin.to_owned(),
            size,
            root,
        };
        said.consistent()
    }

    /// Reads the text of a checkpoint: three lines with their ends, and nothing besides.
    ///
    /// The specification lets a log add lines; ours never does, as what stands there is audited by nobody.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |detail| CheckpointError::Text { detail };
        let lines = text
            .strip_suffix('\n')
            .ok_or_else(|| wrong("its last line has no end"))?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty());
        let origin = origin.ok_or_else(|| wrong("its first line names no log"))?;
        let size = lines.next().and_then(encoding::decimal);
        let size = size.ok_or_else(|| wrong("its second line is no size"))?;
        let root = lines.next().and_then(encoding::hash);
        let root = root.ok_or_else(|| wrong("its third line is no root"))?;
        if lines.next().is_some() {
            return Err(wrong("it has more than three lines"));
        }
        Self::new(origin, size, root)
    }

    fn consistent(self) -> Result<Self, CheckpointError> {
        if !crate::note::is_name(&self.origin) {
            return Err(CheckpointError::Text {
                detail: "its first line is no name of a log",
            });
        }
        if self.size > MAX_SIZE {
            return Err(CheckpointError::Tree(TreeError::TooLarge {
                limit: MAX_SIZE,
                size: self.size,
            }));
        }
        if self.size == 0 && self.root != empty_root() {
            return Err(CheckpointError::Text {
                detail: "its root is not that of a tree without leaves, which it says to be",
            });
        }
        Ok(self)
    }

    /// Which log it is of.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> &Hash {
        &self.root
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, encoding::encode(&self.root))
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = encoding::encode(&self.root);
        write!(f, "Checkpoint({}, {}, {root})", self.origin, self.size)
    }
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is no signed note.
    #[error("the checkpoint is no signed note")]
    Note(#[from] NoteError),
    /// Its text is not one of a checkpoint.
    #[error("the text is none of a checkpoint: {detail}")]
    Text {
        /// What is wrong.
        detail: &'static str,
    },
    /// There is no such tree.
    #[error("the checkpoint is of no tree")]
    Tree(#[from] TreeError),
    /// It is of another log.
    #[error("the checkpoint is of log `{found}`, and `{expected}` is asked for")]
    Origin {
        /// The log asked for.
        expected: String,
        /// The log it is of, shortened.
        found: String,
    },
    /// The log's key has not signed it.
    #[error("the checkpoint is not signed by `{key}`")]
    NotSigned {
        /// The log's key.
        key: String,
    },
    /// A line says to be a signature of a known key, and is not.
    #[error("the signature under the name of `{key}` does not verify")]
    Signature {
        /// The key.
        key: String,
    },
    /// Too few of the known witnesses have signed it.
    #[error("{found} of the known witnesses have signed the checkpoint, and {at_least} are asked for")]
    TooFewWitnesses {
        /// How many are asked for.
        at_least: usize,
        /// How many have.
        found: usize,
    },
    /// A key is to be used for what it is not for.
    #[error("key `{key}` is one of {found}, and one of {expected} is asked for", found = signs(*.found), expected = signs(*.expected))]
    KeyType {
        /// The key.
        key: String,
        /// What is asked for.
        expected: KeyType,
        /// What it is.
        found: KeyType,
    },
    /// The rule for witnesses asks for more than there are, or knows too many or one twice.
    #[error("{at_least} of {known} different witnesses cannot be asked for (at most {limit} are known)", limit = MAX_WITNESSES)]
    Witnesses {
        /// How many are asked for.
        at_least: usize,
        /// How many different keys there are.
        known: usize,
    },
}

fn signs(kind: KeyType) -> &'static str {
    match kind {
        KeyType::Note => "a log",
        KeyType::Cosignature => "a witness",
    }
}

fn origin(expected: &str, found: &str) -> CheckpointError {
    CheckpointError::Origin {
        expected: expected.to_owned(),
        found: excerpt(found, 200),
    }
}
