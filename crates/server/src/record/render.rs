//! A judgement as JSON: the same document in the record, in `-o json` and in a saved case. Fields are only ever added.

use countersign_evidence::{Evidence, unverified_summary};
use countersign_policy::ground::Proof;
use countersign_policy::{Ground, GroundKind, Judgement, Reason, Ruling};
use serde_json::{Value, json};

use super::{name, text};

/// All rulings about one image.
#[must_use]
pub fn judgement(judgement: &Judgement) -> Value {
    json!({
        "image": name(judgement.image()),
        "verdict": judgement.verdict().word(),
        "rulings": judgement.rulings().iter().map(ruling).collect::<Vec<_>>(),
    })
}

fn ruling(ruling: &Ruling) -> Value {
    let mut document = json!({
        "policy": ruling.policy(),
        "enforcement": ruling.enforcement().word(),
        "verdict": ruling.verdict().word(),
    });
    let grounds: Vec<_> = ruling.verdict().grounds().map(ground).collect();
    let reasons: Vec<_> = ruling.verdict().reasons().map(reason).collect();
    if !grounds.is_empty() {
        document["grounds"] = json!(grounds);
    }
    if !reasons.is_empty() {
        document["reasons"] = json!(reasons);
    }
    document
}

fn reason(reason: &Reason) -> Value {
    json!({ "code": reason.code().as_str(), "authority": reason.authority(), "text": text(&reason.to_string()) })
}

fn ground(ground: &Ground) -> Value {
    let mut document =
        json!({ "kind": ground.kind().word(), "authority": ground.authority(), "text": text(&ground.to_string()) });
    match ground.kind() {
        GroundKind::Signed(signed) => {
            document["proofs"] = json!([proof(signed.proof())]);
            document["stale"] = json!(signed.stale());
        }
        GroundKind::Attested(attested) => {
            document["proofs"] = json!(attested.proofs().iter().map(proof).collect::<Vec<_>>());
            document["stale"] = json!(attested.stale());
        }
        _ => {}
    }
    if let Some(age) = ground.lists_age() {
        document["listsAgeSeconds"] = json!(age.as_secs());
    }
    document
}

fn proof(proof: &Proof) -> Value {
    let origin = proof.origin();
    json!({
        "key": proof.key().to_string(),
        "scheme": proof.scheme().to_string(),
        "predicateType": proof.predicate_type(),
        "layout": origin.layout.to_string(),
        "repository": origin.repository.to_string(),
        "manifest": origin.manifest.to_string(),
        "blob": origin.blob.to_string(),
    })
}

/// What was looked at, what was seen there (unverified) and what could not be obtained.
#[must_use]
pub fn evidence(evidence: &Evidence) -> Value {
    json!({
        "asOf": evidence.as_of.to_string(),
        "stale": evidence.stale,
        "looked": evidence.looked.iter().map(|look| json!({
            "repository": look.repository.to_string(),
            "place": look.place.describe(&evidence.image),
            "found": look.found,
        })).collect::<Vec<_>>(),
        "unverified": unverified_summary(evidence).iter().map(|seen| json!({
            "kind": seen.kind.word(),
            "predicateType": seen.unverified_predicate_type,
            "layout": seen.origin.layout.to_string(),
            "repository": seen.origin.repository.to_string(),
            "manifest": seen.origin.manifest.to_string(),
            "blob": seen.origin.blob.to_string(),
        })).collect::<Vec<_>>(),
        "gaps": evidence.gaps.iter().map(|gap| json!({
            "repository": gap.repository.to_string(),
            "place": gap.place.describe(&evidence.image),
            "cause": gap.cause.to_string(),
        })).collect::<Vec<_>>(),
    })
}
