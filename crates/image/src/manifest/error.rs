//! Why bytes are not a manifest or an index that everybody reads the same way.

use std::fmt;

use thiserror::Error;

use crate::json::JsonError;

/// Who says what a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Its own `mediaType`.
    Document,
    /// The `Content-Type` it was served with.
    ContentType,
    /// The descriptor that led to it.
    Descriptor,
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Document => "the document's `mediaType`",
            Self::ContentType => "its `Content-Type`",
            Self::Descriptor => "its descriptor",
        })
    }
}

/// Why bytes are not a manifest or an index that everybody reads the same way.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The document is larger than is read.
    #[error("the manifest has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// The document is not a strict JSON object, or a field is of the wrong type.
    #[error("the manifest is not readable")]
    Json(#[source] JsonError),
    /// A key differs from a known one in case alone, so that some readers take it for that one.
    #[error("the manifest has `{found}` where `{expected}` is known")]
    Misspelt {
        /// The key.
        found: String,
        /// The key that it resembles.
        expected: &'static str,
    },
    /// There is no `schemaVersion`.
    #[error("the manifest has no `schemaVersion`")]
    NoSchemaVersion,
    /// `schemaVersion` is neither 1 nor 2.
    #[error("the manifest has `schemaVersion` {found}, and 2 is the only one known")]
    SchemaVersion {
        /// The version.
        found: u64,
    },
    /// The document is a Docker manifest of schema 1.
    #[error("the manifest is of Docker's schema 1, which is not supported; push the image again with a current client")]
    DockerSchema1,
    /// The document can be read as two things.
    #[error("the manifest has both `{one}` and `{other}`")]
    Ambiguous {
        /// One field.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The document is neither a manifest nor an index.
    #[error("the manifest has neither `layers` nor `manifests`")]
    Neither,
    /// A manifest has no configuration.
    #[error("the manifest has no `config`")]
    NoConfig,
    /// Two voices disagree about what the document is.
    #[error("{first} says `{expected}`, {second} says `{found}`")]
    MediaTypes {
        /// Who spoke first.
        first: Voice,
        /// What it says.
        expected: String,
        /// Who disagrees.
        second: Voice,
        /// What it says.
        found: String,
    },
    /// The media type is not that of a manifest or an index.
    #[error("media type `{found}` is neither an image manifest's nor an image index's")]
    UnknownMediaType {
        /// The media type.
        found: String,
    },
    /// The media type is that of the other kind of document.
    #[error("media type `{media_type}` and a list of `{list}` do not go together")]
    WrongList {
        /// The media type.
        media_type: String,
        /// The list that is there.
        list: &'static str,
    },
    /// A list is longer than is read.
    #[error("the manifest lists {found} `{list}`, and {limit} are the most")]
    TooMany {
        /// The list.
        list: &'static str,
        /// The limit.
        limit: usize,
        /// The number of entries.
        found: usize,
    },
}
