//! base64 and numbers as the formats of this crate write them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

const PADDED: GeneralPurposeConfig = GeneralPurposeConfig::new();
const BARE: GeneralPurposeConfig = PADDED.with_decode_padding_mode(DecodePaddingMode::RequireNone);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED);
const STANDARD_BARE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, BARE);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED);
const URL_SAFE_BARE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, BARE);

/// Reads base64 in either alphabet, padded in full or not at all: DSSE allows both alphabets, protobuf's JSON both of
/// either. Bits that say nothing must be zero. Line ends around the text are read over, because `cosign attach signature`
/// stores a file as it is.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, NotBase64> {
    let text = text.trim_matches(['\r', '\n']);
    let engine = match (text.contains(['-', '_']), text.ends_with('=')) {
        (false, true) => &STANDARD,
        (false, false) => &STANDARD_BARE,
        (true, true) => &URL_SAFE,
        (true, false) => &URL_SAFE_BARE,
    };
    engine.decode(text).map_err(|error| NotBase64 {
        detail: error.to_string(),
    })
}

/// A 64-bit number, which protobuf's JSON writes as a text; none of ours is negative or beyond what protobuf's `int64`
/// holds.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(u64),
    }
    use serde::de::Error as _;
    let number = match Option::<Written>::deserialize(deserializer)? {
        None => 0,
        Some(Written::Number(number)) => number,
        Some(Written::Text(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map_err(D::Error::custom)?
        }
        Some(Written::Text(_)) => return Err(D::Error::custom("not a number from 0")),
    };
    if i64::try_from(number).is_err() {
        return Err(D::Error::custom("a number beyond 64 bits with sign"));
    }
    Ok(number)
}

/// Writes base64, standard alphabet, padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Writes base64 at the end of a text, standard alphabet, padded.
pub(crate) fn encode_into(bytes: &[u8], text: &mut String) {
    base64::engine::general_purpose::STANDARD.encode_string(bytes, text);
}

/// A text that is not base64.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not base64: {detail}")]
pub struct NotBase64 {
    /// What is wrong, in the decoder's words.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        for text in [
            "+/+/+w==",
            "+/+/+w",
            "-_-_-w==",
            "-_-_-w",
            "+/+/+w==\n",
            "\r\n-_-_-w\r\n",
        ] {
            assert_eq!(decode(text).unwrap(), [0xfb, 0xff, 0xbf, 0xfb], "`{text}`");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["a", "+_+_", "a b=", "YQ=", "YR==", "Y\nQ==", "YQ==YQ==", "é", "YQ== "] {
            assert!(decode(text).is_err(), "`{text}`");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }
    }
}
