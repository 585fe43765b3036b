//! SubjectPublicKeyInfo (RFC 5280, RFC 5480, RFC 8410): which key it is, and whether it is one we use.

use der::Decode as _;
use pkcs1::RsaPublicKey;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use thiserror::Error;

use super::kind::KeyKind;
use super::scheme::{self, Verifier};
use crate::encoding::NotBase64;

/// The shortest RSA modulus that is trusted, in bits.
pub const MIN_RSA_BITS: u32 = 2048;
/// The longest RSA modulus that is computed with, in bits.
pub const MAX_RSA_BITS: u32 = 8192;

/// `rsaEncryption` (RFC 8017).
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey` (RFC 5480).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `id-Ed25519` (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Reads a key and prepares everything that verifies with it.
pub(super) fn read(der: &[u8]) -> Result<(KeyKind, Vec<Verifier>), KeyError> {
    let malformed = |error: der::Error| KeyError::Malformed {
        detail: error.to_string(),
    };
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(malformed)?;
    let unparsable = || KeyError::Malformed {
        detail: "the key has unused bits".into(),
    };
    let key = spki.subject_public_key.as_bytes().ok_or_else(unparsable)?;
    let (kind, material) = match spki.algorithm.oid {
        EC => {
            let curve = spki.algorithm.parameters_oid().map_err(|_| KeyError::Parameters)?;
            (curve_of(curve, key)?, key)
        }
        ED25519 if spki.algorithm.parameters.is_some() => return Err(KeyError::Parameters),
        ED25519 => (KeyKind::Ed25519, key),
        RSA if !spki.algorithm.parameters.is_some_and(der::AnyRef::is_null) => {
            return Err(KeyError::Parameters);
        }
        RSA => (KeyKind::Rsa { bits: rsa_bits(key)? }, der),
        oid => return Err(KeyError::UnknownAlgorithm { oid: oid.to_string() }),
    };
    let verifiers = scheme::verifiers(kind, material).ok_or(KeyError::NoKey { kind })?;
    Ok((kind, verifiers))
}

/// The curve, if the point is written in full: a compressed point would be a second spelling of the same key.
fn curve_of(curve: ObjectIdentifier, point: &[u8]) -> Result<KeyKind, KeyError> {
    let (kind, length) = match curve {
        P256 => (KeyKind::EcdsaP256, 65),
        P384 => (KeyKind::EcdsaP384, 97),
        P521 => (KeyKind::EcdsaP521, 133),
        oid => return Err(KeyError::UnknownCurve { oid: oid.to_string() }),
    };
    if point.len() == length && point[0] == 4 {
        Ok(kind)
    } else {
        Err(KeyError::NoKey { kind })
    }
}

/// The length of the modulus, if it is one that we trust and compute with.
fn rsa_bits(pkcs1: &[u8]) -> Result<u32, KeyError> {
    let malformed = |error: der::Error| KeyError::Malformed {
        detail: error.to_string(),
    };
    let modulus = RsaPublicKey::from_der(pkcs1).map_err(malformed)?.modulus;
    let modulus = modulus.as_bytes();
    let first = modulus.first().copied().unwrap_or_default();
    let bits = u32::try_from(modulus.len() * 8).unwrap_or(u32::MAX) - first.leading_zeros();
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(KeyError::RsaSize {
            least: MIN_RSA_BITS,
            most: MAX_RSA_BITS,
            found: bits,
        });
    }
    Ok(bits)
}

/// Why a text or bytes are not a public key that we use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is longer than is searched.
    #[error("the text has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// There is no PEM block.
    #[error("there is no PEM block; a public key begins with `-----BEGIN PUBLIC KEY-----`")]
    NoPem,
    /// The first PEM block does not end.
    #[error("the PEM block `{label}` does not end")]
    Unfinished {
        /// Its label.
        label: String,
    },
    /// The first PEM block is not base64.
    #[error("the PEM block `{label}` is not readable")]
    Base64 {
        /// Its label.
        label: String,
        /// What is wrong with it.
        #[source]
        source: NotBase64,
    },
    /// The first PEM block is a private key, which does not belong where a public one is wanted.
    #[error("the PEM block `{label}` is a private key, and a public key is wanted")]
    Private {
        /// Its label.
        label: String,
    },
    /// The first PEM block is a certificate.
    #[error("the PEM block is a certificate, and a public key is wanted")]
    Certificate,
    /// The first PEM block is something else.
    #[error("the PEM block `{label}` is not a public key")]
    UnknownLabel {
        /// Its label.
        label: String,
    },
    /// The bytes are not a SubjectPublicKeyInfo in DER.
    #[error("the public key is not DER as RFC 5280 has it: {detail}")]
    Malformed {
        /// What is wrong, in the decoder's words.
        detail: String,
    },
    /// The algorithm is not one of ours.
    #[error("keys of algorithm {oid} are not supported; ECDSA, Ed25519 and RSA are")]
    UnknownAlgorithm {
        /// Its object identifier.
        oid: String,
    },
    /// The parameters of the algorithm are not those that it has.
    #[error("the key's algorithm has the wrong parameters")]
    Parameters,
    /// The curve is not one of ours.
    #[error("keys on curve {oid} are not supported; P-256, P-384 and P-521 are")]
    UnknownCurve {
        /// Its object identifier.
        oid: String,
    },
    /// The numbers are not a key: a point that is not on its curve, or of small order, or not written in full.
    #[error("the {kind} key is no point of its curve, or no modulus and exponent")]
    NoKey {
        /// The kind that it claims to be.
        kind: KeyKind,
    },
    /// The modulus is too short to be trusted, or too long to be computed with.
    #[error("the RSA key has {found} bits, and from {least} to {most} are supported")]
    RsaSize {
        /// The fewest bits.
        least: u32,
        /// The most bits.
        most: u32,
        /// Its bits.
        found: u32,
    },
}
