//! A key of the moment: made for one signature, never stored, gone with it.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use countersign_evidence::Draft;
use der::EncodePem as _;
use der::pem::LineEnding;
use spki::SubjectPublicKeyInfoOwned;

/// A P-256 key. The library overwrites the memory of a key when it is freed (AWS-LC's `OPENSSL_free`).
pub(crate) struct Ephemeral {
    pair: EcdsaKeyPair,
    public_pem: String,
}

/// The library for the primitives could not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library could not make a key of the moment, or not sign with it")]
pub(crate) struct Failed;

impl Ephemeral {
    pub(crate) fn generate() -> Result<Self, Failed> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| Failed)?;
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| Failed)?;
        let public = <SubjectPublicKeyInfoOwned as der::Decode>::from_der(spki.as_ref()).map_err(|_| Failed)?;
        let public_pem = public.to_pem(LineEnding::LF).map_err(|_| Failed)?;
        Ok(Self { pair, public_pem })
    }

    /// Its public half, PEM.
    pub(crate) fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// That whoever shows a token has this key: what the token names, signed.
    pub(crate) fn possession(&self, subject: &str) -> Result<Vec<u8>, Failed> {
        self.sign(subject.as_bytes())
    }

    /// The one signature that it was made for.
    pub(crate) fn sign_draft(self, draft: &Draft) -> Result<Vec<u8>, Failed> {
        self.sign(draft.message())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failed> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| Failed)?;
        Ok(signature.as_ref().to_vec())
    }
}
