//! An authority that asks for a signature of the image.

use std::sync::Arc;

use countersign_evidence::{GapCause, SeenKind};

use super::bench::Bench;
use super::findings::{Tally, attachments, could_not_look, count, unusable};
use super::place::Places;
use super::{explain, of_authority};
use crate::ground::{Ground, GroundKind, Signed};
use crate::meaning::{Authority, KeyDemand, Policy};
use crate::reason::{Reason, ReasonCode};
use crate::verdict::{NonEmpty, Verdict};

pub(super) fn verdict(
    policy: &Arc<Policy>,
    authority: &Authority,
    demand: &KeyDemand,
    bench: &mut Bench<'_>,
) -> Verdict {
    let examined = bench.signatures(demand);
    if let Some(signature) = examined.proofs.first() {
        let kind = GroundKind::Signed(Signed::assertion(signature, bench.lists_age()));
        return Verdict::Admit(NonEmpty::one(Ground::of_authority(kind, &policy.name, &authority.name)));
    }
    let places = Places::of(bench.evidence(), demand);
    let seen = bench.unverified();
    let tally = Tally::of(&examined.rejected, &seen);
    let mut found = tally.lines();
    found.extend(attachments(&seen, &places, SeenKind::Attestation));
    if let Some(cause) = could_not_look(&places, demand, bench, "signed") {
        return Verdict::Undecided(NonEmpty::one(of_authority(cause.with_found(found), policy, authority)));
    }
    found.extend(unusable(&places));
    let (code, what) = refusal(&tally, &places, demand);
    let reason = Reason::new(code, what)
        .with_looked(bench.looked(&places))
        .with_found(found)
        .with_next(explain(policy, bench.image()));
    Verdict::Deny(NonEmpty::one(of_authority(reason, policy, authority)))
}

fn refusal(tally: &Tally, places: &Places<'_>, demand: &KeyDemand) -> (ReasonCode, String) {
    let key = demand.key.fingerprint();
    if let Some(digest) = tally.other_images.first() {
        let what = format!("no matching signatures: key {key} signed {digest}, and not this image");
        return (ReasonCode::SignatureWrongImage, what);
    }
    // Before the others: the signature that is needed may be among those that were not looked at.
    let content = places.content_gaps();
    let too_many = content.iter().any(|gap| matches!(gap.cause, GapCause::TooMany { .. }));
    if tally.not_looked_at > 0 || too_many {
        let what = "no matching signatures: there are more signatures than are looked at".to_owned();
        return (ReasonCode::SignatureTooMany, what);
    }
    if tally.other_keys > 0 {
        let found = count(
            tally.other_keys,
            "signature was found, not",
            "signatures were found, none of them",
        );
        let what = format!("no matching signatures: {found} by key {key}");
        return (ReasonCode::SignatureWrongKey, what);
    }
    if !tally.unreadable.is_empty() || !content.is_empty() {
        let what = "no matching signatures: what is stored as a signature cannot be read".to_owned();
        return (ReasonCode::SignatureUnreadable, what);
    }
    let what = format!("no signatures found; one by key {key} is needed");
    (ReasonCode::ImageUnsigned, what)
}
