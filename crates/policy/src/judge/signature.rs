//! An authority that asks for a signature of the image.

use std::sync::Arc;

use countersign_evidence::{GapCause, ImageSignature, SeenKind, Step, Trusted};

use super::bench::Bench;
use super::findings::{Tally, attachments, could_not_look, count, unusable};
use super::place::Places;
use super::strangers::{Strangers, Whom, expected};
use super::{explain, of_authority};
use crate::ground::{Ground, GroundKind, Signed};
use crate::meaning::{Authority, Policy, SignedDemand, Signer};
use crate::reason::{Reason, ReasonCode};
use crate::verdict::{NonEmpty, Verdict};

pub(super) fn verdict(
    policy: &Arc<Policy>,
    authority: &Authority,
    demand: &SignedDemand,
    trusted: &Trusted,
    bench: &mut Bench<'_>,
) -> Verdict {
    let examined = bench.signatures(demand, trusted);
    let mut strangers = Strangers::default();
    let believed = strangers.sift(&examined.proofs, &demand.belief.signer, ImageSignature::signer);
    if let Some(signature) = believed.first() {
        let kind = GroundKind::Signed(Signed::assertion(signature, bench.lists_age()));
        return Verdict::Admit(NonEmpty::one(Ground::of_authority(kind, &policy.name, &authority.name)));
    }
    let places = Places::of(bench.evidence(), demand);
    let seen = bench.unverified();
    let tally = Tally::of(&examined.rejected, &seen, demand);
    let mut found = strangers.lines();
    found.extend(tally.lines(demand));
    found.extend(attachments(&seen, &places, SeenKind::Attestation));
    if let Some(cause) = could_not_look(&places, demand, bench, "signed") {
        let cause = cause.with_expected(expected(&demand.belief.signer)).with_found(found);
        return Verdict::Undecided(NonEmpty::one(of_authority(cause, policy, authority)));
    }
    found.extend(unusable(&places));
    let (code, what) = refusal(&tally, &strangers, &places, &demand.belief.signer);
    let reason = Reason::new(code, what)
        .with_expected(expected(&demand.belief.signer))
        .with_looked(bench.looked(&places))
        .with_found(found)
        .with_next(explain(policy, bench.image()));
    Verdict::Deny(NonEmpty::one(of_authority(reason, policy, authority)))
}

fn refusal(tally: &Tally, strangers: &Strangers, places: &Places<'_>, signer: &Signer) -> (ReasonCode, String) {
    let whom = Whom(signer);
    if let (Some(digest), Signer::Key { .. }) = (tally.other_images.first(), signer) {
        let what = format!("no matching signatures: {whom} signed {digest}, and not this image");
        return (ReasonCode::SignatureWrongImage, what);
    }
    // Before the others: the signature that is needed may be among those that were not looked at.
    let content = places.content_gaps();
    let too_many = content.iter().any(|gap| matches!(gap.cause, GapCause::TooMany { .. }));
    if tally.not_looked_at > 0 || too_many {
        let what = "no matching signatures: there are more signatures than are looked at".to_owned();
        return (ReasonCode::SignatureTooMany, what);
    }
    if let Some(nearest) = strangers.nearest() {
        let what = format!(
            "no matching signatures: none of the expected identities matched what was in the certificate, got {nearest}"
        );
        return (ReasonCode::SignatureIdentity, what);
    }
    if let Some((step, how)) = tally.nearest_break() {
        return (broken(step), format!("no matching signatures: {how}"));
    }
    if tally.other_keys > 0 {
        let found = count(
            tally.other_keys,
            "signature was found, not",
            "signatures were found, none of them",
        );
        return (
            ReasonCode::SignatureWrongKey,
            format!("no matching signatures: {found} by {whom}"),
        );
    }
    if tally.without_certificate > 0 {
        let found = count(
            tally.without_certificate,
            "signature was found, without a certificate, and one",
            "signatures were found, all without certificates, and one",
        );
        let what = format!("no matching signatures: {found} by {whom} is needed");
        return (ReasonCode::SignatureIdentity, what);
    }
    if let Some(digest) = tally.other_images.first() {
        let what = format!("no matching signatures: what was found is for {digest}, and not for this image");
        return (ReasonCode::SignatureWrongImage, what);
    }
    if !tally.unreadable.is_empty() || !content.is_empty() {
        let what = "no matching signatures: what is stored as a signature cannot be read".to_owned();
        return (ReasonCode::SignatureUnreadable, what);
    }
    let what = format!("no signatures found; one by {whom} is needed");
    (ReasonCode::ImageUnsigned, what)
}

/// The code of a signature whose chain of trust broke at a step.
fn broken(step: Step) -> ReasonCode {
    match step {
        Step::Log => ReasonCode::SignatureLog,
        Step::Timestamp => ReasonCode::SignatureTimestamp,
        Step::Certificate => ReasonCode::SignatureCertificate,
        Step::Sct => ReasonCode::SignatureSct,
        Step::Identity => ReasonCode::SignatureIdentity,
        Step::Form | Step::Signature | Step::Content => ReasonCode::SignatureUnreadable,
    }
}
