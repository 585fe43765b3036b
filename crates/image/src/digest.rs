//! A digest: the name that cannot move.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::text::excerpt;

/// The hash functions that the OCI image specification registers ("Registered Algorithms").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, the one nearly every registry uses.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name before the colon: `sha256` or `sha512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many bytes a digest of this algorithm has.
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The digest of some bytes, written `sha256:<lower-case hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// Zero beyond the algorithm's length, so that the derived comparisons are right.
    bytes: [u8; 64],
}

impl Digest {
    /// The digest of `bytes` under `algorithm`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let function = match algorithm {
            Algorithm::Sha256 => &aws_lc_rs::digest::SHA256,
            Algorithm::Sha512 => &aws_lc_rs::digest::SHA512,
        };
        Self::from_raw(algorithm, aws_lc_rs::digest::digest(function, bytes).as_ref())
            .expect("a hash function's output has the length of its algorithm")
    }

    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// A digest from its raw bytes; `None` if their number is not the algorithm's.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Option<Self> {
        if raw.len() != algorithm.length() {
            return None;
        }
        let mut bytes = [0; 64];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { algorithm, bytes })
    }

    /// Reads `sha256:<64 hex>` or `sha512:<128 hex>`, lower case only.
    ///
    /// Upper-case hex is refused as the OCI image specification demands: two spellings of one digest would be two keys
    /// in every cache and two tags in a registry.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text.split_once(':').ok_or(DigestError::NoAlgorithm)?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => {
                return Err(DigestError::UnknownAlgorithm {
                    found: excerpt(name, 40),
                });
            }
        };
        let expected = algorithm.length() * 2;
        if hex.len() != expected {
            return Err(DigestError::Length {
                algorithm,
                expected,
                found: hex.len(),
            });
        }
        if let Some((at, found)) = hex.char_indices().find(|(_, c)| !matches!(c, '0'..='9' | 'a'..='f')) {
            return Err(DigestError::NotLowerHex {
                found,
                at: name.len() + at + 2,
            });
        }
        let mut bytes = [0; 64];
        hex::decode_to_slice(hex, &mut bytes[..algorithm.length()]).expect("so many hex digits decode to that length");
        Ok(Self { algorithm, bytes })
    }

    /// Which hash function made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The part after the colon, in lower case.
    pub fn hex(&self) -> String {
        let raw = self.raw();
        let mut text = vec![0; raw.len() * 2];
        hex::encode_to_slice(raw, &mut text).expect("two characters for each byte");
        String::from_utf8(text).expect("the characters are ASCII")
    }

    /// The hash as bytes: 32 or 64 of them.
    pub fn raw(&self) -> &[u8] {
        &self.bytes[..self.algorithm.length()]
    }

    /// Whether `bytes` hash to this digest.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        Self::of(self.algorithm, bytes) == *self
    }

    /// The digest as the beginning of a tag, `sha256-<hex>`: cosign's signature tags and the referrers tag schema of the
    /// OCI distribution specification.
    pub fn tag_form(&self) -> String {
        format!("{}-{}", self.algorithm, self.hex())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece, and on the stack: a decision writes dozens of them.
        let mut text = [b':'; 7 + 2 * 64];
        let name = self.algorithm.name().as_bytes();
        let (begin, rest) = text.split_at_mut(name.len() + 1);
        begin[..name.len()].copy_from_slice(name);
        let hex = &mut rest[..2 * self.algorithm.length()];
        hex::encode_to_slice(self.raw(), hex).expect("two characters for each byte");
        let length = begin.len() + hex.len();
        f.write_str(std::str::from_utf8(&text[..length]).expect("the characters are ASCII"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::parse(text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DigestError {
    /// There is no colon, so nothing names the hash function.
    #[error("a digest is written `algorithm:hex`, and there is no `:`")]
    NoAlgorithm,
    /// The hash function is not one that is registered for images.
    #[error("digest algorithm `{found}` is not known; `sha256` and `sha512` are")]
    UnknownAlgorithm {
        /// The name before the colon, shortened.
        found: String,
    },
    /// The number of hex digits is not the algorithm's.
    #[error("a {algorithm} digest has {expected} hex digits, this one has {found}")]
    Length {
        /// The algorithm named.
        algorithm: Algorithm,
        /// Its number of hex digits.
        expected: usize,
        /// How many there are, in bytes of text.
        found: usize,
    },
    /// A character is not a lower-case hex digit.
    #[error("`{}` at position {at} of the digest is not a lower-case hex digit", found.escape_debug())]
    NotLowerHex {
        /// The offending character.
        found: char,
        /// Its position in the digest, from 1.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY_256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_names_the_bytes_it_was_made_of() {
        let digest = Digest::sha256(b"");
        assert_eq!(digest.to_string(), EMPTY_256);
        assert_eq!(digest, EMPTY_256.parse().unwrap());
        assert_eq!(digest.tag_form(), EMPTY_256.replace(':', "-"));
        assert!(digest.matches(b"") && !digest.matches(b" "));
        let long = Digest::of(Algorithm::Sha512, b"");
        assert!(long.to_string().starts_with("sha512:cf83e1357eefb8bd") && long.raw().len() == 64);
        assert_ne!(long, digest);
    }

    #[test]
    fn other_spellings_are_refused_with_the_reason() {
        use Algorithm::{Sha256, Sha512};
        use DigestError as E;
        let hex = &EMPTY_256[7..];
        let cases = [
            (String::new(), E::NoAlgorithm),
            (hex.to_owned(), E::NoAlgorithm),
            (format!("sha1:{hex}"), E::UnknownAlgorithm { found: "sha1".into() }),
            (format!("SHA256:{hex}"), E::UnknownAlgorithm { found: "SHA256".into() }),
            (
                format!(" sha256:{hex}"),
                E::UnknownAlgorithm {
                    found: " sha256".into(),
                },
            ),
            (
                format!("{}:", "x".repeat(99)),
                E::UnknownAlgorithm { found: "x".repeat(40) },
            ),
            (
                "sha256:".to_owned(),
                E::Length {
                    algorithm: Sha256,
                    expected: 64,
                    found: 0,
                },
            ),
            (
                format!("sha512:{hex}"),
                E::Length {
                    algorithm: Sha512,
                    expected: 128,
                    found: 64,
                },
            ),
            (
                format!("sha256:{hex}0"),
                E::Length {
                    algorithm: Sha256,
                    expected: 64,
                    found: 65,
                },
            ),
            (
                format!("sha256:{}", hex.to_uppercase()),
                E::NotLowerHex { found: 'E', at: 8 },
            ),
            (format!("sha256:{}:", &hex[1..]), E::NotLowerHex { found: ':', at: 71 }),
            (format!("sha256:{}é", &hex[2..]), E::NotLowerHex { found: 'é', at: 70 }),
        ];
        for (text, expected) in cases {
            assert_eq!(Digest::parse(&text), Err(expected), "`{text}`");
        }
    }

    #[test]
    fn in_documents_a_digest_is_a_text() {
        let digest = Digest::sha256(b"");
        assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{EMPTY_256}\""));
        assert_eq!(
            serde_json::from_str::<Digest>(&format!("\"{EMPTY_256}\"")).unwrap(),
            digest
        );
        assert!(serde_json::from_str::<Digest>("\"sha256:00\"").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_orders_as_written(a: Vec<u8>, b: Vec<u8>) {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let (a, b) = (Digest::of(algorithm, &a), Digest::of(algorithm, &b));
                prop_assert_eq!(Digest::parse(&a.to_string()), Ok(a));
                prop_assert_eq!(Digest::from_raw(algorithm, a.raw()), Some(a));
                prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(sha256|sha512|\\PC{0,4}):?\\PC{0,70}") {
            if let Ok(digest) = Digest::parse(&text) {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
