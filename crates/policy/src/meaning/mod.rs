//! Policies as meant: what a document asks for, once everything that it could not have meant is refused.

mod authority;
mod expression;
mod key;
mod keyless;
mod objects;
mod read;

use std::sync::Arc;

use countersign_evidence::{HashRule, Layouts, PublicKey};
use countersign_image::{Digest, Pinned, Repository};

pub(crate) use self::read::read;
use crate::document::SourcePosition;
use crate::lint::Lint;
use crate::pattern::Glob;
use crate::selector::ResourceMatch;

/// What follows from a verdict that does not admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enforcement {
    /// The object is kept out.
    Enforce,
    /// The object is let in with a warning.
    Warn,
}

impl Enforcement {
    /// `enforce` or `warn`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
        }
    }
}

/// One policy, as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) name: Arc<str>,
    pub(crate) source: SourcePosition,
    pub(crate) digest: Digest,
    pub(crate) enforcement: Enforcement,
    pub(crate) images: Vec<Glob>,
    pub(crate) matches: Vec<ResourceMatch>,
    pub(crate) authorities: Vec<Authority>,
    pub(crate) unsupported: Vec<Unsupported>,
    pub(crate) lints: Vec<Lint>,
    /// Whether it stands for keys given on a command line, and no file says it.
    pub(crate) from_keys: bool,
}

impl Policy {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is written.
    pub fn source(&self) -> &SourcePosition {
        &self.source
    }

    /// A digest of everything that it says, for cache keys.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What follows from its verdict.
    pub fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// The images that it governs: those that match any of these.
    pub fn images(&self) -> &[Glob] {
        &self.images
    }

    /// The objects that it governs: those that match any of these; all, if there is none.
    pub fn matches(&self) -> &[ResourceMatch] {
        &self.matches
    }

    /// Whom it believes: any of these is enough.
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// What it asks for beside its authorities that this version does not do; if there is any, it never admits.
    pub fn unsupported(&self) -> &[Unsupported] {
        &self.unsupported
    }

    /// What its author probably did not mean.
    pub fn lints(&self) -> &[Lint] {
        &self.lints
    }
}

/// One authority of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    pub(crate) name: Arc<str>,
    pub(crate) demand: Demand,
}

impl Authority {
    /// Its name, given or `authority-<index>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it asks for.
    pub fn demand(&self) -> &Demand {
        &self.demand
    }
}

/// What an authority asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: its images are let in.
    StaticPass,
    /// Its images are kept out.
    StaticFail {
        /// What the author says about it.
        message: Option<String>,
    },
    /// Something that a key signed.
    Key(KeyDemand),
    /// Something that this version does not do. It can neither be satisfied nor be skipped.
    Unsupported(Vec<Unsupported>),
}

/// What has to be signed by a key, and where that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDemand {
    pub(crate) key: PublicKey,
    pub(crate) rule: HashRule,
    pub(crate) attestations: Vec<AttestationDemand>,
    pub(crate) repository: Option<Repository>,
    pub(crate) tag_prefix: Option<String>,
    pub(crate) pull_secrets: Vec<String>,
    pub(crate) layouts: Layouts,
}

impl KeyDemand {
    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Which hash its signatures have to be made over.
    pub fn rule(&self) -> HashRule {
        self.rule
    }

    /// The attestations, all of which are needed. If there is none, a signature of the image is.
    pub fn attestations(&self) -> &[AttestationDemand] {
        &self.attestations
    }

    /// Where to look; `None` is the image's own repository.
    pub fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    /// The repository to look in, for one image.
    pub(crate) fn repository_for<'a>(&'a self, image: &'a Pinned) -> &'a Repository {
        self.repository.as_ref().unwrap_or_else(|| image.repository())
    }

    /// What stands before `sha256-<hex>.sig` and `.att`.
    pub fn tag_prefix(&self) -> Option<&str> {
        self.tag_prefix.as_deref()
    }

    /// The layouts that count.
    pub fn layouts(&self) -> Layouts {
        self.layouts
    }
}

/// One attestation that an authority asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationDemand {
    pub(crate) name: String,
    pub(crate) written: String,
    pub(crate) predicate_type: String,
}

impl AttestationDemand {
    /// Its name in the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The predicate type as written, possibly a short name.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The predicate type as a URI.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }
}

/// Something that a policy asks for and this version does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The field, `spec.authorities[0].keyless`.
    pub path: String,
    /// What it is: `keyless verification`.
    pub what: String,
}

#[cfg(test)]
mod tests;
