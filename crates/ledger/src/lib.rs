//! The ledger: what the service that signs did, in entries that nobody can take back unseen.
//!
//! An entry is canonical JSON ([`leaf`]); the hashes of all entries are a Merkle tree (RFC 6962, [`tree`]), kept and served as
//! files (C2SP tlog-tiles, [`tiles`]); the log's key signs size and root, and witnesses sign that they saw them
//! ([`checkpoint`]). From these, anybody proves without us that one entry is in ([`proof`]), that nothing was taken back
//! since he last looked ([`rollback`]), and that a whole copy is what was signed ([`mirror`]).
//!
//! Two published crates were weighed and left: `tlog_tiles` and `signed_note` (both 0.2) assert where a stranger's bytes are
//! read, write the paths of Go's checksum database rather than those of C2SP, know no cosignatures, and bring second
//! versions of what is here already; `ct-merkle` (0.3) keeps all entries in memory, panics for an index outside, and is on
//! another generation of `digest`. What is left of a log is small, and is held against its specifications and against
//! a foreign reader.
//!
//! This crate is pure: no clock, no environment, no files, no sockets, no randomness; the caller brings the bytes of tiles,
//! the time of an entry, the salt of a commitment and the signature of a key.
#![warn(missing_docs)]

pub mod canonical;
pub mod checkpoint;
mod encoding;
pub mod leaf;
pub mod mirror;
pub mod note;
pub mod proof;
pub mod rollback;
#[cfg(test)]
mod testing;
pub mod tiles;
pub mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, SignedHead, ToBeSealed, Trust};
pub use leaf::{Actor, Commitment, EventType, Leaf, LeafError, Read, Record};
pub use mirror::{MirrorError, Whole};
pub use note::{KeyType, NoteError, VerifierKey};
pub use proof::{Included, Receipt, ReceiptError};
pub use rollback::{Rollback, Since};
pub use tiles::{ProvedEntry, Reader, Source, Tile};
pub use tree::{Hash, Tree, TreeError};
