//! Keys, images and evidence for the tests of this crate.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use countersign_image::{Blob, Digest, Pinned, Reference};
use jiff::Timestamp;
use sha2::Digest as _;

use crate::gathered::{Content, Evidence, Item, Origin};
use crate::key::PublicKey;
use crate::layout::Layout;

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// A key that signs in one way.
pub(crate) struct TestKey {
    pub(crate) public: PublicKey,
    sign: Sign,
}

impl TestKey {
    fn new(public: &dyn AsDer<PublicKeyX509Der<'static>>, sign: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Self {
        let public = PublicKey::from_spki_der(public.as_der().unwrap().as_ref()).unwrap();
        Self {
            public,
            sign: Box::new(sign),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        (self.sign)(message)
    }
}

pub(crate) fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> TestKey {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let public = pair.public_key().clone();
    TestKey::new(&public, move |message| {
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    })
}

pub(crate) fn p256() -> TestKey {
    ecdsa(&aws::ECDSA_P256_SHA256_ASN1_SIGNING)
}

pub(crate) fn rsa(size: KeySize, encoding: &'static dyn RsaEncoding) -> TestKey {
    let pair = RsaKeyPair::generate(size).unwrap();
    let public = pair.public_key().clone();
    TestKey::new(&public, move |message| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
            .unwrap();
        signature
    })
}

pub(crate) fn ed25519() -> TestKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let public = pair.public_key().clone();
    TestKey::new(&public, move |message| pair.sign(message).as_ref().to_vec())
}

pub(crate) fn ed25519ph() -> TestKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let public = pair.public_key().clone();
    let seed = aws_lc_rs::encoding::AsBigEndian::as_be_bytes(&pair.seed().unwrap()).unwrap();
    let pair = ed25519_dalek::SigningKey::from_bytes(seed.as_ref().try_into().unwrap());
    TestKey::new(&public, move |message| {
        let hash = sha2::Sha512::new_with_prefix(message);
        pair.sign_prehashed(hash, None).unwrap().to_bytes().to_vec()
    })
}

/// An image that is named by the digest of some bytes, its manifest.
pub(crate) fn image_of(manifest: &[u8]) -> Pinned {
    Reference::parse("ghcr.io/acme/app:v1")
        .unwrap()
        .resolved(Digest::sha256(manifest))
}

pub(crate) fn image() -> Pinned {
    image_of(b"the manifest")
}

pub(crate) fn evidence(image: &Pinned, items: Vec<Item>) -> Evidence {
    let (image, as_of) = (image.clone(), Timestamp::UNIX_EPOCH);
    Evidence {
        image,
        items,
        gaps: Vec::new(),
        looked: Vec::new(),
        manifest: None,
        as_of,
        stale: false,
    }
}

pub(crate) fn item(layout: Layout, content: Content) -> Item {
    let blob = match &content {
        Content::Simple { payload, .. } => *payload.digest(),
        Content::Envelope { envelope: blob, .. } | Content::Bundle(blob) => *blob.digest(),
    };
    let repository = image().repository().clone();
    Item {
        origin: Origin {
            repository,
            layout,
            tag_prefix: None,
            manifest: Digest::sha256(b"holder"),
            blob,
        },
        content,
    }
}

pub(crate) fn simple(payload: impl Into<Vec<u8>>, signature: &[u8]) -> Content {
    let signature = crate::encoding::encode(signature);
    Content::Simple {
        payload: Blob::new(payload.into()),
        signature,
        annotations: BTreeMap::new(),
    }
}
