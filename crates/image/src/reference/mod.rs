//! Names of images, as people write them and as Docker reads them.
//!
//! [`Reference`] → [`Pinned`] is the first step of the ladder of names, and it is taken once: a tag can move between two
//! looks, so that whatever looks twice may judge one image and run another (CVE-2022-47633).

mod error;
mod grammar;
mod pinned;
mod repository;
mod tag;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use error::{Part, ReferenceError};
pub use grammar::{MAX_HOST_BYTES, MAX_PATH_BYTES, MAX_REFERENCE_BYTES, MAX_TAG_BYTES};
pub use pinned::Pinned;
pub use repository::Repository;
pub use tag::Tag;

use crate::digest::Digest;

/// A name of an image as somebody wrote it. Cheap to clone. Two references are equal if they mean the same: how they are
/// written does not matter.
#[derive(Clone, Debug)]
pub struct Reference {
    written: Arc<str>,
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Reference {
    /// Reads a name as Docker does (see `docs.docker.com` "image reference" and `github.com/distribution/reference`): a
    /// name without a host is Docker Hub's, one word without a host is in `library/`, tag and digest may stand together.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let parts = grammar::parse(text)?;
        Ok(Self {
            written: Arc::from(text),
            repository: Repository::new(parts.host, parts.path),
            tag: parts.tag.map(|(tag, _)| Tag::new(tag)),
            digest: parts.digest.map(|(digest, _)| digest),
        })
    }

    /// The name exactly as written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The repository, canonical.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if one is written.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one is written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The tag, or `latest`.
    pub fn effective_tag(&self) -> Tag {
        self.tag.clone().unwrap_or_else(Tag::latest)
    }

    /// The image, if the name carries a digest.
    pub fn pinned(&self) -> Option<Pinned> {
        self.digest.map(|digest| Pinned::assertion(self.clone(), digest))
    }

    /// The image that this name was resolved to. A digest that is written in the name wins over `digest`: what is
    /// written is what runs.
    pub fn resolved(&self, digest: Digest) -> Pinned {
        Pinned::assertion(self.clone(), self.digest.unwrap_or(digest))
    }

    fn meaning(&self) -> (&Repository, Option<&Tag>, Option<&Digest>) {
        (&self.repository, self.tag(), self.digest())
    }
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        self.meaning() == other.meaning()
    }
}

impl Eq for Reference {}

impl std::hash::Hash for Reference {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.meaning().hash(state);
    }
}

/// The name in full: host, path, and tag and digest where written.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}
