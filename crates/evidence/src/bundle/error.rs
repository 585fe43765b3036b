//! Why bytes are not a Sigstore bundle.

use countersign_image::JsonError;
use thiserror::Error;

use crate::encoding::NotBase64;
use crate::envelope::EnvelopeError;

/// Why bytes are not a Sigstore bundle that we read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bundle is larger than is read.
    #[error("the bundle has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// Not strict JSON, or a field is missing or of the wrong type.
    #[error("the bundle is not readable")]
    Json(#[source] JsonError),
    /// The version is not 0.1, 0.2 or 0.3.
    #[error("bundles of media type `{found}` are not known; versions 0.1, 0.2 and 0.3 are")]
    UnknownVersion {
        /// The media type, shortened.
        found: String,
    },
    /// The bundle holds nothing.
    #[error("the bundle has neither `messageSignature` nor `dsseEnvelope`")]
    NoContent,
    /// The bundle holds two things.
    #[error("the bundle has both `messageSignature` and `dsseEnvelope`")]
    TwoContents,
    /// The bundle does not say who signed.
    #[error("the bundle has none of `publicKey`, `certificate` and `x509CertificateChain`")]
    NoSigner,
    /// The bundle says twice who signed.
    #[error("the bundle has more than one of `publicKey`, `certificate` and `x509CertificateChain`")]
    TwoSigners,
    /// The chain of certificates is empty.
    #[error("the bundle's `x509CertificateChain` is empty")]
    NoCertificate,
    /// The envelope is wrong.
    #[error("the bundle's envelope is wrong")]
    Envelope(#[source] EnvelopeError),
    /// The envelope has not exactly one signature (`sigstore_bundle.proto`).
    #[error("the bundle's envelope has {found} signatures, and must have one")]
    SignatureCount {
        /// How many it has.
        found: usize,
    },
    /// A field is not base64.
    #[error("the bundle's `{field}` is not readable")]
    Base64 {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: NotBase64,
    },
    /// The hash of the message is made with a function that is not known.
    #[error("the bundle's message is hashed with `{found}`, which is not known")]
    UnknownHash {
        /// The name, shortened.
        found: String,
    },
    /// A list is longer than is read.
    #[error("the bundle has {found} entries in `{list}`, and {limit} are the most")]
    TooMany {
        /// The list.
        list: &'static str,
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// A log entry is not written as one: a field has the wrong type, or a number is negative.
    #[error("a log entry of the bundle is wrong")]
    LogEntry(#[source] JsonError),
}
