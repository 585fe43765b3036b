//! Receipts (C2SP tlog-proof): that one entry is in the ledger, in one text, for whoever has the log's key and nothing else.

use std::fmt;

use countersign_image::text::excerpt;
use thiserror::Error;

use crate::checkpoint::{CheckpointError, SignedHead, Trust};
use crate::encoding;
use crate::note::{MAX_NOTE_BYTES, Note, NoteError};
use crate::tree::{Hash, MAX_PROOF_HASHES, TreeError, leaf_hash, verify_inclusion};

/// The longest receipt, in bytes: a checkpoint, the hashes, and an entry as extra data.
pub const MAX_RECEIPT_BYTES: usize = 256 * 1024;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A receipt that nobody has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    note: String,
}

impl Receipt {
    /// The receipt of an entry, with the hashes that lead from it to the root of this head. What it is of is verified here as
    /// well as by whoever gets it.
    ///
    /// Extra data is vouched for by nobody; the entry itself may be there, so that whoever has the receipt has all.
    pub fn new(
        head: &SignedHead,
        index: u64,
        path: Vec<Hash>,
        entry: &[u8],
        extra: Option<Vec<u8>>,
    ) -> Result<Self, ReceiptError> {
        let checkpoint = head.checkpoint();
        verify_inclusion(leaf_hash(entry), index, checkpoint.size(), &path, checkpoint.root())?;
        let receipt = Self {
            extra,
            index,
            path,
            note: head.note().to_owned(),
        };
        within(receipt.to_string().len())?;
        Ok(receipt)
    }

    /// Reads a receipt of at most [`MAX_RECEIPT_BYTES`]. There is one spelling of each: written again, it is the same.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        within(text.len())?;
        let (before, note) = text.split_once("\n\n").ok_or_else(|| wrong("an empty line", ""))?;
        if note.len() > MAX_NOTE_BYTES {
            let (limit, found) = (MAX_NOTE_BYTES, note.len());
            return Err(ReceiptError::Note(NoteError::TooLong { limit, found }));
        }
        let note = Note::parse(note)?.to_string();
        let mut lines = before.split('\n').peekable();
        let header = lines.next().unwrap_or_default();
        if header != HEADER {
            return Err(wrong(HEADER, header));
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.map(|line| encoding::decode(&line["extra ".len()..]).ok_or_else(|| wrong("base64", line)));
        let line = lines.next().unwrap_or_default();
        let index = line.strip_prefix("index ").and_then(encoding::decimal);
        let index = index.ok_or_else(|| wrong("`index` and a number", line))?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == MAX_PROOF_HASHES {
                return Err(wrong("64 hashes at most", line));
            }
            path.push(encoding::hash(line).ok_or_else(|| wrong("a hash of 32 bytes in base64", line))?);
        }
        Ok(Self {
            extra: extra.transpose()?,
            index,
            path,
            note,
        })
    }

    /// The index that it says the entry to have. Nobody has checked it.
    pub fn unverified_index(&self) -> u64 {
        self.index
    }

    /// What comes with it. Nothing vouches for it: an entry that is here has to be verified as any other.
    pub fn unverified_extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Proves that the entry is in the log that is believed.
    pub fn verify(&self, trust: &Trust, entry: &[u8]) -> Result<Included, ReceiptError> {
        let head = trust.open(&self.note)?;
        let (size, root) = (head.checkpoint().size(), head.checkpoint().root());
        verify_inclusion(leaf_hash(entry), self.index, size, &self.path, root)?;
        Ok(Included::assertion(self.index, head))
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", encoding::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", encoding::encode(hash))?;
        }
        write!(f, "\n{}", self.note)
    }
}

/// That an entry is in a log. [`Receipt::verify`] makes it; it cannot be read back from anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    index: u64,
    head: SignedHead,
}

impl Included {
    fn assertion(index: u64, head: SignedHead) -> Self {
        Self { index, head }
    }

    /// The entry's index, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What the log has signed that it is in.
    pub fn head(&self) -> &SignedHead {
        &self.head
    }
}

fn within(found: usize) -> Result<(), ReceiptError> {
    if found > MAX_RECEIPT_BYTES {
        let limit = MAX_RECEIPT_BYTES;
        return Err(ReceiptError::TooLong { limit, found });
    }
    Ok(())
}

fn wrong(expected: &'static str, found: &str) -> ReceiptError {
    ReceiptError::Line {
        expected,
        found: excerpt(found, 80),
    }
}

/// Why a text is not a receipt, or a receipt not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// It is too long.
    #[error("the receipt has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// A line is not what stands in its place.
    #[error("the receipt has `{found}` in the place of {expected}")]
    Line {
        /// What stands there.
        expected: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// Its checkpoint is no signed note.
    #[error("the receipt has no checkpoint")]
    Note(#[from] NoteError),
    /// Its checkpoint is not believed.
    #[error("the receipt's checkpoint is not believed")]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not where the receipt says.
    #[error("the receipt is not of this entry")]
    Tree(#[from] TreeError),
}

#[cfg(test)]
mod tests;
