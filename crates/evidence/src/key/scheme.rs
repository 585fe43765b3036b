//! Signature schemes: which there are for a kind of key, and the arithmetic behind each.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{self as aws, ParsedPublicKey, RsaParameters, RsaPssSaltLength, VerificationAlgorithm};
use sha2::Digest as _;

use super::kind::{Hash, KeyKind};

/// The signature scheme that verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// ECDSA (FIPS 186-5), the signature in strict DER.
    Ecdsa(Hash),
    /// RSA PKCS#1 v1.5 (RFC 8017).
    RsaPkcs1(Hash),
    /// RSA PSS (RFC 8017), mask generation with the same hash.
    RsaPss(Hash),
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// Ed25519ph: Ed25519 over the SHA-512 of the message, with an empty context (RFC 8032).
    Ed25519ph,
}

impl Scheme {
    /// The hash that the scheme uses.
    pub fn hash(self) -> Hash {
        match self {
            Self::Ecdsa(hash) | Self::RsaPkcs1(hash) | Self::RsaPss(hash) => hash,
            Self::Ed25519 | Self::Ed25519ph => Hash::Sha512,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(hash) => write!(f, "ecdsa-{hash}"),
            Self::RsaPkcs1(hash) => write!(f, "rsa-pkcs1v15-{hash}"),
            Self::RsaPss(hash) => write!(f, "rsa-pss-{hash}"),
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Ed25519ph => f.write_str("ed25519ph"),
        }
    }
}

/// One way in which one key can verify.
pub(super) struct Verifier {
    scheme: Scheme,
    key: Key,
}

enum Key {
    Aws(Box<Prepared>),
    /// aws-lc-rs has no Ed25519ph.
    Ed25519ph(ed25519_dalek::VerifyingKey),
}

/// A key of aws-lc-rs, prepared for one algorithm when that is first asked for: the key of a certificate is used once, and
/// with one of many.
struct Prepared {
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: Arc<[u8]>,
    key: OnceLock<Option<ParsedPublicKey>>,
}

impl Prepared {
    /// `None` if the bytes are no key for the algorithm.
    fn key(&self) -> Option<&ParsedPublicKey> {
        let prepare = || ParsedPublicKey::new(self.algorithm, &self.bytes).ok();
        self.key.get_or_init(prepare).as_ref()
    }
}

impl Verifier {
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn uses(&self, hash: Hash) -> bool {
        self.scheme.hash() == hash
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Aws(key) => key.key().is_some_and(|key| key.verify_sig(message, signature).is_ok()),
            Key::Ed25519ph(key) => {
                let hash = sha2::Sha512::new_with_prefix(message);
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_prehashed_strict(hash, None, &signature).is_ok())
            }
        }
    }
}

impl Verifier {
    /// Verifies by the digest of the message, made with this very hash. Ed25519 wants the message itself, and verifies
    /// nothing here.
    pub(super) fn verify_digest(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Aws(key) if self.uses(hash) => {
                let digest = Digest::import_less_safe(digest, hash.function());
                let key = digest.ok().zip(key.key());
                key.is_some_and(|(digest, key)| key.verify_digest_sig(&digest, signature).is_ok())
            }
            _ => false,
        }
    }
}

/// The schemes of the table that exist for a kind of key, with the key in the form that each of them wants: a point for
/// a curve, SubjectPublicKeyInfo for RSA. `None` if the key is none: a point that is not on its curve, an even modulus.
pub(super) fn verifiers(kind: KeyKind, key: &[u8]) -> Option<Vec<Verifier>> {
    let mut verifiers = Vec::new();
    let bytes: Arc<[u8]> = key.into();
    for (scheme, algorithm) in table(kind) {
        let prepared = Prepared {
            algorithm: *algorithm,
            bytes: bytes.clone(),
            key: OnceLock::new(),
        };
        // A key is one with every algorithm of its kind or with none.
        if verifiers.is_empty() {
            prepared.key()?;
        }
        let key = Key::Aws(Box::new(prepared));
        verifiers.push(Verifier { scheme: *scheme, key });
    }
    if kind == KeyKind::Ed25519 {
        let key = ed25519_dalek::VerifyingKey::try_from(key).ok()?;
        // Under a point of small order, one signature verifies over every message.
        if key.is_weak() {
            return None;
        }
        verifiers.push(Verifier {
            scheme: Scheme::Ed25519ph,
            key: Key::Ed25519ph(key),
        });
    }
    Some(verifiers)
}

type Row = (Scheme, &'static dyn VerificationAlgorithm);

/// What aws-lc-rs offers. SHA-224 it has for P-521 alone.
fn table(kind: KeyKind) -> &'static [Row] {
    match kind {
        KeyKind::EcdsaP256 => P256,
        KeyKind::EcdsaP384 => P384,
        KeyKind::EcdsaP521 => P521,
        KeyKind::Ed25519 => ED25519,
        KeyKind::Rsa { .. } => RSA,
    }
}

const P256: &[Row] = &[
    (Scheme::Ecdsa(Hash::Sha256), &aws::ECDSA_P256_SHA256_ASN1),
    (Scheme::Ecdsa(Hash::Sha384), &aws::ECDSA_P256_SHA384_ASN1),
    (Scheme::Ecdsa(Hash::Sha512), &aws::ECDSA_P256_SHA512_ASN1),
];

const P384: &[Row] = &[
    (Scheme::Ecdsa(Hash::Sha256), &aws::ECDSA_P384_SHA256_ASN1),
    (Scheme::Ecdsa(Hash::Sha384), &aws::ECDSA_P384_SHA384_ASN1),
    (Scheme::Ecdsa(Hash::Sha512), &aws::ECDSA_P384_SHA512_ASN1),
];

const P521: &[Row] = &[
    (Scheme::Ecdsa(Hash::Sha224), &aws::ECDSA_P521_SHA224_ASN1),
    (Scheme::Ecdsa(Hash::Sha256), &aws::ECDSA_P521_SHA256_ASN1),
    (Scheme::Ecdsa(Hash::Sha384), &aws::ECDSA_P521_SHA384_ASN1),
    (Scheme::Ecdsa(Hash::Sha512), &aws::ECDSA_P521_SHA512_ASN1),
];

const ED25519: &[Row] = &[(Scheme::Ed25519, &aws::ED25519)];

const RSA: &[Row] = &[
    (Scheme::RsaPkcs1(Hash::Sha256), &aws::RSA_PKCS1_2048_8192_SHA256),
    (Scheme::RsaPkcs1(Hash::Sha384), &aws::RSA_PKCS1_2048_8192_SHA384),
    (Scheme::RsaPkcs1(Hash::Sha512), &aws::RSA_PKCS1_2048_8192_SHA512),
    (Scheme::RsaPss(Hash::Sha256), &aws::RSA_PSS_2048_8192_SHA256),
    (Scheme::RsaPss(Hash::Sha384), &aws::RSA_PSS_2048_8192_SHA384),
    (Scheme::RsaPss(Hash::Sha512), &aws::RSA_PSS_2048_8192_SHA512),
    (Scheme::RsaPss(Hash::Sha256), &PSS_LONG_SALT_SHA256),
    (Scheme::RsaPss(Hash::Sha384), &PSS_LONG_SALT_SHA384),
    (Scheme::RsaPss(Hash::Sha512), &PSS_LONG_SALT_SHA512),
];

// Go signs with the longest salt that fits unless it is told otherwise, and sigstore's signer does not tell it.
static PSS_LONG_SALT_SHA256: RsaParameters = aws::RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);
static PSS_LONG_SALT_SHA384: RsaParameters = aws::RSA_PSS_2048_8192_SHA384.with_pss_salt_length(RsaPssSaltLength::Max);
static PSS_LONG_SALT_SHA512: RsaParameters = aws::RSA_PSS_2048_8192_SHA512.with_pss_salt_length(RsaPssSaltLength::Max);
