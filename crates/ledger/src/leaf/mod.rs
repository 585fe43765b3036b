//! Entries of the ledger: one event each, as canonical JSON (RFC 8785) of at most 65,535 bytes.
//!
//! A [`Record`] is what is to be written, a [`Leaf`] its bytes, [`read`] the way back. What is written is of this version and holds to
//! its [`EventType`]: what an event of its type needs is there, and nothing that is not foreseen. What is read may be of a
//! later version, whose types and fields nobody knows yet: it is kept as it is, so that an old verifier still proves what
//! a new log holds.
//!
//! Nobody is named here. Who did something is a [`Commitment`]: forget the salt, and the entry says nothing of him any more,
//! while the tree stays what it was.

mod actor;
mod commitment;
mod error;
mod event;
mod record;
#[cfg(test)]
mod tests;
mod wire;

pub use actor::{Actor, ActorKind, MAX_ROLES};
pub use commitment::{Commitment, MIN_SALT_BYTES};
pub use error::LeafError;
pub use event::{EventType, Field};
pub use record::{KeyUse, MAX_DIGESTS, Record};
pub use wire::{Later, Read, read};

use crate::tree::{Hash, leaf_hash};

/// The version of the entries that are written.
pub const VERSION: u64 = 1;
/// The longest entry, in bytes: a bundle says its length in two.
pub const MAX_LEAF_BYTES: usize = crate::tiles::MAX_ENTRY_BYTES;

/// An entry as it is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    bytes: Vec<u8>,
    hash: Hash,
}

impl Leaf {
    /// Writes an entry.
    pub fn write(record: &Record) -> Result<Self, LeafError> {
        let bytes = wire::write(record)?;
        let hash = leaf_hash(&bytes);
        Ok(Self { bytes, hash })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its hash in the tree.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }
}
