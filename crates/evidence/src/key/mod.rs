//! Public keys, and what a signature by one of them looks like.

mod kind;
mod pem;
mod scheme;
mod spki;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use countersign_image::Digest;
use thiserror::Error;

pub use kind::{Hash, HashRule, KeyKind, UnknownHash};
pub use pem::MAX_PEM_BYTES;
pub use scheme::Scheme;
pub use spki::{KeyError, MAX_RSA_BITS, MIN_RSA_BITS};

use crate::encoding;
use scheme::Verifier;

/// The longest signature that is tried, in bytes: one of the largest RSA key.
pub const MAX_SIGNATURE_BYTES: usize = MAX_RSA_BITS as usize / 8;

/// A public key. Cheap to clone; equal if the SubjectPublicKeyInfo is.
///
/// A key is read once and everything about it checked then: that its point is on its curve, that its modulus is of a size
/// we trust. The encoding has one form per key, so that one key has one fingerprint.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    kind: KeyKind,
    spki: Vec<u8>,
    fingerprint: Digest,
    /// One per scheme that the key can be used with.
    verifiers: Vec<Verifier>,
}

impl PublicKey {
    /// Reads the first PEM block of a text, which must be `PUBLIC KEY` (RFC 7468) or `RSA PUBLIC KEY` (RFC 8017); what
    /// comes after the first block is not looked at, as in policy-controller. The text has at most [`MAX_PEM_BYTES`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let spki = pem::read(text)?;
        Self::from_spki_der(&spki)
    }

    /// Reads a SubjectPublicKeyInfo (RFC 5280) in DER.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let (kind, verifiers) = spki::read(der)?;
        Ok(Self(Arc::new(Inner {
            kind,
            spki: der.to_vec(),
            fingerprint: Digest::sha256(der),
            verifiers,
        })))
    }

    /// Reads an RSAPublicKey (RFC 8017) in DER, as older trust roots have it.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_spki_der(&pem::wrap_rsa(der)?)
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// SHA-256 of the SubjectPublicKeyInfo in DER.
    pub fn fingerprint(&self) -> Digest {
        self.0.fingerprint
    }

    /// The hint at this key in a Sigstore bundle, as cosign writes it: the fingerprint, base64.
    pub fn hint(&self) -> String {
        encoding::encode(self.0.fingerprint.raw())
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The key as a `PUBLIC KEY` PEM block.
    pub fn to_pem(&self) -> String {
        pem::write(&self.0.spki)
    }

    /// Verifies a signature over a message, and says under which scheme it verified.
    ///
    /// The rule says which hashes count; for an RSA key PKCS#1 v1.5 and PSS both do (PSS with a salt as long as the hash
    /// or as long as possible, which is what others write), and for an Ed25519 key the rule is not asked: Ed25519 and
    /// Ed25519ph (RFC 8032, empty context) both count.
    pub fn verify(&self, rule: HashRule, message: &[u8], signature: &[u8]) -> Result<Scheme, SignatureError> {
        let kind = self.0.kind;
        bounded(signature)?;
        let mut tried = false;
        for hash in rule.hashes(kind) {
            for verifier in self.0.verifiers.iter().filter(|verifier| verifier.uses(hash)) {
                tried = true;
                if verifier.verify(message, signature) {
                    return Ok(verifier.scheme());
                }
            }
        }
        match (tried, rule) {
            (false, HashRule::Exactly(hash)) => Err(SignatureError::Unsupported { kind, hash }),
            _ => Err(SignatureError::NotByThisKey { kind }),
        }
    }
}

impl PublicKey {
    /// Verifies a signature over a message of which only the digest is known, and says under which scheme it verified.
    ///
    /// Only schemes whose hash is the digest's can be tried; where the rule allows another hash too, or the key is an
    /// Ed25519 key, a signature that does not verify may still be one, and the error says that the message is needed.
    pub fn verify_digest(
        &self,
        rule: HashRule,
        hash: Hash,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<Scheme, SignatureError> {
        let kind = self.0.kind;
        bounded(signature)?;
        if rule.hashes(kind).any(|allowed| allowed == hash) {
            let mut verifiers = self.0.verifiers.iter();
            if let Some(verifier) = verifiers.find(|verifier| verifier.verify_digest(hash, digest, signature)) {
                return Ok(verifier.scheme());
            }
        }
        if kind == KeyKind::Ed25519 || rule.hashes(kind).any(|allowed| allowed != hash) {
            return Err(SignatureError::NeedsMessage { kind });
        }
        Err(SignatureError::NotByThisKey { kind })
    }
}

fn bounded(signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() > MAX_SIGNATURE_BYTES {
        return Err(SignatureError::TooLong {
            limit: MAX_SIGNATURE_BYTES,
            found: signature.len(),
        });
    }
    Ok(())
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.0.kind, self.0.fingerprint)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for PublicKey {}

impl std::hash::Hash for PublicKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It does not verify with this key, over this message, under any scheme that the rule allows.
    #[error("the signature is not by this {kind} key")]
    NotByThisKey {
        /// The kind of the key.
        kind: KeyKind,
    },
    /// The hash that the rule demands is not supported with this kind of key, so that no signature can count.
    #[error("`{hash}` with this key ({kind}) is not supported")]
    Unsupported {
        /// The kind of the key.
        kind: KeyKind,
        /// The hash demanded.
        hash: Hash,
    },
    /// It does not verify over the digest that is known, and might over the message, which is not.
    #[error("a signature by this {kind} key cannot be told from another without the message itself")]
    NeedsMessage {
        /// The kind of the key.
        kind: KeyKind,
    },
    /// It is longer than any signature.
    #[error("the signature has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
}
