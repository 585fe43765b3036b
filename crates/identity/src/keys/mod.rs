//! The keys of an issuer: a JSON Web Key Set (RFC 7517), of which only what can sign a token for us is kept.

mod ring;
mod source;

use std::sync::Arc;

use aws_lc_rs::signature;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_image::json;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::ring::Ring;
pub(crate) use self::source::Source;
use crate::refused::{Code, Refused};
use crate::token::{SignedWith, repeated};

/// The most bytes of a key set.
pub(crate) const MAX_SET: usize = 256 * 1024;
/// The most keys in one.
const MAX_KEYS: usize = 100;
/// In bits. What is shorter is broken; what is longer costs us time that a stranger would spend.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// One key, for the one algorithm that fits it.
pub(crate) struct Key {
    id: Option<String>,
    signs: SignedWith,
    key: DecodingKey,
}

impl Key {
    pub(crate) fn has_signed(&self, message: &[u8], signature: &str, with: SignedWith) -> bool {
        self.signs == with
            && jsonwebtoken::crypto::verify(signature, message, &self.key, with.algorithm()).unwrap_or(false)
    }
}

/// What can sign.
pub(crate) struct KeySet {
    keys: Vec<Arc<Key>>,
}

/// Why a key set is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SetError {
    #[error("expected a JSON Web Key Set (RFC 7517)")]
    Form,
    #[error("the key set has {found} keys, and the limit is {MAX_KEYS}")]
    TooMany { found: usize },
    #[error("none of the {found} keys in the key set is one for `RS256`, `ES256` or `EdDSA`")]
    NoneUsable { found: usize },
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Map<String, Value>>,
}

impl KeySet {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, SetError> {
        let set: Set = json::strict(bytes).map_err(|_| SetError::Form)?;
        let found = set.keys.len();
        if found > MAX_KEYS {
            return Err(SetError::TooMany { found });
        }
        let keys: Vec<_> = set.keys.iter().filter_map(key).map(Arc::new).collect();
        if keys.is_empty() {
            return Err(SetError::NoneUsable { found });
        }
        Ok(Self { keys })
    }

    /// The key that a token names; where there is only one, it need not be named.
    pub(crate) fn find(&self, id: Option<&str>, with: SignedWith) -> Result<Arc<Key>, Refused> {
        let Some(id) = id else {
            return match self.keys.as_slice() {
                [only] if only.signs == with => Ok(Arc::clone(only)),
                [_] => Err(Refused::new(
                    Code::KeyUnknown,
                    "the issuer's only key is for another algorithm",
                )),
                keys => {
                    let count = keys.len();
                    let what = format!("it has no `kid`, and its issuer has {count} keys");
                    Err(Refused::new(Code::KeyNeeded, what))
                }
            };
        };
        let named = |key: &&Arc<Key>| key.id.as_deref() == Some(id) && key.signs == with;
        self.keys.iter().find(named).map(Arc::clone).ok_or_else(|| {
            let what = format!("its issuer has no key `{}` for its algorithm", repeated(id));
            Refused::new(Code::KeyUnknown, what)
        })
    }
}

/// A key that can be used, or none: sets hold keys for others as well.
fn key(jwk: &serde_json::Map<String, Value>) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let (signs, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (modulus, exponent) = (bytes("n")?, bytes("e")?);
            let first = modulus.iter().position(|byte| *byte != 0)?;
            let bits = (modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize;
            if !RSA_BITS.contains(&bits) || exponent.len() > 4 {
                return None;
            }
            (
                SignedWith::Rs256,
                DecodingKey::from_rsa_raw_components(&modulus[first..], &exponent),
            )
        }
        ("EC", Some("P-256")) => {
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            let is_point = signature::ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &point).is_ok();
            is_point.then(|| (SignedWith::Es256, DecodingKey::from_ec_der(&point)))?
        }
        ("OKP", Some("Ed25519")) => {
            let point = bytes("x").filter(|point| point.len() == 32)?;
            (SignedWith::EdDsa, DecodingKey::from_ed_der(&point))
        }
        _ => return None,
    };
    let is_for_signatures = text("use").is_none_or(|used| used == "sig");
    let verifies = |operations: &Value| {
        operations
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one.as_str() == Some("verify")))
    };
    let fits = text("alg").is_none_or(|name| SignedWith::of(name) == Some(signs));
    // Who publishes the private half has no secret left to sign with.
    let is_public = !jwk.contains_key("d");
    let is_usable = is_for_signatures && jwk.get("key_ops").is_none_or(verifies) && fits && is_public;
    is_usable.then(|| Key {
        id: text("kid").map(str::to_owned),
        signs,
        key,
    })
}

/// For the fuzzer: whatever a set is, it is within limits, and no key of it fits two algorithms.
///
/// # Panics
/// Where a promise is broken.
pub fn examine_keys(bytes: &[u8]) {
    let Ok(set) = KeySet::read(bytes) else { return };
    assert!(!set.keys.is_empty() && set.keys.len() <= MAX_KEYS);
    for key in &set.keys {
        for with in [SignedWith::Rs256, SignedWith::Es256, SignedWith::EdDsa] {
            let found = set.find(key.id.as_deref(), with);
            assert!(found.is_err() || found.is_ok_and(|found| found.signs == with));
        }
        assert!(!key.has_signed(b"e30.e30", "c2lnbmF0dXJl", key.signs));
    }
}

#[cfg(test)]
mod tests;
