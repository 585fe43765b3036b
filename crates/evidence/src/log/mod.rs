//! Entries of transparency logs: that a log has recorded *this very signature*, and when.
//!
//! An [`Entry`] comes with a bundle (protobuf's JSON of `sigstore_rekor.proto`) or with a signature as cosign 2 stores it
//! (the annotation `dev.sigstore.cosign/bundle`). It is parsed but believed by nobody; [`verify_entry`] holds it against
//! the logs that are believed and against one signature, and [`Logged`] is what that proves.
//!
//! Rekor v1 promises an entry (a "signed entry timestamp" over body, index and time) and proves it (RFC 6962, with a
//! signed checkpoint); Rekor v2 only proves it, and says nothing about time.

mod entry;
mod error;
mod logged;
mod rule;

pub use entry::{Entry, EntryKind};
pub use error::{LogError, LogStep};
pub use logged::{Logged, verify_entry};
pub use rule::{LogRule, Signed, Signer, Submission, Witness, Witnesses};
