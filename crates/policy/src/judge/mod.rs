//! Judging: evidence, policies and a time in; a judgement out.
//!
//! Every governing policy has to be satisfied. One of its authorities is enough; all attestations of one authority are
//! needed, each by that authority's key or by one of its identities; and only what lies where the authority says it has to lie counts. An authority
//! that is not satisfied while something in one of its places could not be obtained might have been satisfied by that:
//! then the policy is undecided, not denied.

mod attestation;
mod bench;
mod findings;
mod place;
mod signature;
mod strangers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use countersign_evidence::Evidence;
use countersign_image::Pinned;
use jiff::Timestamp;

use self::bench::Bench;
use crate::ground::{Ground, GroundKind};
use crate::meaning::{Authority, Demand, Enforcement, Policy, Trust, Unsupported};
use crate::reason::{Reason, ReasonCode};
use crate::set::{Broken, Governing, InForce, NoMatch};
use crate::verdict::{Judgement, NonEmpty, Ruling, Verdict};

/// Judges an image by the policies that govern it. `now` is the time of the decision, for how old the evidence is.
pub fn judge(evidence: &Evidence, governing: &Governing, now: Timestamp) -> Judgement {
    let mut bench = Bench::of(evidence, now);
    let rulings = governing.entries().iter().map(|entry| match entry {
        InForce::Policy(policy) => {
            let verdict = policy_verdict(policy, &mut bench);
            Ruling::new(Some(policy.name.clone()), policy.enforcement, verdict)
        }
        InForce::Broken(broken) => broken_ruling(broken),
    });
    let rulings = NonEmpty::from_vec(rulings.collect());
    let image = &evidence.image;
    let rulings = rulings.unwrap_or_else(|| NonEmpty::one(unmatched(image, governing.no_match())));
    Judgement::new(image.written(), rulings)
}

/// The judgement where evidence could not be gathered at all: every policy that governs is undecided for this cause.
pub fn undecided(image: impl Into<String>, governing: &Governing, cause: Reason) -> Judgement {
    let ruling = |entry: &InForce| {
        let (policy, enforcement) = match entry {
            InForce::Policy(policy) => (Some(policy.name.clone()), policy.enforcement),
            InForce::Broken(broken) => (broken.name.clone(), Enforcement::Enforce),
        };
        let cause = match &policy {
            Some(policy) => cause.clone().with_policy(policy.clone()),
            None => cause.clone(),
        };
        Ruling::new(policy, enforcement, Verdict::Undecided(NonEmpty::one(cause)))
    };
    let rulings = NonEmpty::from_vec(governing.entries().iter().map(ruling).collect());
    let rulings = rulings.unwrap_or_else(|| {
        let enforcement = match governing.no_match() {
            NoMatch::Deny => Enforcement::Enforce,
            NoMatch::Warn | NoMatch::Allow => Enforcement::Warn,
        };
        let verdict = Verdict::Undecided(NonEmpty::one(cause.clone()));
        NonEmpty::one(Ruling::new(None, enforcement, verdict))
    });
    Judgement::new(image.into(), rulings)
}

/// One authority is enough; failing that, one that could not be told leaves the policy undecided.
fn policy_verdict(policy: &Arc<Policy>, bench: &mut Bench<'_>) -> Verdict {
    let mut denied = Vec::new();
    let mut undecided = Vec::new();
    for authority in cheapest_first(&policy.authorities) {
        match authority_verdict(policy, authority, bench) {
            Verdict::Admit(grounds) => return with_rest_of_policy(policy, Verdict::Admit(grounds)),
            Verdict::Deny(reasons) => denied.extend(reasons.iter().cloned()),
            Verdict::Undecided(causes) => undecided.extend(causes.iter().cloned()),
        }
    }
    let undecided_first = NonEmpty::from_vec(undecided).map(Verdict::Undecided);
    undecided_first
        .or_else(|| NonEmpty::from_vec(denied).map(Verdict::Deny))
        .unwrap_or_else(|| Verdict::Deny(NonEmpty::one(no_authorities(policy))))
}

/// What is known without looking at evidence comes before what is not.
fn cheapest_first(authorities: &[Authority]) -> impl Iterator<Item = &Authority> {
    let looks = |authority: &&Authority| matches!(authority.demand, Demand::Signed(_));
    let fixed = authorities.iter().filter(move |authority| !looks(authority));
    fixed.chain(authorities.iter().filter(looks))
}

fn authority_verdict(policy: &Arc<Policy>, authority: &Authority, bench: &mut Bench<'_>) -> Verdict {
    match &authority.demand {
        Demand::StaticPass => {
            let ground = Ground::of_authority(GroundKind::Static, &policy.name, &authority.name);
            Verdict::Admit(NonEmpty::one(ground))
        }
        Demand::StaticFail { message } => {
            let what = match message {
                Some(message) => format!("disallowed by static policy: {message}"),
                None => "disallowed by static policy".to_owned(),
            };
            let reason = of_authority(Reason::new(ReasonCode::PolicyStaticFail, what), policy, authority);
            Verdict::Deny(NonEmpty::one(reason))
        }
        Demand::Unsupported(list) => {
            let reason = of_authority(unsupported(list), policy, authority);
            Verdict::Undecided(NonEmpty::one(reason.with_next(check(policy))))
        }
        Demand::Signed(demand) => match &demand.belief.trust {
            Trust::Known(trusted) if demand.attestations.is_empty() => {
                signature::verdict(policy, authority, demand, trusted, bench)
            }
            Trust::Known(trusted) => attestation::verdict(policy, authority, demand, trusted, bench),
            Trust::Unknown { path, why } => not_at_hand(policy, authority, path, why),
            Trust::Unresolved => not_at_hand(policy, authority, "spec.authorities", "nobody looked for it"),
        },
    }
}

/// Nobody can say whether a signature counts by a trust root that is not there.
fn not_at_hand(policy: &Policy, authority: &Authority, path: &str, why: &str) -> Verdict {
    let what = format!("the trust root that the policy names (`{path}`) is not at hand: {why}");
    let reason = of_authority(Reason::new(ReasonCode::PolicyTrustRoot, what), policy, authority);
    Verdict::Undecided(NonEmpty::one(if policy.by_hand {
        reason
    } else {
        reason.with_next(format!(
            "{}; where it could not be obtained, see the door's log and its metric `countersign_trust_root_usable`",
            check(policy)
        ))
    }))
}

/// An expression over the whole policy could still turn an image away, and this version cannot ask it.
fn with_rest_of_policy(policy: &Arc<Policy>, admitted: Verdict) -> Verdict {
    if policy.unsupported.is_empty() {
        return admitted;
    }
    let reason = unsupported(&policy.unsupported).with_policy(policy.name.clone());
    Verdict::Undecided(NonEmpty::one(reason.with_next(check(policy))))
}

fn unsupported(list: &[Unsupported]) -> Reason {
    let items: Vec<String> = list
        .iter()
        .map(|Unsupported { path, what }| format!("{what} (`{path}`)"))
        .collect();
    let what = format!(
        "the policy asks for {}, which this version cannot check",
        items.join(" and ")
    );
    Reason::new(ReasonCode::PolicyUnsupported, what)
}

/// No document is read into a policy without authorities; if one came about nevertheless, nothing would satisfy it.
fn no_authorities(policy: &Policy) -> Reason {
    let what = "the policy has no authorities, so nothing can satisfy it";
    Reason::new(ReasonCode::PolicyUnreadable, what).with_policy(policy.name.clone())
}

fn broken_ruling(broken: &Arc<Broken>) -> Ruling {
    let first = broken.errors.first().map(ToString::to_string).unwrap_or_default();
    let what = match broken.errors.len() {
        0 | 1 => format!("the policy cannot be read: {first}"),
        count => format!("the policy cannot be read: {first} (and {} more)", count - 1),
    };
    let mut reason = Reason::new(ReasonCode::PolicyUnreadable, what)
        .with_next(format!("countersign policy check {}", word(&broken.file)));
    if let Some(name) = &broken.name {
        reason = reason.with_policy(name.clone());
    }
    let verdict = Verdict::Undecided(NonEmpty::one(reason));
    Ruling::new(broken.name.clone(), Enforcement::Enforce, verdict)
}

fn unmatched(image: &Pinned, no_match: NoMatch) -> Ruling {
    let denied = || {
        let reason = Reason::new(
            ReasonCode::PolicyNoneMatched,
            format!("no matching policies for {image}"),
        )
        .with_next("add a policy whose `images` match it, and try it with `countersign policy test`");
        Verdict::Deny(NonEmpty::one(reason))
    };
    match no_match {
        NoMatch::Deny => Ruling::new(None, Enforcement::Enforce, denied()),
        NoMatch::Warn => Ruling::new(None, Enforcement::Warn, denied()),
        NoMatch::Allow => {
            let grounds = NonEmpty::one(Ground::not_governed());
            Ruling::new(None, Enforcement::Enforce, Verdict::Admit(grounds))
        }
    }
}

fn of_authority(reason: Reason, policy: &Policy, authority: &Authority) -> Reason {
    let reason = reason
        .with_policy(policy.name.clone())
        .with_authority(authority.name.clone());
    if policy.by_hand {
        return reason.of_a_key_by_hand();
    }
    reason
}

/// The command that says what is wrong with a policy.
fn check(policy: &Policy) -> String {
    format!("countersign policy check {}", word(&policy.source.file))
}

/// The command that shows the whole reasoning about an image.
fn explain(policy: &Policy, image: &Pinned) -> String {
    if policy.by_hand {
        return format!("countersign tree {image}");
    }
    format!("countersign explain {image} --policy {}", word(&policy.source.file))
}

/// A file name as one word of a shell.
fn word(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+@%:,=".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
