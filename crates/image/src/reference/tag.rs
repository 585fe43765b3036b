//! A tag: a name in a repository that can be moved.

use std::fmt;
use std::sync::Arc;

use super::error::ReferenceError;
use super::grammar;

/// A tag: a name in a repository that can be moved to another image at any time. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

impl Tag {
    /// Reads a tag: a letter, digit or `_`, then at most 127 of these, `.` and `-`.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        grammar::tag(text, 0)?;
        Ok(Self::new(text))
    }

    /// A tag from what the grammar has read.
    pub(super) fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// `latest`, which a name without tag and digest means.
    pub fn latest() -> Self {
        Self::new("latest")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
