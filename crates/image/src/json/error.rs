//! Why bytes are refused, quoting as little of them as helps.

use thiserror::Error;

use super::MAX_DEPTH;
use crate::text::excerpt;

/// The most characters of a document that an error repeats.
pub(super) const MAX_QUOTED: usize = 120;

/// Why bytes are not a strict JSON document of the wanted shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A byte sequence is not UTF-8.
    #[error("the document is not UTF-8 after byte {at}")]
    NotUtf8 {
        /// How many bytes before it are.
        at: usize,
    },
    /// One object has a key twice.
    #[error("key `{key}` appears twice in {}", place(.path))]
    DuplicateKey {
        /// The key, shortened.
        key: String,
        /// The object that has it, as a JSON pointer (RFC 6901), shortened; empty for the document itself.
        path: String,
    },
    /// A key that our own reader takes for an instruction: the text under it would be read as a document of its own, by us
    /// and by nobody else, and by nobody strictly.
    #[error("key `{key}` in {} is reserved", place(.path))]
    ReservedKey {
        /// The key, shortened.
        key: String,
        /// The object that has it, as a JSON pointer (RFC 6901), shortened; empty for the document itself.
        path: String,
    },
    /// Objects and arrays nest too deep.
    #[error("the document nests deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document is not JSON, is not whole, is followed by something, or is not of the shape that was wanted.
    #[error("{detail} at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, shortened.
        detail: String,
    },
}

fn place(path: &str) -> String {
    if path.is_empty() {
        "the document".to_owned()
    } else {
        format!("`{path}`")
    }
}

pub(super) fn shorten(text: &str) -> String {
    excerpt(text, MAX_QUOTED)
}

pub(super) fn malformed(error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    // The position is a field of its own.
    let detail = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    JsonError::Malformed {
        line,
        column,
        detail: shorten(detail),
    }
}

/// What a walk refuses by itself. It is kept apart from the deserializer's error, which is only a text.
pub(super) enum Refusal {
    Duplicate(String),
    Reserved(String),
    TooDeep,
}

impl Refusal {
    /// With the way to the object that it is about, from the innermost place to the outermost.
    pub(super) fn at(self, way: &[String]) -> JsonError {
        let pointer = || {
            let places = way.iter().rev();
            let escaped = places.map(|place| format!("/{}", place.replace('~', "~0").replace('/', "~1")));
            shorten(&escaped.collect::<String>())
        };
        match self {
            Self::Duplicate(key) => JsonError::DuplicateKey {
                key: shorten(&key),
                path: pointer(),
            },
            Self::Reserved(key) => JsonError::ReservedKey {
                key: shorten(&key),
                path: pointer(),
            },
            Self::TooDeep => JsonError::TooDeep { limit: MAX_DEPTH },
        }
    }
}
