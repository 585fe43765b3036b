//! Something that signs, and the scheme it signs with.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};
use countersign_evidence::{Hash, KeyKind, PublicKey, Scheme, ToBeSigned};
use ed25519_dalek::Signer as _;
use sha2::Digest as _;

use crate::private::{PrivateKey, Secret};

/// Something that signs what may be signed.
pub trait Signer: Send + Sync {
    /// The key that verifies what this signs.
    fn public_key(&self) -> &PublicKey;

    /// The signature over exactly [`ToBeSigned::message`]: DER (RFC 3279 §2.2.3) for ECDSA, the scheme's own bytes
    /// otherwise.
    ///
    /// # Errors
    /// [`SignerError`] where the key cannot be used.
    fn sign(&self, what: &ToBeSigned) -> Result<Vec<u8>, SignerError>;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The scheme is another kind of key's, or one in which nothing is signed here.
    #[error("a key of kind {kind} does not sign with `{scheme}`")]
    Scheme {
        /// The key's kind.
        kind: KeyKind,
        /// The scheme asked for.
        scheme: Scheme,
    },
    /// The primitives' library refused.
    #[error("the cryptographic library could not sign with this key")]
    Failed,
}

/// What plain `cosign verify --key` expects of a key: SHA-256 whatever the curve, PKCS#1 v1.5, and Ed25519 not prehashed,
/// in every layout alike.
///
/// Source: cosign v3.1 `cmd/cosign/cli/verify/verify.go` (`HashAlgorithm` is SHA-256 unless stated) hands one verifier to
/// the legacy and the bundle path; `pkg/signature/keys.go` makes it by `signature.LoadVerifier(key, SHA256)`, which takes
/// no option for Ed25519ph or PSS. policy-controller does the same.
///
/// cosign's own *signing* differs (`pkg/cosign/keys.go`, `GetDefaultLoadOptions`): it takes the curve's natural hash, and
/// Ed25519ph. What it signs with P-384 or P-521 it verifies only with `--signature-digest-algorithm`, and what it signs
/// with Ed25519 not at all (seen with 3.1.3, in both layouts). The verifier here accepts either.
pub(crate) fn scheme_of_cosign(kind: KeyKind) -> Scheme {
    match kind {
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => Scheme::Ecdsa(Hash::Sha256),
        KeyKind::Ed25519 => Scheme::Ed25519,
        KeyKind::Rsa { .. } => Scheme::RsaPkcs1(Hash::Sha256),
    }
}

impl PrivateKey {
    /// The scheme that this key signs with.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The same key, signing with another scheme of its kind.
    ///
    /// # Errors
    /// [`SignerError::Scheme`] where the scheme is another kind's, or takes SHA-224, with which nothing is signed any more.
    pub fn using(self, scheme: Scheme) -> Result<Self, SignerError> {
        let fits = match (&self.secret, scheme) {
            (Secret::Ecdsa(_), Scheme::Ecdsa(hash)) => hash != Hash::Sha224,
            (Secret::Ed25519(_), Scheme::Ed25519 | Scheme::Ed25519ph) => true,
            (Secret::Rsa(_), scheme) => rsa_encoding(scheme).is_some(),
            _ => false,
        };
        if fits {
            Ok(Self { scheme, ..self })
        } else {
            Err(SignerError::Scheme {
                kind: self.public.kind(),
                scheme,
            })
        }
    }

    /// Whoever calls this says what is signed; outside of this crate nobody can.
    pub(crate) fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match (&self.secret, self.scheme) {
            (Secret::Ecdsa(pair), Scheme::Ecdsa(hash)) => sign_ecdsa(pair, self.public.kind(), hash, message),
            (Secret::Ed25519(key), Scheme::Ed25519) => Ok(key.sign(message).to_vec()),
            (Secret::Ed25519(key), Scheme::Ed25519ph) => {
                let signature = key.sign_prehashed(sha2::Sha512::new_with_prefix(message), None);
                signature
                    .map(|signature| signature.to_vec())
                    .map_err(|_| SignerError::Failed)
            }
            (Secret::Rsa(pair), scheme) => {
                let encoding = rsa_encoding(scheme).expect("`using` admits only schemes that have an encoding");
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(encoding, &SystemRandom::new(), message, &mut signature);
                signed.map(|()| signature).map_err(|_| SignerError::Failed)
            }
            (_, scheme) => Err(SignerError::Scheme {
                kind: self.public.kind(),
                scheme,
            }),
        }
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, what: &ToBeSigned) -> Result<Vec<u8>, SignerError> {
        self.sign_message(what.message())
    }
}

/// aws-lc-rs ties each curve to few hashes. ECDSA itself takes a hash as a number of as many bits as the curve's order has
/// (FIPS 186-5 §6.4.1), so that a hash cut or padded to the length of the curve's own is the same number.
fn sign_ecdsa(pair: &EcdsaKeyPair, kind: KeyKind, hash: Hash, message: &[u8]) -> Result<Vec<u8>, SignerError> {
    let native = match kind {
        KeyKind::EcdsaP256 => &digest::SHA256,
        KeyKind::EcdsaP384 => &digest::SHA384,
        KeyKind::EcdsaP521 => &digest::SHA512,
        KeyKind::Ed25519 | KeyKind::Rsa { .. } => return Err(SignerError::Failed),
    };
    let number = fitted(digest::digest(algorithm(hash), message).as_ref(), native.output_len());
    let imported = Digest::import_less_safe(&number, native).map_err(|_| SignerError::Failed)?;
    let signature = pair.sign_digest(&imported).map_err(|_| SignerError::Failed)?;
    Ok(signature.as_ref().to_vec())
}

/// The leftmost `length` bytes of a longer hash; a shorter one behind zeros.
fn fitted(hash: &[u8], length: usize) -> Vec<u8> {
    let kept = &hash[..hash.len().min(length)];
    let mut number = vec![0; length - kept.len()];
    number.extend_from_slice(kept);
    number
}

fn algorithm(hash: Hash) -> &'static digest::Algorithm {
    match hash {
        Hash::Sha224 => &digest::SHA224,
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    }
}

fn rsa_encoding(scheme: Scheme) -> Option<&'static dyn RsaEncoding> {
    match scheme {
        Scheme::RsaPkcs1(Hash::Sha256) => Some(&RSA_PKCS1_SHA256),
        Scheme::RsaPkcs1(Hash::Sha384) => Some(&RSA_PKCS1_SHA384),
        Scheme::RsaPkcs1(Hash::Sha512) => Some(&RSA_PKCS1_SHA512),
        Scheme::RsaPss(Hash::Sha256) => Some(&RSA_PSS_SHA256),
        Scheme::RsaPss(Hash::Sha384) => Some(&RSA_PSS_SHA384),
        Scheme::RsaPss(Hash::Sha512) => Some(&RSA_PSS_SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use countersign_evidence::HashRule;

    use super::*;

    const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

    fn key(kind: KeyKind) -> PrivateKey {
        PrivateKey::generate(kind).unwrap()
    }

    #[track_caller]
    fn signs(key: &PrivateKey, rule: HashRule) {
        let signature = key.sign_message(b"message").unwrap();
        assert_eq!(key.public.verify(rule, b"message", &signature).unwrap(), key.scheme());
        assert!(key.public.verify(rule, b"massage", &signature).is_err());
    }

    #[test]
    fn each_curve_signs_with_each_hash_as_the_verifier_expects() {
        for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521] {
            for hash in HASHES {
                signs(&key(kind).using(Scheme::Ecdsa(hash)).unwrap(), HashRule::Exactly(hash));
            }
        }
    }

    #[test]
    fn both_schemes_of_ed25519_and_all_of_rsa_verify() {
        for scheme in [Scheme::Ed25519, Scheme::Ed25519ph] {
            signs(&key(KeyKind::Ed25519).using(scheme).unwrap(), HashRule::Natural);
        }
        let mut rsa = key(KeyKind::Rsa { bits: 2048 });
        for hash in HASHES {
            for scheme in [Scheme::RsaPkcs1(hash), Scheme::RsaPss(hash)] {
                rsa = rsa.using(scheme).unwrap();
                signs(&rsa, HashRule::Exactly(hash));
            }
        }
    }

    #[test]
    fn a_key_signs_as_plain_cosign_verifies() {
        for (kind, scheme) in [
            (KeyKind::EcdsaP256, Scheme::Ecdsa(Hash::Sha256)),
            (KeyKind::EcdsaP384, Scheme::Ecdsa(Hash::Sha256)),
            (KeyKind::EcdsaP521, Scheme::Ecdsa(Hash::Sha256)),
            (KeyKind::Ed25519, Scheme::Ed25519),
            (KeyKind::Rsa { bits: 2048 }, Scheme::RsaPkcs1(Hash::Sha256)),
        ] {
            assert_eq!(key(kind).scheme(), scheme);
            signs(&key(kind), HashRule::Exactly(Hash::Sha256));
        }
    }

    #[test]
    fn a_scheme_of_another_kind_is_refused() {
        for (kind, scheme) in [
            (KeyKind::EcdsaP256, Scheme::Ed25519),
            (KeyKind::EcdsaP521, Scheme::Ecdsa(Hash::Sha224)),
            (KeyKind::EcdsaP256, Scheme::RsaPss(Hash::Sha256)),
            (KeyKind::Ed25519, Scheme::Ecdsa(Hash::Sha256)),
            (KeyKind::Rsa { bits: 2048 }, Scheme::RsaPkcs1(Hash::Sha224)),
            (KeyKind::Rsa { bits: 2048 }, Scheme::Ed25519ph),
        ] {
            assert_eq!(
                key(kind).using(scheme).unwrap_err(),
                SignerError::Scheme { kind, scheme }
            );
        }
    }

    #[test]
    fn a_hash_is_cut_on_the_right_and_padded_on_the_left() {
        assert_eq!(fitted(&[1, 2, 3], 2), [1, 2]);
        assert_eq!(fitted(&[1, 2, 3], 3), [1, 2, 3]);
        assert_eq!(fitted(&[1, 2, 3], 5), [0, 0, 1, 2, 3]);
    }
}
