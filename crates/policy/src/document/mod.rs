//! Policies as written: files of YAML or JSON, read strictly, with the line and column of whatever is wrong.

mod envelope;
pub(crate) mod faults;
pub(crate) mod fields;
mod position;
mod stream;
pub(crate) mod tree;
pub(crate) mod written;

use std::sync::Arc;

use thiserror::Error;

use self::envelope::Reader;
pub use self::position::SourcePosition;
pub use self::written::{MAX_AUTHORITIES, MAX_IMAGES, MAX_MATCHES, MAX_OF_AUTHORITY};
use crate::meaning::Policy;
use crate::set::Broken;
use crate::trust::{BrokenTrustRoot, TrustRootDocument};

/// The largest policy file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 4 << 20;
/// The most documents that one file may hold, items of lists included.
pub const MAX_DOCUMENTS: usize = 10_000;

/// What a policy file holds.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Its policies and trust roots, readable and not, in order.
    pub documents: Vec<Document>,
    /// Everything that is wrong with it.
    pub errors: Vec<DocumentError>,
}

/// One document of a file.
#[derive(Clone, Debug)]
pub enum Document {
    /// A policy that can be understood.
    Policy(Arc<Policy>),
    /// One that cannot, and the images that it may have been meant to govern.
    Broken(Arc<Broken>),
    /// A trust root that policies may name.
    TrustRoot(Arc<TrustRootDocument>),
    /// One that cannot be understood.
    BrokenTrustRoot(Arc<BrokenTrustRoot>),
}

/// One thing that is wrong with a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct DocumentError {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Line, from one.
    pub line: u64,
    /// Column in characters, from one.
    pub column: u64,
    /// The field, `spec.authorities[0].key`; empty for the document as a whole.
    pub path: String,
    /// What is wrong. Names the field; for what policy-controller refuses too, in its words.
    pub message: String,
}

/// Reads a policy file. Nothing is lost: what cannot be understood is an error, and a broken document beside the others.
pub fn parse(file: &str, text: &str) -> Parsed {
    let mut reader = Reader::of(file);
    if text.len() > MAX_FILE_BYTES {
        let found = text.len();
        reader.unreadable(
            1,
            1,
            format!("the file has {found} bytes, and at most {MAX_FILE_BYTES} are read"),
        );
        return reader.into_parsed();
    }
    for piece in stream::pieces(text) {
        match tree::Node::parse(piece.text) {
            Ok(mut node) => {
                node.shift(piece.lines_before);
                reader.document(&node);
            }
            Err((at, message)) => reader.unreadable(at.line + piece.lines_before, at.column, message),
        }
        if reader.is_full() {
            break;
        }
    }
    reader.into_parsed()
}

#[cfg(test)]
mod tests;
