//! A private key: read from any of the forms that signing keys come in, generated, and written again.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _,
};
use countersign_evidence::{KeyKind, PublicKey, Scheme};
use der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Encode as _};
use ed25519_dalek::SigningKey;
use pkcs8::PrivateKeyInfo;
use pkcs8::spki::AlgorithmIdentifierRef;
use spki::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

use crate::cosign::{self, SealedKeyError};
use crate::pem::{self, Form, NotAPrivateKey};
use crate::{Password, signer};

#[cfg(test)]
mod tests;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// A key that signs, held in memory. It prints only its kind and its public half's fingerprint.
pub struct PrivateKey {
    pub(crate) secret: Secret,
    pub(crate) public: PublicKey,
    pub(crate) scheme: Scheme,
}

pub(crate) enum Secret {
    Ecdsa(Box<EcdsaKeyPair>),
    // aws-lc-rs has no Ed25519ph, so both of the key's schemes are dalek's.
    Ed25519(Box<SigningKey>),
    Rsa(Box<RsaKeyPair>),
}

/// Why a file gave no private key.
#[derive(Debug, thiserror::Error)]
pub enum PrivateKeyError {
    /// It holds none, or none in a form that is read here.
    #[error(transparent)]
    NotAPrivateKey(#[from] NotAPrivateKey),
    /// It is encrypted, and no password was given.
    #[error("this key is under a password, and none was given")]
    PasswordNeeded,
    /// It is encrypted, and did not open.
    #[error(transparent)]
    Sealed(#[from] SealedKeyError),
    /// Not the structure that its label promises.
    #[error("the key is not a well-formed {expected}")]
    Malformed {
        /// The structure, with its RFC.
        expected: &'static str,
        /// What the decoder found.
        source: der::Error,
    },
    /// An algorithm with which no image signature is made.
    #[error("a key of algorithm {oid} does not sign here: expected ECDSA, Ed25519 or RSA")]
    Algorithm {
        /// The algorithm's object identifier.
        oid: ObjectIdentifier,
    },
    /// An elliptic curve other than the three of FIPS 186.
    #[error("an ECDSA key on curve {found} does not sign here: expected P-256, P-384 or P-521")]
    Curve {
        /// The curve's object identifier, or what stands in its place.
        found: String,
    },
    /// An RSA key that is too short to trust or too long to bear.
    #[error("an RSA key of {bits} bits does not sign here: expected 2048 to 8192")]
    RsaSize {
        /// Length of the modulus.
        bits: u32,
    },
    /// Numbers that make no key, or a public half that belongs to another.
    #[error("the parts of this {kind} key do not belong together: the file was altered or cut")]
    Inconsistent {
        /// The kind of key.
        kind: &'static str,
    },
}

/// Why no key was generated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// A size that cosign could not read back.
    #[error("an RSA key of {bits} bits is not generated here: choose 2048, 3072 or 4096")]
    RsaSize {
        /// The size asked for.
        bits: u32,
    },
    /// The primitives' library gave none.
    #[error("the cryptographic library could not generate a key")]
    Failed,
}

impl PrivateKey {
    /// Reads the first key in a PEM file: cosign's encrypted form, PKCS#8, SEC1 or PKCS#1; P-256, P-384, P-521,
    /// Ed25519 or RSA of 2048 to 8192 bits. A password is used only where the key is encrypted.
    ///
    /// The key will sign with the scheme that plain `cosign verify --key` expects of its kind, see
    /// [`using`](Self::using).
    ///
    /// # Errors
    /// [`PrivateKeyError`], which names what the file is instead.
    pub fn parse(file: &[u8], password: Option<&Password>) -> Result<Self, PrivateKeyError> {
        let block = pem::key_block(file)?;
        match block.form {
            Form::CosignEncrypted => {
                let password = password.ok_or(PrivateKeyError::PasswordNeeded)?;
                Self::from_pkcs8(&cosign::open(&block.body, password)?)
            }
            Form::Pkcs8 => Self::from_pkcs8(&block.body),
            Form::Sec1 => Self::from_sec1(&block.body),
            Form::Pkcs1 => Self::from_pkcs1(&block.body),
        }
    }

    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// [`GenerateError::RsaSize`] for an RSA key of another size than 2048, 3072 or 4096 bits, the ones that cosign reads.
    pub fn generate(kind: KeyKind) -> Result<Self, GenerateError> {
        let secret = match kind {
            KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => {
                let algorithm = ecdsa_algorithm(kind).expect("each of the three has one");
                let pair = EcdsaKeyPair::generate(algorithm).map_err(|_| GenerateError::Failed)?;
                Secret::Ecdsa(Box::new(pair))
            }
            KeyKind::Ed25519 => Secret::Ed25519(Box::new(SigningKey::from_bytes(&random()))),
            KeyKind::Rsa { bits } => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    _ => return Err(GenerateError::RsaSize { bits }),
                };
                Secret::Rsa(Box::new(RsaKeyPair::generate(size).map_err(|_| GenerateError::Failed)?))
            }
        };
        Ok(Self::of(secret).expect("the public half of a generated key is one that is accepted"))
    }

    /// The half that verifies.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// The key under a password, as cosign writes and reads it. Salt and nonce are new with every call.
    #[must_use]
    pub fn to_cosign_pem(&self, password: &Password) -> String {
        pem::encode(
            cosign::LABEL,
            &cosign::seal(&self.to_pkcs8(), password, random(), random()),
        )
    }

    /// The key in the clear, as PKCS#8.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode("PRIVATE KEY", &self.to_pkcs8()))
    }

    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        const WRITABLE: &str = "a key that was accepted can be written";
        let bytes = match &self.secret {
            Secret::Ecdsa(pair) => pair.to_pkcs8v1().expect(WRITABLE).as_ref().to_vec(),
            Secret::Ed25519(key) => ed25519_pkcs8(key).expect(WRITABLE),
            Secret::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().expect(WRITABLE);
                der.as_ref().to_vec()
            }
        };
        Zeroizing::new(bytes)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let malformed = |source| PrivateKeyError::Malformed {
            expected: "PKCS#8 private key (RFC 5958)",
            source,
        };
        let info = PrivateKeyInfo::try_from(der).map_err(|error| malformed(pkcs8_cause(error)))?;
        match info.algorithm.oid {
            EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters_oid();
                let kind = kind_of_curve(curve.map_err(|_| unnamed_curve())?)?;
                Self::ecdsa(kind, der)
            }
            RSA_ENCRYPTION => Self::from_pkcs1(info.private_key),
            ED25519 => {
                let seed = OctetStringRef::from_der(info.private_key).map_err(malformed)?;
                let seed: Zeroizing<[u8; 32]> = Zeroizing::new(
                    seed.as_bytes()
                        .try_into()
                        .map_err(|_| PrivateKeyError::Inconsistent { kind: "Ed25519" })?,
                );
                let key = SigningKey::from_bytes(&seed);
                if info
                    .public_key
                    .is_some_and(|claimed| claimed != key.verifying_key().as_bytes())
                {
                    return Err(PrivateKeyError::Inconsistent { kind: "Ed25519" });
                }
                Self::of(Secret::Ed25519(Box::new(key)))
            }
            oid => Err(PrivateKeyError::Algorithm { oid }),
        }
    }

    fn from_sec1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let key = sec1::EcPrivateKey::from_der(der).map_err(|source| PrivateKeyError::Malformed {
            expected: "SEC1 private key (RFC 5915)",
            source,
        })?;
        let curve = key
            .parameters
            .and_then(sec1::EcParameters::named_curve)
            .ok_or_else(unnamed_curve)?;
        Self::ecdsa(kind_of_curve(curve)?, der)
    }

    fn ecdsa(kind: KeyKind, der: &[u8]) -> Result<Self, PrivateKeyError> {
        let algorithm = ecdsa_algorithm(kind).expect("each kind that a curve has, has one");
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, der)
            .map_err(|_| PrivateKeyError::Inconsistent { kind: "ECDSA" })?;
        Self::of(Secret::Ecdsa(Box::new(pair)))
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let key = pkcs1::RsaPrivateKey::from_der(der).map_err(|source| PrivateKeyError::Malformed {
            expected: "RSA private key (RFC 8017)",
            source,
        })?;
        let bits = bit_length(key.modulus.as_bytes());
        if !RSA_BITS.contains(&bits) {
            return Err(PrivateKeyError::RsaSize { bits });
        }
        let pair = RsaKeyPair::from_der(der).map_err(|_| PrivateKeyError::Inconsistent { kind: "RSA" })?;
        Self::of(Secret::Rsa(Box::new(pair)))
    }

    fn of(secret: Secret) -> Result<Self, PrivateKeyError> {
        let (kind, spki) = match &secret {
            Secret::Ecdsa(pair) => ("ECDSA", spki_of(pair.public_key())),
            Secret::Ed25519(key) => ("Ed25519", ed25519_spki(key).ok()),
            Secret::Rsa(pair) => ("RSA", spki_of(pair.public_key())),
        };
        let public = spki.and_then(|der| PublicKey::from_spki_der(&der).ok());
        let public = public.ok_or(PrivateKeyError::Inconsistent { kind })?;
        let scheme = signer::scheme_of_cosign(public.kind());
        Ok(Self { secret, public, scheme })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("PrivateKey");
        shown
            .field("kind", &self.public.kind())
            .field("fingerprint", &self.public.fingerprint())
            .finish_non_exhaustive()
    }
}

fn ecdsa_algorithm(kind: KeyKind) -> Option<&'static EcdsaSigningAlgorithm> {
    match kind {
        KeyKind::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyKind::EcdsaP384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyKind::EcdsaP521 => Some(&ECDSA_P521_SHA512_ASN1_SIGNING),
        KeyKind::Ed25519 | KeyKind::Rsa { .. } => None,
    }
}

fn kind_of_curve(oid: ObjectIdentifier) -> Result<KeyKind, PrivateKeyError> {
    match oid {
        P256 => Ok(KeyKind::EcdsaP256),
        P384 => Ok(KeyKind::EcdsaP384),
        P521 => Ok(KeyKind::EcdsaP521),
        other => Err(PrivateKeyError::Curve {
            found: other.to_string(),
        }),
    }
}

fn unnamed_curve() -> PrivateKeyError {
    PrivateKeyError::Curve {
        found: "without a name".to_owned(),
    }
}

fn pkcs8_cause(error: pkcs8::Error) -> der::Error {
    match error {
        pkcs8::Error::Asn1(cause) => cause,
        _ => der::ErrorKind::Failed.into(),
    }
}

fn bit_length(big_endian: &[u8]) -> u32 {
    let significant: &[u8] = &big_endian[big_endian.iter().take_while(|&&byte| byte == 0).count()..];
    let leading = significant.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(significant.len())
        .ok()
        .and_then(|bytes| bytes.checked_mul(8));
    bits.map_or(u32::MAX, |bits| bits - leading)
}

fn spki_of<'a, K: AsDer<PublicKeyX509Der<'a>>>(key: &K) -> Option<Vec<u8>> {
    key.as_der().ok().map(|der| der.as_ref().to_vec())
}

fn ed25519_spki(key: &SigningKey) -> der::Result<Vec<u8>> {
    spki_of_ed25519(key.verifying_key().as_bytes())
}

/// RFC 8410 §4.
pub(crate) fn spki_of_ed25519(public: &[u8; 32]) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef {
        oid: ED25519,
        parameters: None,
    };
    SubjectPublicKeyInfo {
        algorithm,
        subject_public_key: BitStringRef::from_bytes(public)?,
    }
    .to_der()
}

fn ed25519_pkcs8(key: &SigningKey) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef {
        oid: ED25519,
        parameters: None,
    };
    let seed = Zeroizing::new(OctetStringRef::new(key.as_bytes())?.to_der()?);
    PrivateKeyInfo::new(algorithm, &seed).to_der()
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).expect("AWS-LC ends the process sooner than it returns without randomness");
    bytes
}
