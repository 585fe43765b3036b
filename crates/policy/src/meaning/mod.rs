//! Policies as meant: what a document asks for, once everything that it could not have meant is refused.

mod authority;
mod beside;
mod expression;
mod key;
mod keyless;
mod objects;
mod read;
mod signer;
mod trust_root;

use std::sync::Arc;

use countersign_evidence::Layouts;
use countersign_image::{Digest, Pinned, Repository};

pub(crate) use self::read::read;
pub(crate) use self::signer::{Belief, Beside, Find, Needed, RootName, Trust};
pub use self::signer::{Signer, TrustRootRef};
pub(crate) use self::trust_root::read as read_trust_root;
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
    /// The same with the trust roots that it rests on.
    pub(crate) generation: Digest,
    pub(crate) enforcement: Enforcement,
    pub(crate) images: Vec<Glob>,
    pub(crate) matches: Vec<ResourceMatch>,
    pub(crate) authorities: Vec<Authority>,
    pub(crate) unsupported: Vec<Unsupported>,
    pub(crate) lints: Vec<Lint>,
    /// Whether it stands for keys or identities given on a command line, and no file says it.
    pub(crate) by_hand: bool,
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

    /// A digest of everything that it says.
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

    /// A digest of everything that decides its verdict beside the evidence: what it says, and the trust roots that it
    /// rests on, as they are now.
    pub fn generation(&self) -> &Digest {
        &self.generation
    }

    /// The same policy, resting on the trust roots that `find` finds.
    pub(crate) fn resolved(self: &Arc<Self>, find: &Find<'_>) -> Arc<Self> {
        let rests = |authority: &Authority| matches!(authority.demand, Demand::Signed(_));
        if !self.authorities.iter().any(rests) {
            return self.clone();
        }
        let mut policy = Self::clone(self);
        let mut text = policy.digest.to_string();
        for authority in &mut policy.authorities {
            let Demand::Signed(demand) = &mut authority.demand else {
                continue;
            };
            demand.belief.resolve(find);
            demand.belief.write_generation(&mut text);
        }
        policy.generation = Digest::sha256(text.as_bytes());
        Arc::new(policy)
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
    /// Something signed, by a key or by an identity.
    Signed(Box<SignedDemand>),
    /// Something that this version does not do. It can neither be satisfied nor be skipped.
    Unsupported(Vec<Unsupported>),
}

/// What has to be signed, by whom, and where that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDemand {
    pub(crate) belief: Belief,
    pub(crate) attestations: Vec<AttestationDemand>,
    pub(crate) repository: Option<Repository>,
    pub(crate) tag_prefix: Option<String>,
    pub(crate) pull_secrets: Vec<String>,
    pub(crate) layouts: Layouts,
}

impl SignedDemand {
    /// Who has to have signed.
    pub fn signer(&self) -> &Signer {
        &self.belief.signer
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
