//! An authority that asks for attestations. All of them are needed, and each by its key; the image's signature itself is
//! then not asked for, as it is with policy-controller.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_evidence::{Attestation, Rejected, Seen, SeenKind, Step, Trusted};

use super::bench::{Bench, Examined};
use super::findings::{Tally, attachments, could_not_look, quote, unusable};
use super::place::Places;
use super::strangers::{Strangers, Whom, expected};
use super::{explain, of_authority};
use crate::ground::{Attested, Ground, GroundKind};
use crate::meaning::{AttestationDemand, Authority, Policy, SignedDemand, Signer};
use crate::reason::{Reason, ReasonCode};
use crate::verdict::{NonEmpty, Verdict};

pub(super) fn verdict(
    policy: &Arc<Policy>,
    authority: &Authority,
    demand: &SignedDemand,
    trusted: &Trusted,
    bench: &mut Bench<'_>,
) -> Verdict {
    let examined = bench.attestations(demand, trusted);
    let mut strangers = Strangers::default();
    let believed = strangers.sift(&examined.proofs, &demand.belief.signer, Attestation::signer);
    let mut proofs = Vec::new();
    let mut missing = Vec::new();
    for wanted in &demand.attestations {
        match believed
            .iter()
            .find(|proof| proof.predicate_type() == wanted.predicate_type)
        {
            Some(proof) => proofs.push(*proof),
            None => missing.push(wanted),
        }
    }
    match NonEmpty::from_vec(proofs) {
        Some(proofs) if missing.is_empty() => {
            let kind = GroundKind::Attested(Attested::assertion(&proofs, bench.lists_age()));
            Verdict::Admit(NonEmpty::one(Ground::of_authority(kind, &policy.name, &authority.name)))
        }
        _ => {
            let outcome = Outcome {
                demand,
                missing: &missing,
                believed: &believed,
                examined: &examined,
            };
            outcome.refused(policy, authority, bench)
        }
    }
}

/// What came of an authority that is not satisfied.
struct Outcome<'a> {
    demand: &'a SignedDemand,
    missing: &'a [&'a AttestationDemand],
    believed: &'a [&'a Attestation],
    examined: &'a Examined<Attestation>,
}

impl Outcome<'_> {
    fn refused(&self, policy: &Arc<Policy>, authority: &Authority, bench: &mut Bench<'_>) -> Verdict {
        let seen = bench.unverified();
        let places = Places::of(bench.evidence(), self.demand);
        let signer = &self.demand.belief.signer;
        let mut found = self.found(&seen);
        found.extend(attachments(&seen, &places, SeenKind::Signature));
        let wanted: Vec<&str> = self
            .missing
            .iter()
            .map(|wanted| wanted.predicate_type.as_str())
            .collect();
        let how = format!("attested as {}", wanted.join(" and "));
        if let Some(cause) = could_not_look(&places, self.demand, bench, &how) {
            let cause = cause.with_expected(expected(signer)).with_found(found);
            return Verdict::Undecided(NonEmpty::one(of_authority(cause, policy, authority)));
        }
        found.extend(unusable(&places));
        let (code, why) = self.why(&wanted, &seen, !places.content_gaps().is_empty());
        let what = format!("no matching attestations with type {}, {why}", wanted.join(" and "));
        let reason = Reason::new(code, what)
            .with_expected(expected(signer))
            .with_looked(bench.looked(&places))
            .with_found(found)
            .with_next(explain(policy, bench.image()));
        Verdict::Deny(NonEmpty::one(of_authority(reason, policy, authority)))
    }

    fn attested(&self) -> Vec<&str> {
        types(self.believed.iter().map(|proof| proof.predicate_type()))
    }

    fn found(&self, seen: &[Seen]) -> Vec<String> {
        let mut found = Vec::new();
        let (attested, whose) = (self.attested(), whose(&self.demand.belief.signer));
        if !attested.is_empty() {
            found.push(format!("attested by {whose}{}", quote(&attested)));
        }
        let mut strangers = Strangers::default();
        strangers.sift(&self.examined.proofs, &self.demand.belief.signer, Attestation::signer);
        found.extend(strangers.lines());
        found.extend(Tally::of(&self.examined.rejected, seen, self.demand).lines(self.demand));
        let others = types(
            self.examined
                .rejected
                .iter()
                .filter_map(|rejected| type_of(rejected, seen)),
        );
        if !others.is_empty() {
            found.push(format!(
                "types that {whose} did not attest{} (unverified)",
                quote(&others)
            ));
        }
        found
    }

    fn why(&self, wanted: &[&str], seen: &[Seen], unreadable: bool) -> (ReasonCode, String) {
        let signer = &self.demand.belief.signer;
        let whom = Whom(signer);
        let rejected = &self.examined.rejected;
        let of_wanted_type = rejected
            .iter()
            .filter(|rejected| type_of(rejected, seen).is_some_and(|found| wanted.contains(&found)));
        let tally = Tally::of(of_wanted_type, seen, self.demand);
        if let (Some(digest), Signer::Key { .. }) = (tally.other_images.first(), signer) {
            let why = format!("{whom} attested {digest}, and not this image");
            return (ReasonCode::AttestationWrongImage, why);
        }
        let mut strangers = Strangers::default();
        for proof in &self.examined.proofs {
            if wanted.contains(&proof.predicate_type()) {
                strangers.sift(std::slice::from_ref(proof), signer, Attestation::signer);
            }
        }
        if let Some(nearest) = strangers.nearest() {
            let why = format!("none of the expected identities matched what was in the certificate, got {nearest}");
            return (ReasonCode::AttestationIdentity, why);
        }
        if let Some((step, how)) = tally.nearest_break() {
            return (broken(step), how.to_owned());
        }
        if tally.other_keys > 0 {
            let found = number(tally.other_keys);
            return (ReasonCode::AttestationWrongKey, format!("{found} by {whom}"));
        }
        if tally.without_certificate > 0 {
            let found = number(tally.without_certificate);
            let why = format!("{found} with a certificate, and one by {whom} is needed");
            return (ReasonCode::AttestationIdentity, why);
        }
        if let Some(digest) = tally.other_images.first() {
            let why = format!("what was found is about {digest}, and not about this image");
            return (ReasonCode::AttestationWrongImage, why);
        }
        let attested = self.attested();
        if !attested.is_empty() {
            let checked = attested.join("\", \"");
            let why = format!("checked the following predicateTypes: \"{checked}\" (by {whom})");
            return (ReasonCode::AttestationMissing, why);
        }
        if unreadable || !Tally::of(rejected, seen, self.demand).unreadable.is_empty() {
            let why = "what is stored as attestations cannot be read".to_owned();
            return (ReasonCode::AttestationUnreadable, why);
        }
        (ReasonCode::AttestationMissing, format!("none by {whom} was found"))
    }
}

fn number(found: usize) -> String {
    match found {
        1 => "there is one, not".to_owned(),
        many => format!("there are {many}, none of them"),
    }
}

fn whose(signer: &Signer) -> &'static str {
    match signer {
        Signer::Key { .. } => "this key",
        Signer::Keyless { .. } => "these identities",
    }
}

/// The code of an attestation whose chain of trust broke at a step.
fn broken(step: Step) -> ReasonCode {
    match step {
        Step::Log => ReasonCode::AttestationLog,
        Step::Timestamp => ReasonCode::AttestationTimestamp,
        Step::Certificate => ReasonCode::AttestationCertificate,
        Step::Sct => ReasonCode::AttestationSct,
        Step::Identity => ReasonCode::AttestationIdentity,
        Step::Form | Step::Signature | Step::Content => ReasonCode::AttestationUnreadable,
    }
}

/// Each type once, in order.
fn types<'a>(types: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    types.collect::<BTreeSet<&str>>().into_iter().collect()
}

/// The type that a rejected attestation seems to have.
fn type_of<'a>(rejected: &Rejected, seen: &'a [Seen]) -> Option<&'a str> {
    let seen = seen.iter().find(|seen| seen.origin == rejected.origin)?;
    (seen.kind == SeenKind::Attestation)
        .then_some(seen.unverified_predicate_type.as_deref())
        .flatten()
}
