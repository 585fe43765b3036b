//! Why nothing was proved, and at which step of the chain of trust.

use std::fmt;

use countersign_image::{Digest, media};
use thiserror::Error;

use crate::bundle::BundleError;
use crate::certificate::CertificateError;
use crate::encoding::NotBase64;
use crate::envelope::EnvelopeError;
use crate::key::SignatureError;
use crate::log::LogError;
use crate::material::MaterialError;
use crate::simple::SimpleError;
use crate::statement::StatementError;
use crate::timestamp::TimestampError;

/// A step of the chain of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Reading what is stored.
    Form,
    /// The signature over what was signed, by the key.
    Signature,
    /// What was signed: that it is a signature or a statement, over the right thing.
    Content,
    /// The log entries of the signature.
    Log,
    /// The time at which it was made.
    Timestamp,
    /// The signer's certificate.
    Certificate,
    /// That the certificate is in a log of certificates.
    Sct,
    /// That the signer is one of those who are wanted.
    Identity,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "form",
            Self::Signature => "signature",
            Self::Content => "content",
            Self::Log => "log",
            Self::Timestamp => "timestamp",
            Self::Certificate => "certificate",
            Self::Sct => "sct",
            Self::Identity => "identity",
        })
    }
}

/// Why nothing was proved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature does not count.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The signature is not base64.
    #[error("the signature is not readable")]
    Base64(#[source] NotBase64),
    /// What was signed is not a simple-signing payload.
    #[error("what was signed is no signature of an image")]
    Simple(#[source] SimpleError),
    /// The bytes are not an envelope.
    #[error("the attestation is no envelope that can be read")]
    Envelope(#[source] EnvelopeError),
    /// The bytes are not a bundle.
    #[error("the bundle cannot be read")]
    Bundle(#[source] BundleError),
    /// What stands beside the signature cannot be read.
    #[error(transparent)]
    Material(#[from] MaterialError),
    /// The envelope holds something else than a statement.
    #[error("the envelope holds `{found}`, and `{}` is wanted", media::IN_TOTO)]
    PayloadType {
        /// What it holds.
        found: String,
    },
    /// What was signed is not a statement.
    #[error("what was signed is no statement")]
    Statement(#[source] StatementError),
    /// The signature says of itself that it is over another message.
    #[error("the signature is over another message than `{message}`")]
    OtherMessage {
        /// The digest of the message.
        message: Box<Digest>,
    },
    /// The statement is about other things than the artifact.
    #[error("the statement does not name `{artifact}`")]
    OtherArtifact {
        /// The digest of the artifact.
        artifact: Box<Digest>,
    },
    /// The certificate vouches for nobody.
    #[error("the certificate does not count")]
    Certificate(#[from] CertificateError),
    /// A log entry is none of this signature.
    #[error("the log entry does not count")]
    Log(#[from] LogError),
    /// There are fewer log entries than are wanted.
    #[error("the signature is in {found} of the logs, and {wanted} are wanted")]
    TooFewLogs {
        /// How many logs are wanted.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// A timestamp is none of this signature.
    #[error("the timestamp does not count")]
    Timestamp(#[from] TimestampError),
    /// There are fewer timestamps than are wanted.
    #[error("the signature was stamped by {found} of the timestamp authorities, and {wanted} are wanted")]
    TooFewTimes {
        /// How many authorities are wanted.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// The message that was signed is not at hand.
    #[error("the signature is over a message that is not at hand")]
    NoMessage,
    /// Beside the signatures before it stood more log entries and timestamps than are looked at.
    #[error("not looked at: there are more log entries and timestamps than are checked for one image")]
    TooMuchBeside,
    /// Nothing proves when the signature was made, so that nobody knows whether its certificate was valid then.
    #[error("no log and no timestamp proves when the signature was made")]
    NoTime,
}

impl VerifyError {
    /// The step of the chain of trust that broke.
    pub fn step(&self) -> Step {
        match self {
            Self::Base64(_) | Self::Envelope(_) | Self::Bundle(_) => Step::Form,
            Self::Signature(_) => Step::Signature,
            Self::Simple(_)
            | Self::PayloadType { .. }
            | Self::Statement(_)
            | Self::OtherMessage { .. }
            | Self::OtherArtifact { .. }
            | Self::NoMessage => Step::Content,
            Self::Certificate(CertificateError::Sct(_)) => Step::Sct,
            Self::Material(material) => material.step(),
            Self::Certificate(_) => Step::Certificate,
            Self::Log(_) | Self::TooFewLogs { .. } | Self::TooMuchBeside => Step::Log,
            Self::Timestamp(_) | Self::TooFewTimes { .. } | Self::NoTime => Step::Timestamp,
        }
    }
}
