//! Exactly one image.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::{Reference, Repository, Tag};
use crate::digest::Digest;

/// Exactly one image: a repository and a digest, and the name that led there. Cheap to clone.
///
/// Only a [`Reference`] makes one: from the digest that is written in it, or from the one it was resolved to. Equality,
/// order and hash look at repository and digest, so that `nginx:1` and `nginx:1.25` of the same image are the same.
#[derive(Clone, Debug)]
pub struct Pinned {
    reference: Reference,
    digest: Digest,
}

impl Pinned {
    /// The image that a reference names, by the digest written in it or by the one it was resolved to.
    pub(super) fn assertion(reference: Reference, digest: Digest) -> Self {
        Self { reference, digest }
    }

    /// The repository, as referred to.
    pub fn repository(&self) -> &Repository {
        self.reference.repository()
    }

    /// The digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The tag that was written, if one was.
    pub fn tag(&self) -> Option<&Tag> {
        self.reference.tag()
    }

    /// The name to patch in: the author's own name, with the digest. `nginx:1.25` becomes `nginx:1.25@sha256:…`, `nginx`
    /// becomes `nginx:latest@sha256:…` because that is what it meant, and a name that carries a digest stays as it is.
    pub fn written(&self) -> String {
        let written = self.reference.written();
        match (self.reference.digest(), self.reference.tag()) {
            (Some(_), _) => written.to_owned(),
            (None, Some(_)) => format!("{written}@{}", self.digest),
            (None, None) => format!("{written}:{}@{}", self.reference.effective_tag(), self.digest),
        }
    }

    /// The name that led here, as written.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    fn identity(&self) -> (&Repository, &Digest) {
        (self.repository(), &self.digest)
    }
}

impl PartialEq for Pinned {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Pinned {}

impl PartialOrd for Pinned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pinned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Pinned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository(), self.digest)
    }
}
