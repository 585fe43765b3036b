//! The proof that a key signed something: the only three ways to it.
//!
//! ```compile_fail
//! use countersign_evidence::{SimplePayload, Verified};
//! // A proof does not survive storage: bytes do, and are verified again.
//! let proof: Verified<SimplePayload> = serde_json::from_str("{}").unwrap();
//! ```
//!
//! ```compile_fail
//! use countersign_evidence::{PublicKey, Scheme, SimplePayload, Verified};
//! fn forge(value: SimplePayload, key: PublicKey) -> Verified<SimplePayload> {
//!     Verified { value, key, scheme: Scheme::Ed25519 }
//! }
//! ```
//!
//! ```compile_fail
//! use countersign_evidence::{PublicKey, Scheme, SimplePayload, Verified};
//! fn forge(value: SimplePayload, key: &PublicKey) -> Verified<SimplePayload> {
//!     Verified::assertion(value, key, Scheme::Ed25519)
//! }
//! ```

use countersign_image::text::excerpt;
use countersign_image::{Blob, Digest, media};
use thiserror::Error;

use crate::bundle::{BundleError, MessageSignature};
use crate::encoding::{self, NotBase64};
use crate::envelope::{Envelope, EnvelopeError};
use crate::key::{Hash, HashRule, PublicKey, Scheme, SignatureError};
use crate::simple::{SimpleError, SimplePayload};
use crate::statement::{Statement, StatementError};

/// Something that a key signed.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    key: PublicKey,
    scheme: Scheme,
}

impl<T> Verified<T> {
    /// Called where a signature over the very bytes that `value` was read from has just verified, and nowhere else.
    fn assertion(value: T, key: &PublicKey, scheme: Scheme) -> Self {
        Self {
            value,
            key: key.clone(),
            scheme,
        }
    }

    /// What was signed.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The key that signed it.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The scheme under which the signature verified.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// The digest of a message that a key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageDigest {
    digest: Digest,
}

impl MessageDigest {
    /// The digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Verifies a simple-signing payload. `signature` is base64, as in cosign's annotation.
pub fn verify_simple(
    payload: &Blob,
    signature: &str,
    key: &PublicKey,
    rule: HashRule,
) -> Result<Verified<SimplePayload>, VerifyError> {
    let signature = encoding::decode(signature).map_err(VerifyError::Base64)?;
    let scheme = key.verify(rule, payload.bytes(), &signature)?;
    let value = SimplePayload::parse(payload.bytes()).map_err(VerifyError::Simple)?;
    Ok(Verified::assertion(value, key, scheme))
}

/// Verifies an envelope that holds an in-toto statement. One signature by the key is enough, and two are no more.
pub fn verify_envelope(
    envelope: &Envelope,
    key: &PublicKey,
    rule: HashRule,
) -> Result<Verified<Statement>, VerifyError> {
    if envelope.payload_type() != media::IN_TOTO {
        return Err(VerifyError::PayloadType {
            found: excerpt(envelope.payload_type(), 100),
        });
    }
    let message = envelope.message();
    let mut refusal = SignatureError::NotByThisKey { kind: key.kind() };
    for signature in envelope.signatures() {
        match key.verify(rule, &message, signature) {
            Ok(scheme) => {
                let value = Statement::parse(envelope.unverified_payload()).map_err(VerifyError::Statement)?;
                return Ok(Verified::assertion(value, key, scheme));
            }
            Err(error) => refusal = error,
        }
    }
    Err(VerifyError::Signature(refusal))
}

/// Verifies a message signature over the message.
pub fn verify_message(
    signature: &MessageSignature,
    message: &Blob,
    key: &PublicKey,
    rule: HashRule,
) -> Result<Verified<MessageDigest>, VerifyError> {
    if let Some((hash, claimed)) = &signature.claimed
        && digest_of(*hash, message.bytes()).as_slice() != claimed
    {
        return Err(VerifyError::OtherMessage {
            message: Box::new(*message.digest()),
        });
    }
    let scheme = key.verify(rule, message.bytes(), &signature.signature)?;
    Ok(Verified::assertion(
        MessageDigest {
            digest: *message.digest(),
        },
        key,
        scheme,
    ))
}

fn digest_of(hash: Hash, bytes: &[u8]) -> Vec<u8> {
    let function = match hash {
        Hash::Sha224 => &aws_lc_rs::digest::SHA224,
        Hash::Sha256 => &aws_lc_rs::digest::SHA256,
        Hash::Sha384 => &aws_lc_rs::digest::SHA384,
        Hash::Sha512 => &aws_lc_rs::digest::SHA512,
    };
    aws_lc_rs::digest::digest(function, bytes).as_ref().to_vec()
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
    /// The signature is over the image's manifest, which was not gathered.
    #[error("the signature is over the image's manifest, which was not gathered")]
    NoMessage,
}
