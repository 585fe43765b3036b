//! Entries of transparency logs: that a log has recorded *this very signature*, and when.
//!
//! An [`Entry`] comes with a bundle (protobuf's JSON of `sigstore_rekor.proto`) or with a signature as cosign 2 stores it
//! (the annotation `dev.sigstore.cosign/bundle`). It is parsed but believed by nobody; [`verify_entry`] holds it against
//! the logs that are believed and against one signature, and [`Logged`] is what that proves.
//!
//! Rekor v1 promises an entry (a "signed entry timestamp" over body, index and time) and proves it (RFC 6962, with a
//! signed checkpoint); Rekor v2 only proves it, and says nothing about time.

mod body;
mod checkpoint;
mod entry;
mod error;
mod logged;
mod merkle;
mod rule;
#[cfg(test)]
mod tests;
mod wire;

pub use checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES, MAX_CHECKPOINT_SIGNATURES};
pub use entry::{Entry, EntryKind, MAX_ENTRY_BYTES, MAX_PROOF_HASHES};
pub use error::{LogError, LogStep};
pub use logged::{Logged, verify_entry};
pub(crate) use wire::OfBundle as EntryAsWritten;

pub use rule::{LogRule, Signed, Signer, Submission, Witness, Witnesses};
