//! Why something is not an entry.

use countersign_image::JsonError;
use thiserror::Error;

use super::{EventType, Field, MAX_LEAF_BYTES, VERSION};
use crate::canonical::CanonicalError;

/// Why something cannot be written as an entry, or was not read as one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LeafError {
    /// It is too long.
    #[error("the entry has {found} bytes, and {MAX_LEAF_BYTES} are the most")]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// It is not JSON that everybody reads in one way, or an entry of this version has a field that it does not know.
    #[error("the entry is no strict JSON of this shape")]
    Json(#[from] JsonError),
    /// An entry of this version has fields of other names or kinds.
    #[error("the entry is not one of version {VERSION}: {detail}")]
    Shape {
        /// What is wrong, shortened.
        detail: String,
    },
    /// It has no canonical form.
    #[error("the entry has no canonical form")]
    Canonical(#[from] CanonicalError),
    /// It says the same as another sequence of bytes, and that one is what would be written.
    #[error("the entry is not in its canonical form from byte {at} on")]
    NotCanonical {
        /// How many bytes before it are.
        at: usize,
    },
    /// It says no version, or one that never was.
    #[error("the entry has no version from 1 on")]
    Version,
    /// A field that every entry has is missing, or is not written as it has to be.
    #[error("`{field}` is not {expected}: `{found}`")]
    Field {
        /// The field.
        field: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// What it is, shortened.
        found: String,
    },
    /// The type of event is not known, in an entry of a version that is.
    #[error("`{found}` is no type of event of version {VERSION}")]
    UnknownType {
        /// The type, shortened.
        found: String,
    },
    /// An event of this type has to say more.
    #[error("an event `{event}` without `{field}`", event = .event.name(), field = .field.name())]
    Missing {
        /// What happened.
        event: EventType,
        /// What it does not say.
        field: Field,
    },
    /// An event of this type has no place for what it says.
    #[error("an event `{event}` has no `{field}`", event = .event.name(), field = .field.name())]
    Unforeseen {
        /// What happened.
        event: EventType,
        /// What it says.
        field: Field,
    },
}
