//! A document that cannot be understood.

use std::sync::Arc;

use countersign_image::Digest;

use crate::document::DocumentError;
use crate::pattern::Glob;

/// A document that may have been meant as a policy and cannot be understood. It makes the images that it may have been
/// meant to govern undecided, whatever objects they come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub(crate) file: Arc<str>,
    pub(crate) line: u64,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) images: Vec<Glob>,
    pub(crate) errors: Vec<DocumentError>,
}

impl Broken {
    /// The policy's name, if that much can be read.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The images that it may have been meant to govern.
    pub fn images(&self) -> &[Glob] {
        &self.images
    }

    /// What is wrong with it.
    pub fn errors(&self) -> &[DocumentError] {
        &self.errors
    }

    /// A digest of everything that a judgement may say about it.
    pub(super) fn digest(&self) -> Digest {
        let Self { file, line, errors, .. } = self;
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let name = self.name().unwrap_or_default();
        Digest::sha256(format!("broken\0{file}\0{line}\0{name}\0{}", errors.join("\0")).as_bytes())
    }
}
