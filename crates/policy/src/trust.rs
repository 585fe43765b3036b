//! Trust roots that policies name: the documents, what they amount to, and those that no document holds.
//!
//! A TrustRoot document either holds its keys and certificates, or says where a TUF repository is that does. This crate
//! reads no repository: whoever compiles a policy set hands over what was obtained ([`TrustRoots`]), and a policy that
//! names a trust root which is not there, or was not obtained, is in force and undecided.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use countersign_evidence::trust::TrustRoot;
use countersign_image::Digest;
use countersign_image::text::excerpt;

use crate::document::{DocumentError, SourcePosition};

/// The longest name that is repeated: no object in Kubernetes has a longer one.
pub(crate) const MAX_NAME: usize = 253;

/// A TrustRoot document.
#[derive(Clone, Debug)]
pub struct TrustRootDocument {
    pub(crate) name: Arc<str>,
    pub(crate) source: SourcePosition,
    pub(crate) digest: Digest,
    pub(crate) content: TrustRootContent,
}

/// What a TrustRoot document holds.
#[derive(Clone, Debug)]
pub enum TrustRootContent {
    /// Keys and certificates.
    Keys(Arc<TrustRoot>),
    /// A TUF repository, packed up.
    Repository(RepositorySource),
    /// Where a TUF repository is.
    Remote(RemoteSource),
}

/// A TUF repository as an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySource {
    /// The root metadata that is believed to begin with.
    pub root: Bytes,
    /// The repository: a tar archive, compressed with gzip.
    pub archive: Bytes,
    /// The directory of the targets in it.
    pub targets: String,
    /// The target that is the trust root.
    pub target: String,
}

/// Where a TUF repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSource {
    /// Its address.
    pub mirror: String,
    /// The root metadata that is believed to begin with.
    pub root: Bytes,
    /// The directory of the targets, relative to the address.
    pub targets: String,
    /// The target that is the trust root.
    pub target: String,
}

impl TrustRootDocument {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is written.
    pub fn source(&self) -> &SourcePosition {
        &self.source
    }

    /// A digest of everything that it says: what is obtained for it is handed over under this.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it holds.
    pub fn content(&self) -> &TrustRootContent {
        &self.content
    }
}

/// A TrustRoot document that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenTrustRoot {
    pub(crate) file: Arc<str>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) errors: Vec<DocumentError>,
}

impl BrokenTrustRoot {
    /// What is wrong with it.
    pub fn errors(&self) -> &[DocumentError] {
        &self.errors
    }
}

/// A trust root, or why there is none.
pub type Obtained = Result<Arc<TrustRoot>, String>;

/// A trust root that policies rest on.
#[derive(Clone, Debug)]
pub struct RestsOn {
    /// The name that they use; nothing where it is that of policies that name none, or one that was given by hand.
    pub name: Option<Arc<str>>,
    /// The root, or why there is none.
    pub root: Obtained,
}

/// What some policies rest on that no document holds, so that they can be judged by once more.
#[derive(Clone, Debug, Default)]
pub struct RootsAtHand {
    /// The trust root of policies that name none; nothing where none of them rests on it.
    pub standing: Option<Obtained>,
    /// By the name that policies use, whether a document of that name says where the root is or a configuration; nothing
    /// where nothing was handed over, or the document holds its keys itself.
    pub named: BTreeMap<Arc<str>, Option<Obtained>>,
}

/// Trust roots that no document holds: the one of policies that name none, and what was obtained for documents that say
/// where theirs is.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    standing: Result<Arc<TrustRoot>, String>,
    named: BTreeMap<Arc<str>, Result<Arc<TrustRoot>, String>>,
    obtained: BTreeMap<Digest, Result<Arc<TrustRoot>, String>>,
}

impl TrustRoots {
    /// None at all: whatever rests on one is undecided.
    pub fn none() -> Self {
        Self {
            standing: Err("no trust root is at hand for policies that name none".to_owned()),
            named: BTreeMap::new(),
            obtained: BTreeMap::new(),
        }
    }

    /// With the trust root of policies that name none: sigstore's public-good one, or what stands in its place here.
    #[must_use]
    pub fn with_standing(self, root: Arc<TrustRoot>) -> Self {
        Self {
            standing: Ok(root),
            ..self
        }
    }

    /// With a trust root that has a name without a document: one of a configuration, or why there is none. A document of
    /// that name comes before it.
    #[must_use]
    pub fn with_named(mut self, name: &str, root: Result<Arc<TrustRoot>, String>) -> Self {
        self.named.insert(name.into(), root);
        self
    }

    /// With what was obtained for a document, by the document's digest, or why nothing was.
    #[must_use]
    pub fn with_obtained(mut self, document: &Digest, root: Result<Arc<TrustRoot>, String>) -> Self {
        self.obtained.insert(*document, root);
        self
    }

    /// These roots for policies that are read from elsewhere: what was obtained for a document is handed over to the documents
    /// of that name in `documents`, and the rest by its name.
    #[must_use]
    pub fn again<'d>(at_hand: RootsAtHand, documents: impl IntoIterator<Item = &'d Arc<TrustRootDocument>>) -> Self {
        let mut roots = Self::none();
        if let Some(standing) = at_hand.standing {
            roots.standing = standing;
        }
        for document in documents {
            if let Some(Some(root)) = at_hand.named.get(&document.name) {
                roots.obtained.insert(document.digest, root.clone());
            }
        }
        let named = at_hand.named.into_iter();
        roots.named = named.filter_map(|(name, root)| Some((name, root?))).collect();
        roots
    }

    /// The trust root of policies that name none.
    pub(crate) fn standing(&self) -> Result<Arc<TrustRoot>, String> {
        self.standing.clone()
    }

    /// What was obtained for a document, if anything was handed over.
    pub(crate) fn obtained_for(&self, document: &TrustRootDocument) -> Option<Obtained> {
        self.obtained.get(&document.digest).cloned()
    }

    /// What was handed over under a name.
    pub(crate) fn configured(&self, name: &str) -> Option<Obtained> {
        self.named.get(name).cloned()
    }

    /// A trust root that has a name without a document.
    pub(crate) fn named(&self, name: &str) -> Result<Arc<TrustRoot>, String> {
        let found = self.named.get(name);
        let name = excerpt(name, MAX_NAME);
        match found {
            Some(Ok(root)) => Ok(root.clone()),
            Some(Err(why)) => Err(format!("the trust root `{name}` could not be obtained: {why}")),
            None => Err(format!("there is no TrustRoot `{name}`")),
        }
    }

    /// What a document amounts to.
    pub(crate) fn of(&self, document: &TrustRootDocument) -> Result<Arc<TrustRoot>, String> {
        if let TrustRootContent::Keys(root) = &document.content {
            return Ok(root.clone());
        }
        let name = &document.name;
        match self.obtained.get(&document.digest) {
            Some(Ok(root)) => Ok(root.clone()),
            Some(Err(why)) => Err(format!("the TrustRoot `{name}` could not be obtained: {why}")),
            None => Err(format!("the TrustRoot `{name}` has not been obtained yet")),
        }
    }
}
