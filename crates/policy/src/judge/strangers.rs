//! Whether whoever was proved to have signed is somebody that an authority believes.

use std::collections::BTreeSet;
use std::fmt;

use countersign_evidence::SignedBy;

use super::findings::MAX_LISTED;
use crate::identity::{Stranger, described, find};
use crate::meaning::Signer;

/// The verified signers that an authority does not believe.
#[derive(Default)]
pub(super) struct Strangers {
    /// In words, each once, with how near it is to somebody who is believed.
    known: BTreeSet<(Stranger, String)>,
    pub(super) count: usize,
}

impl Strangers {
    /// The proofs whose signers are believed; the others are counted.
    pub(super) fn sift<'a, T>(&mut self, proofs: &'a [T], signer: &Signer, of: impl Fn(&T) -> &SignedBy) -> Vec<&'a T> {
        let believed = |proof: &&'a T| self.believes(signer, of(proof));
        proofs.iter().filter(believed).collect()
    }

    fn believes(&mut self, signer: &Signer, signed_by: &SignedBy) -> bool {
        match (signer, signed_by.identity()) {
            (Signer::Key { .. }, None) => true,
            (Signer::Keyless { identities, .. }, Some(identity)) => match find(identities, identity) {
                Ok(_) => true,
                Err(stranger) => {
                    self.count += 1;
                    self.known.insert((stranger, described(identity)));
                    false
                }
            },
            // A key is believed as a key, and an identity as an identity.
            _ => false,
        }
    }

    /// One line for each, in the words of policy-controller.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .known
            .iter()
            .take(MAX_LISTED)
            .map(|(stranger, who)| format!("verified, by {who}: {stranger}"))
            .collect();
        if self.known.len() > MAX_LISTED {
            lines.push(format!("and {} other identities", self.known.len() - MAX_LISTED));
        }
        lines
    }

    /// The nearest of them.
    pub(super) fn nearest(&self) -> Option<&str> {
        self.known.last().map(|(_, who)| who.as_str())
    }
}

/// Whom an authority believes, for the middle of a sentence.
pub(super) struct Whom<'a>(pub(super) &'a Signer);

impl fmt::Display for Whom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Signer::Key { key, .. } => write!(f, "key {}", key.fingerprint()),
            Signer::Keyless { identities, .. } => match identities.as_slice() {
                [only] => write!(f, "identity {only}"),
                several => write!(f, "any of {} identities", several.len()),
            },
        }
    }
}

/// The identities that an authority believes, one line each.
pub(super) fn expected(signer: &Signer) -> Vec<String> {
    const MAX_EXPECTED: usize = 8;
    let Signer::Keyless { identities, .. } = signer else {
        return Vec::new();
    };
    let mut lines: Vec<String> = identities.iter().take(MAX_EXPECTED).map(ToString::to_string).collect();
    if identities.len() > MAX_EXPECTED {
        lines.push(format!("and {} others", identities.len() - MAX_EXPECTED));
    }
    lines
}
