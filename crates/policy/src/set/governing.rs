//! The policies that govern one image.

use std::sync::Arc;

use countersign_image::{Digest, Pinned};

use super::{Broken, NoMatch};
use crate::meaning::{Demand, Policy, RootName, Trust};
use crate::plan::Wants;

/// Something that governs images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InForce {
    /// A policy.
    Policy(Arc<Policy>),
    /// A document that cannot be understood.
    Broken(Arc<Broken>),
}

impl InForce {
    /// The policy's name, as far as it can be read.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Policy(policy) => Some(policy.name()),
            Self::Broken(broken) => broken.name(),
        }
    }

    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Policy(policy) => *policy.generation(),
            Self::Broken(broken) => broken.digest(),
        }
    }
}

/// The policies that govern one image, and what holds if there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Governing {
    pub(super) entries: Vec<InForce>,
    pub(super) no_match: NoMatch,
}

impl Governing {
    /// What governs, in the order of names.
    pub fn entries(&self) -> &[InForce] {
        &self.entries
    }

    /// What becomes of the image if nothing governs it.
    pub fn no_match(&self) -> NoMatch {
        self.no_match
    }

    /// Whether nothing governs the image.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What has to be gathered before the image can be judged. Static authorities, and those that
    /// cannot be satisfied anyhow, want nothing.
    pub fn wants(&self, image: &Pinned) -> Wants {
        let mut wants = Wants::none();
        for entry in &self.entries {
            let InForce::Policy(policy) = entry else { continue };
            for authority in &policy.authorities {
                if let Demand::Signed(demand) = &authority.demand
                    && matches!(demand.belief.trust, Trust::Known(_))
                {
                    wants.add(demand, image);
                }
            }
        }
        wants
    }

    /// The trust roots that these policies rest on, as they name them.
    pub(super) fn roots(&self) -> impl Iterator<Item = &RootName> {
        roots_of(&self.entries)
    }

    /// A digest of everything that these policies say and rest on, for cache keys.
    pub fn key(&self) -> Digest {
        digest_of(&self.entries, self.no_match)
    }
}

/// The trust roots that policies rest on, as they name them.
pub(super) fn roots_of(entries: &[InForce]) -> impl Iterator<Item = &RootName> {
    let policies = entries.iter().filter_map(|entry| match entry {
        InForce::Policy(policy) => Some(policy),
        InForce::Broken(_) => None,
    });
    let authorities = policies.flat_map(|policy| &policy.authorities);
    authorities
        .filter_map(|authority| match &authority.demand {
            Demand::Signed(demand) => Some(demand.belief.roots()),
            _ => None,
        })
        .flatten()
}

/// The digest of everything that decides a verdict beside the evidence.
pub(super) fn digest_of(entries: &[InForce], no_match: NoMatch) -> Digest {
    let mut text = no_match.word().to_owned();
    for entry in entries {
        text.push('\n');
        text.push_str(&entry.digest().hex());
    }
    Digest::sha256(text.as_bytes())
}
