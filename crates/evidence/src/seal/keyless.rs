//! What a key of the moment signs, and how it is wrapped: with the certificate that says whose the key was, the entries
//! of logs and the timestamps.

use std::sync::Arc;

use countersign_image::{Blob, media};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Dsse, SealError, Sealed, ToBeSigned, What, written};
use crate::bundle::{Bundle, BundleContent};
use crate::chain::Chain;
use crate::encoding;
use crate::envelope::pae;
use crate::layout::Layout;
use crate::material::Material as Beside;
use crate::refusal::VerifyError;
use crate::statement::{Statement, StatementError};
use crate::trusted::Trusted;
use crate::verified::{Message, verify_envelope, verify_message};

/// What a key of the moment is about to sign.
///
/// Unlike a [`ToBeSigned`] it may hold bytes of somebody's choice: the key is made for this one signature and gone
/// afterwards, and whoever shows the identity token could sign them anywhere. No [signer](crate::ToBeSigned) takes one.
#[derive(Clone, Debug)]
pub struct Draft {
    content: Content,
    message: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Content {
    Statement(Vec<u8>),
    Artifact(Blob),
}

/// What stands beside a signature in a bundle.
#[derive(Clone, Debug)]
pub struct Vouchers {
    /// The certificate of the key, DER.
    pub certificate: Vec<u8>,
    /// Entries of transparency logs: protobuf's JSON of `TransparencyLogEntry`.
    pub log_entries: Vec<Box<RawValue>>,
    /// RFC 3161 responses, DER.
    pub timestamps: Vec<Vec<u8>>,
}

impl Draft {
    /// A signature or attestation as any key would sign it, other than a simple-signing payload: a bundle holds none.
    pub fn of(what: ToBeSigned) -> Result<Self, SealError> {
        match what.what {
            What::Sign | What::Attestation | What::List => Ok(Self {
                content: Content::Statement(what.payload),
                message: what.message,
            }),
            What::Simple => Err(SealError::Layout {
                layout: Layout::Bundle,
                what: "a simple-signing payload",
            }),
        }
    }

    /// Any file.
    pub fn artifact(artifact: Blob) -> Self {
        Self {
            message: artifact.bytes().to_vec(),
            content: Content::Artifact(artifact),
        }
    }

    /// A statement that somebody else wrote.
    pub fn statement(statement: &[u8]) -> Result<Self, StatementError> {
        Statement::parse(statement)?;
        Ok(Self {
            message: pae(media::IN_TOTO, statement),
            content: Content::Statement(statement.to_vec()),
        })
    }

    /// The bytes that the key signs.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The DSSE envelope that will be in the bundle, JSON; `None` for a file.
    pub fn envelope(&self, signature: &[u8]) -> Option<Vec<u8>> {
        match &self.content {
            Content::Statement(payload) => Some(written(&Dsse::of(payload, signature))),
            Content::Artifact(_) => None,
        }
    }

    /// Wraps the signature, then reads it back as a stranger would: what does not hold for whoever believes these is never
    /// handed out.
    pub fn seal(
        self,
        signature: &[u8],
        vouchers: &Vouchers,
        trusted: &Trusted,
    ) -> Result<(Sealed, Arc<Chain>), SealError> {
        let (envelope, artifact) = match &self.content {
            Content::Statement(payload) => (Some(Dsse::of(payload, signature)), None),
            Content::Artifact(artifact) => (None, Some(MessageSignature::of(artifact, signature))),
        };
        let bytes = written(&KeylessBundle {
            media_type: media::SIGSTORE_BUNDLE_V03,
            verification_material: Material::of(vouchers),
            message_signature: artifact,
            dsse_envelope: envelope,
        });
        let chain = self.read_back(&bytes, trusted).map_err(SealError::Unverified)?;
        Ok((Sealed::Bundle(bytes), chain))
    }

    fn read_back(&self, bundle: &[u8], trusted: &Trusted) -> Result<Arc<Chain>, VerifyError> {
        let bundle = Bundle::parse(bundle).map_err(VerifyError::Bundle)?;
        let beside = Beside::Bundle(&bundle);
        match (bundle.content(), &self.content) {
            (BundleContent::Envelope(envelope), Content::Statement(_)) => {
                Ok(Arc::clone(verify_envelope(envelope, None, beside, trusted)?.chain()))
            }
            (BundleContent::Message(message), Content::Artifact(artifact)) => {
                let verified = verify_message(message, Message::Bytes(artifact), beside, trusted)?;
                Ok(Arc::clone(verified.chain()))
            }
            _ => Err(VerifyError::NoMessage),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeylessBundle<'a> {
    media_type: &'static str,
    verification_material: Material<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_signature: Option<MessageSignature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<Dsse>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Material<'a> {
    certificate: Certificate,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tlog_entries: &'a [Box<RawValue>],
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    raw_bytes: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    rfc3161_timestamps: Vec<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timestamp {
    signed_timestamp: String,
}

impl<'a> Material<'a> {
    fn of(vouchers: &'a Vouchers) -> Self {
        let stamps = vouchers.timestamps.iter().map(|stamp| Timestamp {
            signed_timestamp: encoding::encode(stamp),
        });
        Self {
            certificate: Certificate {
                raw_bytes: encoding::encode(&vouchers.certificate),
            },
            tlog_entries: &vouchers.log_entries,
            timestamp_verification_data: Some(stamps.collect::<Vec<_>>())
                .filter(|stamps| !stamps.is_empty())
                .map(|rfc3161_timestamps| Timestamps { rfc3161_timestamps }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: HashOutput,
    signature: String,
}

#[derive(Serialize)]
struct HashOutput {
    algorithm: &'static str,
    digest: String,
}

impl MessageSignature {
    fn of(artifact: &Blob, signature: &[u8]) -> Self {
        Self {
            message_digest: HashOutput {
                algorithm: "SHA2_256",
                digest: encoding::encode(
                    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, artifact.bytes()).as_ref(),
                ),
            },
            signature: encoding::encode(signature),
        }
    }
}
