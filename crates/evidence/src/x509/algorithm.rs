//! Signature algorithms by object identifier, for certificates and timestamps.

use der::asn1::ObjectIdentifier;
use spki::AlgorithmIdentifierRef;

use crate::key::{Hash, HashRule, PublicKey, Scheme, SignatureError};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Which scheme an algorithm means (RFC 5758, RFC 8017, RFC 8410). `rsaEncryption` alone leaves the hash to where it
/// stands (RFC 3370, section 3.2).
const SCHEMES: &[(ObjectIdentifier, Scheme)] = &[
    (oid("1.2.840.10045.4.3.2"), Scheme::Ecdsa(Hash::Sha256)),
    (oid("1.2.840.10045.4.3.3"), Scheme::Ecdsa(Hash::Sha384)),
    (oid("1.2.840.10045.4.3.4"), Scheme::Ecdsa(Hash::Sha512)),
    (oid("1.2.840.113549.1.1.11"), Scheme::RsaPkcs1(Hash::Sha256)),
    (oid("1.2.840.113549.1.1.12"), Scheme::RsaPkcs1(Hash::Sha384)),
    (oid("1.2.840.113549.1.1.13"), Scheme::RsaPkcs1(Hash::Sha512)),
    (oid("1.3.101.112"), Scheme::Ed25519),
];
const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");

/// The hash functions that we compute (RFC 5754).
const HASHES: &[(ObjectIdentifier, Hash)] = &[
    (oid("2.16.840.1.101.3.4.2.1"), Hash::Sha256),
    (oid("2.16.840.1.101.3.4.2.2"), Hash::Sha384),
    (oid("2.16.840.1.101.3.4.2.3"), Hash::Sha512),
];

/// The scheme that an algorithm of a certificate's signature means.
pub(crate) fn scheme(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Scheme> {
    SCHEMES
        .iter()
        .find(|(oid, _)| *oid == algorithm.oid)
        .map(|(_, scheme)| *scheme)
}

/// The scheme that an algorithm of a signer means (RFC 5652), the hash of whom stands beside it.
pub(crate) fn scheme_of_signer(algorithm: &AlgorithmIdentifierRef<'_>, hash: Hash) -> Option<Scheme> {
    if algorithm.oid == RSA_ENCRYPTION {
        return Some(Scheme::RsaPkcs1(hash));
    }
    scheme(algorithm)
}

/// The hash function that an algorithm means.
pub(crate) fn hash(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Hash> {
    HASHES
        .iter()
        .find(|(oid, _)| *oid == algorithm.oid)
        .map(|(_, hash)| *hash)
}

/// Verifies a signature under one scheme and no other.
pub(crate) fn verify(key: &PublicKey, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let found = key.verify(HashRule::Exactly(scheme.hash()), message, signature)?;
    if found == scheme {
        Ok(())
    } else {
        Err(SignatureError::NotByThisKey { kind: key.kind() })
    }
}

/// A hash of some bytes.
pub(crate) fn digest(hash: Hash, bytes: &[u8]) -> aws_lc_rs::digest::Digest {
    let function = match hash {
        Hash::Sha224 => &aws_lc_rs::digest::SHA224,
        Hash::Sha256 => &aws_lc_rs::digest::SHA256,
        Hash::Sha384 => &aws_lc_rs::digest::SHA384,
        Hash::Sha512 => &aws_lc_rs::digest::SHA512,
    };
    aws_lc_rs::digest::digest(function, bytes)
}
