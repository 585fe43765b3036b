//! Why what stands beside a signature cannot be read.

use countersign_image::{JsonError, annotation};
use thiserror::Error;

use crate::bundle::BundleVersion;
use crate::encoding::NotBase64;
use crate::refusal::Step;

/// Why what stands beside a signature cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MaterialError {
    /// There is no certificate, so that nobody has vouched for the signer.
    #[error("there is no certificate beside the signature")]
    NoCertificate,
    /// The signer is named by a key, which nobody has vouched for.
    #[error("the bundle names its signer by a key, and a certificate is wanted")]
    KeyNotCertificate,
    /// The bundle has a chain of certificates where its version has one certificate.
    #[error("the bundle has a chain of certificates, and version {version} has one certificate")]
    ChainInBundle {
        /// Its version.
        version: BundleVersion,
    },
    /// The bundle brings a root, which nobody may believe because of it.
    #[error("the bundle's chain has a root certificate, and roots come from the trust root alone")]
    RootInBundle,
    /// An annotation is longer than is read.
    #[error("annotation `{annotation}` has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// Its key.
        annotation: &'static str,
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// There are more certificates than are read.
    #[error("annotation `{annotation}` has more than {limit} certificates")]
    TooManyCertificates {
        /// Its key.
        annotation: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A PEM block does not end.
    #[error("a certificate in annotation `{annotation}` does not end")]
    Pem {
        /// Its key.
        annotation: &'static str,
    },
    /// Something in an annotation is not base64.
    #[error("annotation `{annotation}` is not readable")]
    Base64 {
        /// Its key.
        annotation: &'static str,
        /// What is wrong with it.
        #[source]
        source: NotBase64,
    },
    /// An annotation is not strict JSON, or a field is missing or of the wrong type.
    #[error("annotation `{annotation}` is not readable")]
    Json {
        /// Its key.
        annotation: &'static str,
        /// What is wrong with it.
        #[source]
        source: JsonError,
    },
}

impl MaterialError {
    /// The step of the chain of trust that it was wanted for.
    pub(crate) fn step(&self) -> Step {
        match self {
            Self::TooLarge { annotation, .. } | Self::Base64 { annotation, .. } | Self::Json { annotation, .. }
                if *annotation == annotation::COSIGN_RFC3161 =>
            {
                Step::Timestamp
            }
            _ => Step::Certificate,
        }
    }
}
