//! What is worked out once for all policies of one judgement: thousands of policies that believe the same verify each
//! signature once. Which identities each of them accepts is asked of what was verified.

use std::rc::Rc;

use countersign_evidence::{
    Attestation, Evidence, ImageSignature, Layouts, Rejected, Seen, Trusted, attestations, signatures,
    unverified_summary,
};
use countersign_image::{Pinned, Repository};
use jiff::{SignedDuration, Timestamp};

use super::place::Places;
use crate::ground::in_words;
use crate::meaning::SignedDemand;

/// Everything that the outcome for one authority depends on, beside the evidence.
#[derive(Clone, PartialEq, Eq)]
struct Question {
    trusted: Trusted,
    layouts: Layouts,
    repository: Repository,
    tag_prefix: Option<String>,
}

/// Proofs of one kind, and what proves nothing.
pub(super) struct Examined<T> {
    pub(super) proofs: Vec<T>,
    pub(super) rejected: Vec<Rejected>,
}

/// Questions that were answered before.
type Answered<T> = Vec<(Question, Rc<Examined<T>>)>;

/// The evidence on the bench.
pub(super) struct Bench<'a> {
    evidence: &'a Evidence,
    now: Timestamp,
    signatures: Answered<ImageSignature>,
    attestations: Answered<Attestation>,
    summary: Option<Rc<Vec<Seen>>>,
}

impl<'a> Bench<'a> {
    pub(super) fn of(evidence: &'a Evidence, now: Timestamp) -> Self {
        Self {
            evidence,
            now,
            signatures: Vec::new(),
            attestations: Vec::new(),
            summary: None,
        }
    }

    pub(super) fn evidence(&self) -> &'a Evidence {
        self.evidence
    }

    pub(super) fn image(&self) -> &'a Pinned {
        &self.evidence.image
    }

    /// How old the lists are, where they are older than their freshness.
    pub(super) fn lists_age(&self) -> Option<SignedDuration> {
        self.evidence
            .stale
            .then(|| self.now.duration_since(self.evidence.as_of))
    }

    /// Where an authority looked, and how old that is where it matters: for people.
    pub(super) fn looked(&self, places: &Places<'_>) -> Vec<String> {
        let mut lines = places.looked();
        if let Some(age) = self.lists_age() {
            let age = in_words(age);
            lines.push(format!("(lists are {age} old, as the registry cannot be reached)"));
        }
        lines
    }

    /// Every signature of the image by whom a demand trusts.
    pub(super) fn signatures(&mut self, demand: &SignedDemand, trusted: &Trusted) -> Rc<Examined<ImageSignature>> {
        answer(&mut self.signatures, self.evidence, demand, trusted, |evidence| {
            signatures(evidence, trusted, &demand.layouts)
        })
    }

    /// Every attestation about the image by whom a demand trusts.
    pub(super) fn attestations(&mut self, demand: &SignedDemand, trusted: &Trusted) -> Rc<Examined<Attestation>> {
        answer(&mut self.attestations, self.evidence, demand, trusted, |evidence| {
            attestations(evidence, trusted, &demand.layouts)
        })
    }

    /// What seems to be attached, unverified: for words only.
    pub(super) fn unverified(&mut self) -> Rc<Vec<Seen>> {
        let evidence = self.evidence;
        self.summary
            .get_or_insert_with(|| Rc::new(unverified_summary(evidence)))
            .clone()
    }
}

fn answer<T>(
    answered: &mut Answered<T>,
    evidence: &Evidence,
    demand: &SignedDemand,
    trusted: &Trusted,
    examine: impl FnOnce(&Evidence) -> (Vec<T>, Vec<Rejected>),
) -> Rc<Examined<T>> {
    let places = Places::of(evidence, demand);
    let question = Question {
        trusted: trusted.clone(),
        layouts: demand.layouts,
        repository: places.repository().clone(),
        tag_prefix: demand.tag_prefix.clone(),
    };
    if let Some((_, examined)) = answered.iter().find(|(known, _)| *known == question) {
        return examined.clone();
    }
    let evidence = places.evidence();
    let (proofs, rejected) = examine(&evidence);
    let examined = Rc::new(Examined { proofs, rejected });
    answered.push((question, examined.clone()));
    examined
}
