//! An authority that asks for attestations. All of them are needed, and each by its key; the image's signature itself is
//! then not asked for, as it is with policy-controller.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_evidence::{Attestation, Rejected, Seen, SeenKind};

use super::bench::{Bench, Examined};
use super::findings::{Tally, attachments, could_not_look, quote, unusable};
use super::place::Places;
use super::{explain, of_authority};
use crate::ground::{Attested, Ground, GroundKind};
use crate::meaning::{AttestationDemand, Authority, KeyDemand, Policy};
use crate::reason::{Reason, ReasonCode};
use crate::verdict::{NonEmpty, Verdict};

pub(super) fn verdict(
    policy: &Arc<Policy>,
    authority: &Authority,
    demand: &KeyDemand,
    bench: &mut Bench<'_>,
) -> Verdict {
    let examined = bench.attestations(demand);
    let mut proofs = Vec::new();
    let mut missing = Vec::new();
    for wanted in &demand.attestations {
        match examined
            .proofs
            .iter()
            .find(|proof| proof.predicate_type() == wanted.predicate_type)
        {
            Some(proof) => proofs.push(proof),
            None => missing.push(wanted),
        }
    }
    match NonEmpty::from_vec(proofs) {
        Some(proofs) if missing.is_empty() => {
            let kind = GroundKind::Attested(Attested::assertion(&proofs, bench.lists_age()));
            Verdict::Admit(NonEmpty::one(Ground::of_authority(kind, &policy.name, &authority.name)))
        }
        _ => refused(policy, authority, demand, &missing, &examined, bench),
    }
}

fn refused(
    policy: &Arc<Policy>,
    authority: &Authority,
    demand: &KeyDemand,
    missing: &[&AttestationDemand],
    examined: &Examined<Attestation>,
    bench: &mut Bench<'_>,
) -> Verdict {
    let seen = bench.unverified();
    let places = Places::of(bench.evidence(), demand);
    let mut found = Vec::new();
    let attested = types(examined.proofs.iter().map(Attestation::predicate_type));
    if !attested.is_empty() {
        found.push(format!("attested by this key{}", quote(&attested)));
    }
    found.extend(Tally::of(&examined.rejected, &seen).lines());
    let others = types(examined.rejected.iter().filter_map(|rejected| type_of(rejected, &seen)));
    if !others.is_empty() {
        found.push(format!(
            "types that this key did not attest{} (unverified)",
            quote(&others)
        ));
    }
    found.extend(attachments(&seen, &places, SeenKind::Signature));
    let wanted: Vec<&str> = missing.iter().map(|wanted| wanted.predicate_type.as_str()).collect();
    let how = format!("attested as {}", wanted.join(" and "));
    if let Some(cause) = could_not_look(&places, demand, bench, &how) {
        return Verdict::Undecided(NonEmpty::one(of_authority(cause.with_found(found), policy, authority)));
    }
    found.extend(unusable(&places));
    let of_wanted_type = examined
        .rejected
        .iter()
        .filter(|rejected| type_of(rejected, &seen).is_some_and(|found| wanted.contains(&found)));
    let of_wanted_type = Tally::of(of_wanted_type, &seen);
    let unreadable = !Tally::of(&examined.rejected, &seen).unreadable.is_empty() || !places.content_gaps().is_empty();
    let (code, why) = why(&of_wanted_type, &attested, unreadable, demand);
    let what = format!("no matching attestations with type {}, {why}", wanted.join(" and "));
    let reason = Reason::new(code, what)
        .with_looked(bench.looked(&places))
        .with_found(found)
        .with_next(explain(policy, bench.image()));
    Verdict::Deny(NonEmpty::one(of_authority(reason, policy, authority)))
}

fn why(of_wanted_type: &Tally, attested: &[&str], unreadable: bool, demand: &KeyDemand) -> (ReasonCode, String) {
    let key = demand.key.fingerprint();
    if let Some(digest) = of_wanted_type.other_images.first() {
        let why = format!("key {key} attested {digest}, and not this image");
        return (ReasonCode::AttestationWrongImage, why);
    }
    if of_wanted_type.other_keys > 0 {
        let found = match of_wanted_type.other_keys {
            1 => "there is one, not".to_owned(),
            many => format!("there are {many}, none of them"),
        };
        let why = format!("{found} by key {key}");
        return (ReasonCode::AttestationWrongKey, why);
    }
    if !attested.is_empty() {
        let checked = attested.join("\", \"");
        let why = format!("checked the following predicateTypes: \"{checked}\" (by key {key})");
        return (ReasonCode::AttestationMissing, why);
    }
    if unreadable {
        let why = "what is stored as attestations cannot be read".to_owned();
        return (ReasonCode::AttestationUnreadable, why);
    }
    let why = format!("none by key {key} was found");
    (ReasonCode::AttestationMissing, why)
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
