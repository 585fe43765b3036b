//! Sigstore bundles, versions 0.1 to 0.3: one signature, or one envelope, and what there is to check it against.
//!
//! The format is protobuf's JSON of `sigstore_bundle.proto` in `sigstore/protobuf-specs`. Log entries and timestamps are
//! counted and kept as they are: what they prove is not asked by a key alone.

mod error;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;

use countersign_image::json;
use countersign_image::text::excerpt;
use serde_json::value::RawValue;

pub use error::BundleError;

use crate::envelope::Envelope;
use crate::key::Hash;

/// The largest bundle that is read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 32 * 1024 * 1024;
/// The most log entries in a bundle (GHSA-cq38-jh5f-37mq).
pub const MAX_LOG_ENTRIES: usize = 32;
/// The most timestamps in a bundle (GHSA-cq38-jh5f-37mq).
pub const MAX_TIMESTAMPS: usize = 32;
/// The most certificates in a bundle's chain.
pub const MAX_CERTIFICATES: usize = 16;

/// The version of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BundleVersion {
    /// 0.1: log entries with a promise alone.
    V01,
    /// 0.2: log entries with a proof.
    V02,
    /// 0.3: one certificate instead of a chain.
    V03,
}

impl fmt::Display for BundleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V01 => "0.1",
            Self::V02 => "0.2",
            Self::V03 => "0.3",
        })
    }
}

/// A Sigstore bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    version: BundleVersion,
    content: BundleContent,
    signer: Signer,
    log_entries: Vec<Box<RawValue>>,
    timestamps: Vec<Vec<u8>>,
}

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleContent {
    /// A signature over some message that is elsewhere.
    Message(MessageSignature),
    /// A DSSE envelope with one signature.
    Envelope(Envelope),
}

/// A signature over a message that is elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSignature {
    pub(crate) signature: Vec<u8>,
    /// What the bundle says the message hashes to; unsigned, so that it can only accuse.
    pub(crate) claimed: Option<(Hash, Vec<u8>)>,
}

/// Who a bundle says has signed.
#[derive(Clone, Debug)]
enum Signer {
    Key { hint: Option<String> },
    Certificate([Vec<u8>; 1]),
    Chain(Vec<Vec<u8>>),
}

impl Bundle {
    /// Reads a bundle of a known version; every list in it has a limit. Fields that are not known are read over.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::TooLarge {
                limit: MAX_BUNDLE_BYTES,
                found: bytes.len(),
            });
        }
        let wire: wire::Bundle = json::strict(bytes).map_err(BundleError::Json)?;
        let version = version(&wire.media_type)?;
        let content = match (wire.message_signature, wire.dsse_envelope) {
            (Some(message), None) => BundleContent::Message(message.read()?),
            (None, Some(envelope)) => {
                let envelope = envelope.read().map_err(BundleError::Envelope)?;
                if envelope.signature_count() != 1 {
                    return Err(BundleError::SignatureCount {
                        found: envelope.signature_count(),
                    });
                }
                BundleContent::Envelope(envelope)
            }
            (None, None) => return Err(BundleError::NoContent),
            (Some(_), Some(_)) => return Err(BundleError::TwoContents),
        };
        let mut material = wire.verification_material.ok_or(BundleError::NoSigner)?;
        let (log_entries, timestamps) = (material.log_entries()?, material.timestamps()?);
        Ok(Self {
            version,
            content,
            signer: material.signer()?,
            log_entries,
            timestamps,
        })
    }

    /// Its version.
    pub fn version(&self) -> BundleVersion {
        self.version
    }

    /// What it holds.
    pub fn content(&self) -> &BundleContent {
        &self.content
    }

    /// What it holds, without the rest.
    pub(crate) fn into_content(self) -> BundleContent {
        self.content
    }

    /// Whether it names the signer by a certificate rather than by a key.
    pub fn has_certificate(&self) -> bool {
        !matches!(self.signer, Signer::Key { .. })
    }

    /// Whether it does so by a chain of certificates, as before version 0.3.
    pub(crate) fn has_chain(&self) -> bool {
        matches!(self.signer, Signer::Chain(_))
    }

    /// The certificates, DER, the signer's first; none if it names a key. Nobody has checked them.
    pub fn unverified_certificates(&self) -> &[Vec<u8>] {
        match &self.signer {
            Signer::Certificate(certificate) => certificate,
            Signer::Chain(certificates) => certificates,
            Signer::Key { .. } => &[],
        }
    }

    /// The hint at the signer's key: unsigned, for display. cosign writes the key's fingerprint, base64.
    pub fn unverified_hint(&self) -> Option<&str> {
        match &self.signer {
            Signer::Key { hint } => hint.as_deref(),
            Signer::Certificate(_) | Signer::Chain(_) => None,
        }
    }

    /// The entries of transparency logs, as written. Nobody has checked them.
    pub fn unverified_log_entries(&self) -> &[Box<RawValue>] {
        &self.log_entries
    }

    /// The RFC 3161 timestamps, DER. Nobody has checked them.
    pub fn unverified_timestamps(&self) -> &[Vec<u8>] {
        &self.timestamps
    }
}

/// The version that a media type names, in the older spelling or the newer.
fn version(media_type: &str) -> Result<BundleVersion, BundleError> {
    let rest = media_type
        .strip_prefix("application/vnd.dev.sigstore.bundle")
        .unwrap_or_default();
    match rest {
        "+json;version=0.1" | ".v0.1+json" => Ok(BundleVersion::V01),
        "+json;version=0.2" | ".v0.2+json" => Ok(BundleVersion::V02),
        "+json;version=0.3" | ".v0.3+json" => Ok(BundleVersion::V03),
        _ => Err(BundleError::UnknownVersion {
            found: excerpt(media_type, 100),
        }),
    }
}
