//! The proof that something was signed by somebody who is believed: the only three ways to it.
//!
//! ```compile_fail
//! use countersign_evidence::{SimplePayload, Verified};
//! // A proof does not survive storage: bytes do, and are verified again.
//! let proof: Verified<SimplePayload> = serde_json::from_str("{}").unwrap();
//! ```
//!
//! ```compile_fail
//! use countersign_evidence::{Chain, SimplePayload, Verified};
//! fn forge(value: SimplePayload, chain: Chain) -> Verified<SimplePayload> {
//!     Verified { value, chain: std::sync::Arc::new(chain) }
//! }
//! ```
//!
//! ```compile_fail
//! use countersign_evidence::{Chain, SimplePayload, Verified};
//! fn forge(value: SimplePayload, chain: Chain) -> Verified<SimplePayload> {
//!     Verified::assertion(value, chain)
//! }
//! ```

use std::cell::Cell;
use std::sync::Arc;

use countersign_image::text::excerpt;
use countersign_image::{Algorithm, Blob, Digest, media};

use crate::bundle::MessageSignature;
use crate::chain::{Chain, Claim, SignedBy};
use crate::encoding;
use crate::envelope::Envelope;
use crate::examine::MAX_BESIDE;
use crate::key::{Hash, HashRule, PublicKey, Scheme, SignatureError};
use crate::log::Signed;
use crate::material::Material;
use crate::refusal::VerifyError;
use crate::simple::SimplePayload;
use crate::statement::Statement;
use crate::trusted::Trusted;

/// Something that was signed, with the chain of trust from the signature to whom an authority believes.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    chain: Arc<Chain>,
}

impl<T> Verified<T> {
    /// Called where a signature over the very bytes that `value` was read from has just verified, and nowhere else.
    fn assertion(value: T, chain: Chain) -> Self {
        Self {
            value,
            chain: Arc::new(chain),
        }
    }

    /// What was signed.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// All that holds between the signature and whom the authority believes.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// Who signed it.
    pub fn signer(&self) -> &SignedBy {
        self.chain.signer()
    }

    /// The key that the signature is by.
    pub fn key(&self) -> &PublicKey {
        self.chain.signer().key()
    }

    /// The scheme under which the signature verified.
    pub fn scheme(&self) -> Scheme {
        self.chain.scheme()
    }
}

/// The digest of a message that was signed.
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

/// A message that was signed, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// The message itself.
    Bytes(&'a Blob),
    /// Its digest alone. Only signatures made over this very digest can be checked with it.
    Digest(&'a Digest),
}

impl Message<'_> {
    pub(crate) fn digest(&self) -> &Digest {
        match self {
            Self::Bytes(blob) => blob.digest(),
            Self::Digest(digest) => digest,
        }
    }

    fn verify(&self, key: &PublicKey, rule: HashRule, signature: &[u8]) -> Result<Scheme, SignatureError> {
        match self {
            Self::Bytes(blob) => key.verify(rule, blob.bytes(), signature),
            Self::Digest(digest) => key.verify_digest(rule, hash_of(digest), digest.raw(), signature),
        }
    }

    /// Whether the message has this hash; `None` if that cannot be told.
    fn hashes_to(&self, hash: Hash, claimed: &[u8]) -> Option<bool> {
        match self {
            Self::Bytes(blob) => Some(aws_lc_rs::digest::digest(hash.function(), blob.bytes()).as_ref() == claimed),
            Self::Digest(digest) => (hash_of(digest) == hash).then(|| digest.raw() == claimed),
        }
    }
}

fn hash_of(digest: &Digest) -> Hash {
    match digest.algorithm() {
        Algorithm::Sha256 => Hash::Sha256,
        Algorithm::Sha512 => Hash::Sha512,
    }
}

/// Verifies a simple-signing payload. `signature` is base64, as in cosign's annotation.
pub fn verify_simple(
    payload: &Blob,
    signature: &str,
    material: Material<'_>,
    trusted: &Trusted,
) -> Result<Verified<SimplePayload>, VerifyError> {
    verify_simple_within(payload, signature, material, trusted, &Cell::new(MAX_BESIDE))
}

/// The same, where only so many log entries and timestamps are still looked at.
pub(crate) fn verify_simple_within(
    payload: &Blob,
    signature: &str,
    material: Material<'_>,
    trusted: &Trusted,
    beside_left: &Cell<usize>,
) -> Result<Verified<SimplePayload>, VerifyError> {
    let signature = encoding::decode(signature).map_err(VerifyError::Base64)?;
    let claim = Claim {
        signed: Signed::Message(payload.bytes()),
        signatures: &[&signature],
        verify: |key: &PublicKey, rule, signature: &[u8]| key.verify(rule, payload.bytes(), signature),
        stamped: None,
        material,
        beside_left,
    };
    let chain = claim.follow(trusted)?;
    let value = SimplePayload::parse(payload.bytes()).map_err(VerifyError::Simple)?;
    Ok(Verified::assertion(value, chain))
}

/// Verifies an envelope that holds an in-toto statement. One signature by the key is enough, and two are no more.
///
/// `raw` is the envelope as it is stored by itself, which is what cosign has timestamps made over; `None` if it is in a
/// bundle, where timestamps are over the signature.
pub fn verify_envelope(
    envelope: &Envelope,
    raw: Option<&[u8]>,
    material: Material<'_>,
    trusted: &Trusted,
) -> Result<Verified<Statement>, VerifyError> {
    verify_envelope_within(envelope, raw, material, trusted, &Cell::new(MAX_BESIDE))
}

/// The same, where only so many log entries and timestamps are still looked at.
pub(crate) fn verify_envelope_within(
    envelope: &Envelope,
    raw: Option<&[u8]>,
    material: Material<'_>,
    trusted: &Trusted,
    beside_left: &Cell<usize>,
) -> Result<Verified<Statement>, VerifyError> {
    if envelope.payload_type() != media::IN_TOTO {
        return Err(VerifyError::PayloadType {
            found: excerpt(envelope.payload_type(), 100),
        });
    }
    let message = envelope.message();
    let signatures: Vec<&[u8]> = envelope.signatures().collect();
    let claim = Claim {
        signed: Signed::Envelope { envelope, raw },
        signatures: &signatures,
        verify: |key: &PublicKey, rule, signature: &[u8]| key.verify(rule, &message, signature),
        stamped: raw,
        material,
        beside_left,
    };
    let chain = claim.follow(trusted)?;
    let value = Statement::parse(envelope.unverified_payload()).map_err(VerifyError::Statement)?;
    Ok(Verified::assertion(value, chain))
}

/// Verifies a message signature over the message.
pub fn verify_message(
    signature: &MessageSignature,
    message: Message<'_>,
    material: Material<'_>,
    trusted: &Trusted,
) -> Result<Verified<MessageDigest>, VerifyError> {
    verify_message_within(signature, message, material, trusted, &Cell::new(MAX_BESIDE))
}

/// The same, where only so many log entries and timestamps are still looked at.
pub(crate) fn verify_message_within(
    signature: &MessageSignature,
    message: Message<'_>,
    material: Material<'_>,
    trusted: &Trusted,
    beside_left: &Cell<usize>,
) -> Result<Verified<MessageDigest>, VerifyError> {
    if let Some((hash, claimed)) = &signature.claimed
        && message.hashes_to(*hash, claimed) == Some(false)
    {
        return Err(VerifyError::OtherMessage {
            message: Box::new(*message.digest()),
        });
    }
    let claim = Claim {
        signed: match message {
            Message::Bytes(blob) => Signed::Message(blob.bytes()),
            Message::Digest(digest) => Signed::Digest {
                hash: hash_of(digest),
                value: digest.raw(),
            },
        },
        signatures: &[&signature.signature],
        verify: |key: &PublicKey, rule, signature: &[u8]| message.verify(key, rule, signature),
        stamped: None,
        material,
        beside_left,
    };
    let chain = claim.follow(trusted)?;
    let digest = *message.digest();
    Ok(Verified::assertion(MessageDigest { digest }, chain))
}
