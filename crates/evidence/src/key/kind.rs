//! Kinds of keys, hashes, and the rule that says which hash a signature must be made over.

use std::fmt;
use std::str::FromStr;

use countersign_image::text::excerpt;
use thiserror::Error;

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA over NIST P-256.
    EcdsaP256,
    /// ECDSA over NIST P-384.
    EcdsaP384,
    /// ECDSA over NIST P-521.
    EcdsaP521,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// RSA.
    Rsa {
        /// Length of the modulus, in bits.
        bits: u32,
    },
}

impl KeyKind {
    /// The hash that fits the strength of the key: SHA-384 for P-384, SHA-512 for P-521 and Ed25519, else SHA-256.
    pub fn natural_hash(self) -> Hash {
        match self {
            Self::EcdsaP256 | Self::Rsa { .. } => Hash::Sha256,
            Self::EcdsaP384 => Hash::Sha384,
            Self::EcdsaP521 | Self::Ed25519 => Hash::Sha512,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::EcdsaP521 => f.write_str("ECDSA P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
        }
    }
}

/// The hash under a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Every hash.
    pub const ALL: [Self; 4] = [Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    pub(crate) fn function(self) -> &'static aws_lc_rs::digest::Algorithm {
        match self {
            Self::Sha224 => &aws_lc_rs::digest::SHA224,
            Self::Sha256 => &aws_lc_rs::digest::SHA256,
            Self::Sha384 => &aws_lc_rs::digest::SHA384,
            Self::Sha512 => &aws_lc_rs::digest::SHA512,
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        })
    }
}

impl FromStr for Hash {
    type Err = UnknownHash;

    /// Reads a name as policy-controller reads `hashAlgorithm`: in any case, blanks around it ignored.
    fn from_str(text: &str) -> Result<Self, UnknownHash> {
        let name = text.trim().to_ascii_lowercase();
        let unknown = || UnknownHash {
            found: excerpt(text, 40),
        };
        Self::ALL
            .into_iter()
            .find(|hash| hash.to_string() == name)
            .ok_or_else(unknown)
    }
}

/// A name that is not one of the four hashes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("hash `{found}` is not known; `sha224`, `sha256`, `sha384` and `sha512` are")]
pub struct UnknownHash {
    /// The name, shortened.
    pub found: String,
}

/// Which hash a signature has to have been made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashRule {
    /// This one and no other: what a ClusterImagePolicy says, or its default.
    Exactly(Hash),
    /// The key's natural hash ([`KeyKind::natural_hash`]) or SHA-256, which cosign uses for every curve in places.
    Natural,
}

impl HashRule {
    /// The hashes that count for a kind of key, the likelier first. For Ed25519 the rule is not asked: its hash is part of
    /// the scheme, and stands here for both of its schemes.
    pub(super) fn hashes(self, kind: KeyKind) -> impl Iterator<Item = Hash> {
        let (first, second) = match (kind, self) {
            (KeyKind::Ed25519, _) => (kind.natural_hash(), None),
            (_, Self::Exactly(hash)) => (hash, None),
            (_, Self::Natural) => (kind.natural_hash(), Some(Hash::Sha256)),
        };
        std::iter::once(first).chain(second.filter(|second| *second != first))
    }
}
