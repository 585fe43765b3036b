//! cosign's encrypted private key: PKCS#8 in a NaCl secretbox, under a key that scrypt derives from the password.
//!
//! The format is `secure-systems-lab/go-securesystemslib/encrypted`, a JSON document in a PEM block:
//! ```json
//! {"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":"…"},
//!  "cipher":{"name":"nacl/secretbox","nonce":"…"},"ciphertext":"…"}
//! ```
//! The document says how much memory and time its own opening takes, and whoever may write the file chooses it: like the
//! Go package, only the parameters that were ever written are accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_image::json;
use countersign_image::text::excerpt;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{Key, KeyInit, Nonce, XSalsa20Poly1305};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::Password;
use crate::pem::MAX_QUOTED;

/// The label that cosign writes today; the older `ENCRYPTED COSIGN PRIVATE KEY` is read as well.
pub(crate) const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";

const KDF: &str = "scrypt";
const CIPHER: &str = "nacl/secretbox";
const SALT_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;
const KEY_LENGTH: usize = 32;
/// Salts of other writers may be longer than ours, within reason.
const MAX_SALT_LENGTH: usize = 64;

/// log₂ N of the three parameter sets of the Go package, all with r = 8 and p = 1: `Legacy` (cosign 1), `Standard` (since
/// cosign 2, 64 MiB) and `OWASP`.
const ACCEPTED_LOG_N: [u8; 3] = [15, 16, 17];
const WRITTEN_LOG_N: u8 = 16;
const R: u32 = 8;
const P: u32 = 1;

/// Why an encrypted key did not open.
#[derive(Debug, thiserror::Error)]
pub enum SealedKeyError {
    /// The block's body is not the JSON document.
    #[error("the body of the encrypted key is not the JSON document that cosign writes")]
    Json(#[source] json::JsonError),
    /// Another key derivation than scrypt.
    #[error("the key is derived by `{found}`: expected `scrypt`")]
    Kdf {
        /// The name in the document.
        found: String,
    },
    /// scrypt with a cost that no version of cosign writes.
    #[error("scrypt with N={n}, r={r}, p={p} is refused: expected N of 32768, 65536 or 131072 with r=8 and p=1")]
    KdfParameters {
        /// CPU and memory cost.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelisation.
        p: u64,
    },
    /// Another cipher than secretbox.
    #[error("the key is encrypted by `{found}`: expected `nacl/secretbox`")]
    Cipher {
        /// The name in the document.
        found: String,
    },
    /// A field that is not base64.
    #[error("`{field}` of the encrypted key is not base64")]
    Base64 {
        /// Path of the field in the document.
        field: &'static str,
        /// What the decoder found.
        source: base64::DecodeError,
    },
    /// A field of another length than its purpose needs.
    #[error("`{field}` of the encrypted key has {found} bytes: expected {expected}")]
    Length {
        /// Path of the field in the document.
        field: &'static str,
        /// Its length in bytes.
        found: usize,
        /// What is accepted, in words.
        expected: &'static str,
    },
    /// The box does not open: the two cases cannot be told apart.
    #[error("wrong password (or the file was altered): the key does not open")]
    WrongPassword,
}

#[derive(Deserialize, Serialize)]
struct Document {
    kdf: KdfDocument,
    cipher: CipherDocument,
    ciphertext: String,
}

#[derive(Deserialize, Serialize)]
struct KdfDocument {
    name: String,
    params: ParamsDocument,
    salt: String,
}

#[derive(Deserialize, Serialize)]
struct ParamsDocument {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Deserialize, Serialize)]
struct CipherDocument {
    name: String,
    nonce: String,
}

/// An encrypted key as its file states it, within the limits, and not opened.
pub struct SealedKey {
    log_n: u8,
    salt: Vec<u8>,
    nonce: [u8; NONCE_LENGTH],
    ciphertext: Vec<u8>,
}

impl SealedKey {
    /// Reads the body of the PEM block. It costs nothing but reading: scrypt runs only when the key is opened.
    pub fn parse(body: &[u8]) -> Result<Self, SealedKeyError> {
        let document: Document = json::strict(body).map_err(SealedKeyError::Json)?;
        if document.kdf.name != KDF {
            return Err(SealedKeyError::Kdf {
                found: excerpt(&document.kdf.name, MAX_QUOTED),
            });
        }
        if document.cipher.name != CIPHER {
            return Err(SealedKeyError::Cipher {
                found: excerpt(&document.cipher.name, MAX_QUOTED),
            });
        }
        let log_n = accepted(&document.kdf.params)?;
        let salt = field("kdf.salt", &document.kdf.salt)?;
        if salt.is_empty() || salt.len() > MAX_SALT_LENGTH {
            return Err(SealedKeyError::Length {
                field: "kdf.salt",
                found: salt.len(),
                expected: "1 to 64",
            });
        }
        let nonce: [u8; NONCE_LENGTH] =
            field("cipher.nonce", &document.cipher.nonce)?
                .try_into()
                .map_err(|other: Vec<u8>| SealedKeyError::Length {
                    field: "cipher.nonce",
                    found: other.len(),
                    expected: "24",
                })?;
        let ciphertext = field("ciphertext", &document.ciphertext)?;
        Ok(Self {
            log_n,
            salt,
            nonce,
            ciphertext,
        })
    }

    /// How much memory opening it takes, in bytes: `128 · N · r` (RFC 7914, section 2).
    #[must_use]
    pub fn memory(&self) -> u64 {
        (128 << self.log_n) * u64::from(R)
    }

    fn open(&self, password: &Password) -> Result<Zeroizing<Vec<u8>>, SealedKeyError> {
        let opened =
            secretbox(password, &self.salt, self.log_n).decrypt(&Nonce::from(self.nonce), self.ciphertext.as_slice());
        opened.map(Zeroizing::new).map_err(|_| SealedKeyError::WrongPassword)
    }
}

/// The PKCS#8 key inside.
pub(crate) fn open(body: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, SealedKeyError> {
    SealedKey::parse(body)?.open(password)
}

/// The document around `pkcs8`, for the given 32 bytes of salt and 24 of nonce, which must never be used twice.
pub(crate) fn seal(pkcs8: &[u8], password: &Password, salt: [u8; SALT_LENGTH], nonce: [u8; NONCE_LENGTH]) -> Vec<u8> {
    let ciphertext = secretbox(password, &salt, WRITTEN_LOG_N)
        .encrypt(&Nonce::from(nonce), pkcs8)
        .expect("secretbox fails only for associated data, and none is given");
    let document = Document {
        kdf: KdfDocument {
            name: KDF.to_owned(),
            params: ParamsDocument {
                n: 1 << WRITTEN_LOG_N,
                r: R.into(),
                p: P.into(),
            },
            salt: STANDARD.encode(salt),
        },
        cipher: CipherDocument {
            name: CIPHER.to_owned(),
            nonce: STANDARD.encode(nonce),
        },
        ciphertext: STANDARD.encode(ciphertext),
    };
    serde_json::to_vec(&document).expect("strings and numbers always have a JSON form")
}

fn accepted(params: &ParamsDocument) -> Result<u8, SealedKeyError> {
    let &ParamsDocument { n, r, p } = params;
    let log_n = ACCEPTED_LOG_N.into_iter().find(|&log_n| n == 1 << log_n);
    match log_n {
        Some(log_n) if r == u64::from(R) && p == u64::from(P) => Ok(log_n),
        _ => Err(SealedKeyError::KdfParameters { n, r, p }),
    }
}

fn secretbox(password: &Password, salt: &[u8], log_n: u8) -> XSalsa20Poly1305 {
    let params = scrypt::Params::new(log_n, R, P, KEY_LENGTH).expect("each accepted set of parameters is scrypt's");
    let mut derived = Zeroizing::new([0; KEY_LENGTH]);
    scrypt::scrypt(password.bytes(), salt, &params, derived.as_mut_slice()).expect("32 bytes can be derived");
    let mut key = Key::from(*derived);
    let cipher = XSalsa20Poly1305::new(&key);
    key.as_mut_slice().zeroize();
    cipher
}

fn field(name: &'static str, text: &str) -> Result<Vec<u8>, SealedKeyError> {
    STANDARD
        .decode(text)
        .map_err(|source| SealedKeyError::Base64 { field: name, source })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::{Value, json};

    use super::*;

    const SECRET: &[u8] = b"not really PKCS#8";

    /// Made once: scrypt takes its time, as it should.
    static SEALED: LazyLock<Value> = LazyLock::new(|| {
        let body = seal(SECRET, &Password::new("tiger"), [1; SALT_LENGTH], [2; NONCE_LENGTH]);
        serde_json::from_slice(&body).unwrap()
    });

    fn sealed() -> Value {
        SEALED.clone()
    }

    fn opened(document: &Value, password: &str) -> Result<Zeroizing<Vec<u8>>, SealedKeyError> {
        open(document.to_string().as_bytes(), &Password::new(password))
    }

    fn with(pointer: &str, value: Value) -> SealedKeyError {
        let mut document = sealed();
        *document.pointer_mut(pointer).unwrap() = value;
        opened(&document, "tiger").expect_err(pointer)
    }

    #[test]
    fn what_was_sealed_opens_with_its_password_alone() {
        let document = sealed();
        assert_eq!(opened(&document, "tiger").unwrap().as_slice(), SECRET);
        for wrong in ["", "Tiger", "tiger "] {
            assert!(
                matches!(opened(&document, wrong), Err(SealedKeyError::WrongPassword)),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn the_three_costs_that_were_ever_written_open_and_no_other() {
        let password = Password::new("tiger");
        for log_n in ACCEPTED_LOG_N {
            let ciphertext = secretbox(&password, &[1; 32], log_n)
                .encrypt(&Nonce::from([2; 24]), SECRET)
                .unwrap();
            let mut document = sealed();
            document["kdf"]["params"]["N"] = json!(1_u64 << log_n);
            document["ciphertext"] = json!(STANDARD.encode(ciphertext));
            assert_eq!(opened(&document, "tiger").unwrap().as_slice(), SECRET, "{log_n}");
        }
        for (pointer, value) in [
            ("/kdf/params/N", json!(0)),
            ("/kdf/params/N", json!(16384)),
            ("/kdf/params/N", json!(65537)),
            ("/kdf/params/N", json!(1_u64 << 30)),
            ("/kdf/params/N", json!(u64::MAX)),
            ("/kdf/params/r", json!(1024)),
            ("/kdf/params/p", json!(0)),
            ("/kdf/params/p", json!(1_000_000)),
        ] {
            let error = with(pointer, value);
            assert!(
                matches!(error, SealedKeyError::KdfParameters { .. }),
                "{pointer}: {error}"
            );
        }
    }

    #[test]
    fn each_part_of_the_document_has_its_own_error() {
        assert!(matches!(with("/kdf/name", json!("argon2id")), SealedKeyError::Kdf { found } if found == "argon2id"));
        assert!(matches!(with("/cipher/name", json!("aes")), SealedKeyError::Cipher { found } if found == "aes"));
        assert!(matches!(with("/kdf/params/N", json!(-1)), SealedKeyError::Json(_)));
        assert!(matches!(with("/ciphertext", json!("")), SealedKeyError::WrongPassword));
        assert!(matches!(with("/ciphertext", json!(null)), SealedKeyError::Json(_)));
        for (pointer, field) in [
            ("/kdf/salt", "kdf.salt"),
            ("/cipher/nonce", "cipher.nonce"),
            ("/ciphertext", "ciphertext"),
        ] {
            let error = with(pointer, json!("*"));
            assert!(
                matches!(error, SealedKeyError::Base64 { field: found, .. } if found == field),
                "{pointer}"
            );
        }
        for (pointer, length) in [
            ("/kdf/salt", 0),
            ("/kdf/salt", 65),
            ("/cipher/nonce", 23),
            ("/cipher/nonce", 25),
        ] {
            let error = with(pointer, json!(STANDARD.encode(vec![0; length])));
            assert!(
                matches!(error, SealedKeyError::Length { found, .. } if found == length),
                "{pointer} {length}"
            );
        }
    }

    #[test]
    fn a_field_twice_is_refused() {
        let document = sealed()
            .to_string()
            .replacen("{\"cipher\":", "{\"ciphertext\":\"AAAA\",\"cipher\":", 1);
        let error = open(document.as_bytes(), &Password::new("tiger")).unwrap_err();
        assert!(matches!(error, SealedKeyError::Json(_)), "{error}");
    }
}
