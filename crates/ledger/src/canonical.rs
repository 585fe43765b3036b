//! Canonical JSON (RFC 8785), of documents without fractions.
//!
//! Fractions are where canonical forms go wrong, and no entry needs one: numbers are integers that every reader has whole. So
//! what is left of the RFC is the order of keys and the spelling of texts. The published crate (`serde_json_canonicalizer`
//! 0.4) takes every number through a float, which silently makes another one of a large integer, and switches a feature
//! of serde_json on for the whole house; hence our own.

use serde_json::{Map, Value};
use thiserror::Error;

/// The largest integer, either way, that a float has whole.
const MAX_INTEGER: u64 = (1 << 53) - 1;
/// How deep a document nests at most.
const MAX_DEPTH: usize = 16;

/// The canonical bytes of a document.
pub fn canonical(document: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut bytes = Vec::new();
    write(document, &mut bytes, 0)?;
    Ok(bytes)
}

fn write(value: &Value, bytes: &mut Vec<u8>, depth: usize) -> Result<(), CanonicalError> {
    if depth > MAX_DEPTH {
        return Err(CanonicalError::TooDeep);
    }
    match value {
        Value::Null => bytes.extend(b"null"),
        Value::Bool(true) => bytes.extend(b"true"),
        Value::Bool(false) => bytes.extend(b"false"),
        Value::Number(number) => {
            let whole = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if whole.is_none_or(|whole| whole > MAX_INTEGER) {
                return Err(CanonicalError::Number);
            }
            bytes.extend(number.to_string().as_bytes());
        }
        Value::String(text) => write_text(text, bytes),
        Value::Array(values) => {
            bytes.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    bytes.push(b',');
                }
                write(value, bytes, depth + 1)?;
            }
            bytes.push(b']');
        }
        Value::Object(members) => write_object(members, bytes, depth)?,
    }
    Ok(())
}

fn write_object(members: &Map<String, Value>, bytes: &mut Vec<u8>, depth: usize) -> Result<(), CanonicalError> {
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    // Section 3.2.3: by UTF-16, which is not the order of UTF-8 beyond the first plane.
    members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    bytes.push(b'{');
    for (at, (key, value)) in members.into_iter().enumerate() {
        if at > 0 {
            bytes.push(b',');
        }
        write_text(key, bytes);
        bytes.push(b':');
        write(value, bytes, depth + 1)?;
    }
    bytes.push(b'}');
    Ok(())
}

/// Section 3.2.2.2.
fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    for character in text.chars() {
        match character {
            '"' => bytes.extend(b"\\\""),
            '\\' => bytes.extend(b"\\\\"),
            '\u{8}' => bytes.extend(b"\\b"),
            '\t' => bytes.extend(b"\\t"),
            '\n' => bytes.extend(b"\\n"),
            '\u{c}' => bytes.extend(b"\\f"),
            '\r' => bytes.extend(b"\\r"),
            ..' ' => bytes.extend(format!("\\u{:04x}", u32::from(character)).as_bytes()),
            _ => bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.push(b'"');
}

/// Why a document has no canonical form here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// A number is no integer, or one that not every reader has whole.
    #[error("a number is not an integer between -{MAX_INTEGER} and {MAX_INTEGER}")]
    Number,
    /// It nests too deep.
    #[error("the document nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(document: &Value) -> String {
        String::from_utf8(canonical(document).unwrap()).unwrap()
    }

    /// RFC 8785, section 3.2.3: the keys of its example come in this order.
    #[test]
    fn keys_are_in_the_order_of_utf_16() {
        let document = json!({
            "\u{20ac}": "Euro Sign",
            "\r": "Carriage Return",
            "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One",
            "\u{1f600}": "Emoji: Grinning Face",
            "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let expected = [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        ];
        let written = text(&document);
        let places = expected.map(|value| written.find(value).unwrap());
        assert!(places.is_sorted(), "{written}");
    }

    /// RFC 8785, section 3.2.2, without its fractions: its texts and literals.
    #[test]
    fn texts_have_one_spelling() {
        let document = json!({
            "string": "\u{20ac}$\u{f}\u{a}A'\u{42}\u{22}\u{5c}\\\"/",
            "literals": [null, true, false],
            "numbers": [0, -1, 9_007_199_254_740_991_u64],
        });
        let expected = concat!(
            r#"{"literals":[null,true,false],"numbers":[0,-1,9007199254740991],"#,
            r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        assert_eq!(text(&document), expected);
        assert_eq!(
            text(&json!("\u{8}\t\u{c}\r\u{1f}\u{7f}\u{2028}")),
            "\"\\b\\t\\f\\r\\u001f\u{7f}\u{2028}\""
        );
    }

    #[test]
    fn fractions_and_large_numbers_have_none() {
        for number in [
            json!(0.5),
            json!(1e30),
            json!(1.0),
            json!(9_007_199_254_740_992_u64),
            json!(i64::MIN),
            json!(u64::MAX),
        ] {
            assert_eq!(canonical(&json!([number])), Err(CanonicalError::Number), "{number}");
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth| (0..depth).fold(json!(0), |inside, _| json!([inside]));
        assert!(canonical(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(canonical(&nested(MAX_DEPTH + 1)), Err(CanonicalError::TooDeep));
    }
}
