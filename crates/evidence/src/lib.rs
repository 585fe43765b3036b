//! What is said about an image, and by whom; proving it, sealing it.
//!
//! The ladder of bytes goes on here: an [`Envelope`], a [`Bundle`] or a simple-signing payload is parsed but believed by
//! nobody; [`Verified`] was signed by somebody who is [`Trusted`], and carries the [`Chain`] that leads there; an
//! [`ImageSignature`] or [`Attestation`] is besides about *this* image. Each has one maker, called `assertion`, and none
//! can be deserialised: caches keep bytes, and bytes are verified again.
//!
//! This crate is pure: no clock, no environment, no files, no sockets.
#![warn(missing_docs)]

pub mod artifact;
pub mod attestation;
pub mod bundle;
mod capped;
pub mod certificate;
pub mod chain;
mod encoding;
pub mod envelope;
pub mod examine;
pub mod gathered;
pub mod image_list;
pub mod key;
pub mod layout;
pub mod log;
pub mod material;
pub mod predicate;
pub mod refusal;
pub mod seal;
pub mod signature;
pub mod simple;
pub mod statement;
pub mod summary;
#[cfg(test)]
mod testing;
pub mod timestamp;
pub mod trust;
pub mod trusted;
pub mod verified;
mod x509;

pub use artifact::{SignedArtifact, verify_artifact};
pub use attestation::Attestation;
pub use bundle::{Bundle, BundleContent, BundleError, MessageSignature};
pub use certificate::{CertificateError, Identity, Leaf, SctRule, Subject, Vouched, vouch};
pub use chain::{Chain, ProvedTime, SignedBy, TimeSource};
pub use envelope::{Envelope, EnvelopeError};
pub use examine::{Rejected, Why, attestations, signatures};
pub use gathered::{Content, Evidence, Gap, GapCause, Item, Look, Origin, Place};
pub use image_list::{ImageList, ListedImage, SignedImageList, TrustedImages};
pub use key::{Hash, HashRule, KeyError, KeyKind, PublicKey, Scheme, SignatureError};
pub use layout::{Layout, Layouts};
pub use log::{Entry, LogError, LogRule, LogStep, Logged, Signed, Signer, Submission, verify_entry};
pub use material::{Material, MaterialError};
pub use predicate::{Predicate, PredicateError};
pub use refusal::{Step, VerifyError};
pub use seal::{Draft, SealError, Sealed, ToBeSigned, Vouchers};
pub use signature::{ImageSignature, NotThisImage};
pub use simple::{SimpleError, SimplePayload};
pub use statement::{Statement, StatementError};
pub use summary::{Seen, SeenKind, unverified_summary};
pub use timestamp::{Stamped, TimestampError, verify_timestamp};
pub use trust::{Log, LogId, TrustRoot, TrustRootError, TrustRootParts, Window};
pub use trusted::{LogDemand, TimeDemand, Trusted};
pub use verified::{Message, MessageDigest, Verified, verify_envelope, verify_message, verify_simple};
