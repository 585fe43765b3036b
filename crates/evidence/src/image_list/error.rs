//! Why a list is none, is not its issuer's, or does not hold.

use countersign_image::{Digest, DigestError, JsonError, ReferenceError};
use jiff::Timestamp;
use thiserror::Error;

use super::{LIST_SUBJECT, TRUSTED_IMAGES};
use crate::refusal::VerifyError;

/// Why something is no list of images.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImageListError {
    /// The list is larger than is read and written.
    #[error("the list has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// Not strict JSON, or a field is missing, unknown or of the wrong type.
    #[error("the list is not readable")]
    Json(#[source] JsonError),
    /// The issuer is empty, too long, or does not print.
    #[error("the list's `issuer` `{found}` is not from 1 to {limit} bytes that print")]
    Issuer {
        /// The limit, in bytes.
        limit: usize,
        /// The issuer, shortened and made printable.
        found: String,
    },
    /// The version is none.
    #[error("the list's `version` is {found}, and from 1 to {limit} are read")]
    Version {
        /// The limit: what every reader of JSON holds without loss.
        limit: u64,
        /// The version.
        found: u64,
    },
    /// The list expires before it is issued.
    #[error("the list is issued at {issued} and expires at {expires}")]
    Times {
        /// When it is issued.
        issued: Timestamp,
        /// When it expires.
        expires: Timestamp,
    },
    /// There are too many images.
    #[error("the list has {found} images, and {limit} are the most")]
    TooMany {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// A repository's name cannot be read.
    #[error("the repository of image {at} is not readable")]
    Repository {
        /// Which image, counted from 1.
        at: usize,
        /// Why.
        #[source]
        source: ReferenceError,
    },
    /// A digest cannot be read.
    #[error("the digest of image {at} is not readable")]
    Digest {
        /// Which image, counted from 1.
        at: usize,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// An image is there twice, or before one that it belongs behind.
    #[error("image {at} is the same as the one before it, or belongs before it")]
    Order {
        /// Which image, counted from 1.
        at: usize,
    },
    /// The same could be written in another way, which is how it is written.
    #[error("the list has another spelling than its own, from byte {at} on")]
    Spelling {
        /// The first byte that is another.
        at: usize,
    },
}

/// Why a bundle is not the list of this issuer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotTheList {
    /// The bundle is larger than that of any list.
    #[error("the bundle has {found} bytes, and a list's has {limit} at most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// It cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It is a signature alone.
    #[error("the bundle holds a signature alone, and a list is in a statement")]
    NoStatement,
    /// It is a statement of another kind.
    #[error("a statement of type `{found}`, and a list is of type `{TRUSTED_IMAGES}`")]
    PredicateType {
        /// Its type, shortened.
        found: String,
    },
    /// The statement is about something else than the list in it, such as an image.
    #[error("the statement is not about the list in it alone, which is `{LIST_SUBJECT}` with the digest `{expected}`")]
    Subject {
        /// The digest of the list in it.
        expected: Box<Digest>,
    },
    /// What was signed is no list.
    #[error("what was signed is no list of images")]
    List(#[from] ImageListError),
    /// It is somebody else's list.
    #[error("the list is that of `{found}`, and that of `{expected}` is wanted")]
    Issuer {
        /// Whose list is wanted.
        expected: String,
        /// Whose it is.
        found: String,
    },
}

/// Why a list that its issuer signed does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotTrusted {
    /// It is no longer.
    #[error("the list expired at {expires}, and it is {now}")]
    Expired {
        /// When it expired.
        expires: Timestamp,
        /// The time.
        now: Timestamp,
    },
    /// It is not yet.
    #[error("the list is issued at {issued}, and it is {now}")]
    NotYet {
        /// When it is issued.
        issued: Timestamp,
        /// The time.
        now: Timestamp,
    },
    /// It does not follow the one that was seen.
    #[error(transparent)]
    RolledBack(#[from] RolledBack),
}

/// Why a list does not follow the one that a reader saw.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RolledBack {
    /// It is older.
    #[error("the list has version {found}, and version {seen} was seen before")]
    Older {
        /// The version that was seen.
        seen: u64,
        /// The version of this one.
        found: u64,
    },
    /// It has the same version, and other content.
    #[error("there are two lists of version {version}: `{}` was seen before, and this is `{}`", .documents.0, .documents.1)]
    Other {
        /// The version of both.
        version: u64,
        /// The digest of the one that was seen, and of this one.
        documents: Box<(Digest, Digest)>,
    },
}
