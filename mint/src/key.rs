//! Keys of every kind, each of which signs in one way.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};

use crate::der::{element, object_identifier, sequence};

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA over P-256, with SHA-256.
    P256,
    /// ECDSA over P-384, with SHA-384.
    P384,
    /// ECDSA over P-521, with SHA-512.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA of 2048 bits, PKCS#1 v1.5 with SHA-256.
    Rsa,
    /// Ed25519, always the same key for a number: what it signs is always the same too.
    Fixed(u8),
}

impl Kind {
    /// Every kind of which each key is new.
    pub const ALL: [Self; 5] = [Self::P256, Self::P384, Self::P521, Self::Ed25519, Self::Rsa];

    /// The hash under its signatures.
    pub fn hash(self) -> Hash {
        match self {
            Self::P256 | Self::Rsa => Hash::Sha256,
            Self::P384 => Hash::Sha384,
            Self::P521 | Self::Ed25519 | Self::Fixed(_) => Hash::Sha512,
        }
    }
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, which nobody should accept.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The hash of some bytes.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let function = match self {
            Self::Sha1 => &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &aws_lc_rs::digest::SHA256,
            Self::Sha384 => &aws_lc_rs::digest::SHA384,
            Self::Sha512 => &aws_lc_rs::digest::SHA512,
        };
        aws_lc_rs::digest::digest(function, bytes).as_ref().to_vec()
    }

    /// Its AlgorithmIdentifier in DER.
    pub fn algorithm(self) -> Vec<u8> {
        sequence(&[&object_identifier(match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        })])
    }
}

/// A key pair.
pub struct Key {
    kind: Kind,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    /// A new key.
    pub fn new(kind: Kind) -> Self {
        let ecdsa = |algorithm| Pair::Ecdsa(EcdsaKeyPair::generate(algorithm).unwrap());
        let pair = match kind {
            Kind::P256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            Kind::P384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            Kind::P521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            Kind::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            Kind::Fixed(seed) => Pair::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()),
            Kind::Rsa => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self { kind, pair }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> Vec<u8> {
        fn der(public: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
            public.as_der().unwrap().as_ref().to_vec()
        }
        match &self.pair {
            Pair::Ecdsa(pair) => der(pair.public_key()),
            Pair::Ed25519(pair) => der(pair.public_key()),
            Pair::Rsa(pair) => der(pair.public_key()),
        }
    }

    /// A signature, as long as its scheme has it; ECDSA in DER.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    /// The AlgorithmIdentifier of its signatures, in DER.
    pub fn algorithm(&self) -> Vec<u8> {
        match self.kind {
            Kind::P256 => sequence(&[&object_identifier("1.2.840.10045.4.3.2")]),
            Kind::P384 => sequence(&[&object_identifier("1.2.840.10045.4.3.3")]),
            Kind::P521 => sequence(&[&object_identifier("1.2.840.10045.4.3.4")]),
            Kind::Ed25519 | Kind::Fixed(_) => sequence(&[&object_identifier("1.3.101.112")]),
            Kind::Rsa => sequence(&[&object_identifier("1.2.840.113549.1.1.11"), &element(5, &[])]),
        }
    }

    /// The SHA-256 of its SubjectPublicKeyInfo.
    pub fn id(&self) -> Vec<u8> {
        Hash::Sha256.of(&self.spki())
    }
}
