//! A judgement as JSON: the same document in the record, in `-o json` and in a saved case. Fields are only ever added.
//!
//! A record is written for each decision, so what goes into it is borrowed and written straight to text. Names are in the
//! order of the alphabet, as in every document of ours.

mod links;

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::OnceLock;

use countersign_admission::{FieldPath, Outcome};
use countersign_evidence::{Evidence, unverified_summary};
use countersign_policy::ground::Proof;
use countersign_policy::{Ground, GroundKind, Judgement, Reason, Ruling};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{cut_text, name};

/// All rulings about one image.
#[must_use]
pub fn judgement(judgement: &Judgement) -> Value {
    serde_json::to_value(Written::alone(judgement)).expect("names and texts are JSON")
}

/// A judgement about an image as it is written, with the fields that name the image where it was in an object.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<Shown<&'a FieldPath>>>,
    image: Cow<'a, str>,
    rulings: RulingsWritten<'a>,
    verdict: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RulingsWritten<'a> {
    Now(Vec<RulingWritten<'a>>),
    Before(&'a RawValue),
}

/// The rulings of one judgement as they are written, once they have been: most of a record is the same whenever the
/// judgement is used again.
#[derive(Debug, Default)]
pub struct Rulings(OnceLock<Box<RawValue>>);

impl Rulings {
    /// `judgement` is always the same.
    fn of(&self, judgement: &Judgement) -> &RawValue {
        self.0
            .get_or_init(|| serde_json::value::to_raw_value(&rulings(judgement)).expect("names and texts are JSON"))
    }
}

fn rulings(judgement: &Judgement) -> Vec<RulingWritten<'_>> {
    judgement.rulings().iter().map(RulingWritten::of).collect()
}

impl<'a> Written<'a> {
    fn alone(judgement: &'a Judgement) -> Self {
        Self {
            fields: None,
            image: name(judgement.image()),
            rulings: RulingsWritten::Now(rulings(judgement)),
            verdict: judgement.verdict().word(),
        }
    }

    /// With the rulings from before, where there may be some.
    pub(super) fn in_object(outcome: &'a Outcome, before: Option<&'a Rulings>) -> Self {
        let judgement = &*outcome.judgement;
        Self {
            fields: Some(outcome.paths.iter().map(Shown).collect()),
            image: name(&outcome.image),
            rulings: match before {
                Some(before) => RulingsWritten::Before(before.of(judgement)),
                None => RulingsWritten::Now(rulings(judgement)),
            },
            verdict: judgement.verdict().word(),
        }
    }
}

#[derive(Serialize)]
struct RulingWritten<'a> {
    enforcement: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grounds: Vec<GroundWritten<'a>>,
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<ReasonWritten<'a>>,
    verdict: &'static str,
}

impl<'a> RulingWritten<'a> {
    fn of(ruling: &'a Ruling) -> Self {
        Self {
            enforcement: ruling.enforcement().word(),
            grounds: ruling.verdict().grounds().map(GroundWritten::of).collect(),
            policy: ruling.policy(),
            reasons: ruling.verdict().reasons().map(ReasonWritten::of).collect(),
            verdict: ruling.verdict().word(),
        }
    }
}

#[derive(Serialize)]
struct ReasonWritten<'a> {
    authority: Option<&'a str>,
    code: &'static str,
    text: String,
}

impl<'a> ReasonWritten<'a> {
    fn of(reason: &'a Reason) -> Self {
        Self {
            authority: reason.authority(),
            code: reason.code().as_str(),
            text: cut_text(reason.to_string()),
        }
    }
}

#[derive(Serialize)]
struct GroundWritten<'a> {
    authority: Option<&'a str>,
    kind: &'static str,
    #[serde(rename = "listsAgeSeconds", skip_serializing_if = "Option::is_none")]
    lists_age_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proofs: Option<Vec<ProofWritten<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
    text: String,
}

impl<'a> GroundWritten<'a> {
    fn of(ground: &'a Ground) -> Self {
        let (proofs, stale) = match ground.kind() {
            GroundKind::Signed(signed) => (Some(vec![ProofWritten::of(signed.proof())]), Some(signed.stale())),
            GroundKind::Attested(attested) => (
                Some(attested.proofs().iter().map(ProofWritten::of).collect()),
                Some(attested.stale()),
            ),
            _ => (None, None),
        };
        Self {
            authority: ground.authority(),
            kind: ground.kind().word(),
            lists_age_seconds: ground.lists_age().map(|age| age.as_secs()),
            proofs,
            stale,
            text: cut_text(ground.to_string()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProofWritten<'a> {
    blob: Shown<&'a countersign_image::Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<links::CertificateWritten<'a>>,
    key: String,
    layout: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log_entries: Vec<links::EntryWritten<'a>>,
    manifest: Shown<&'a countersign_image::Digest>,
    predicate_type: Option<&'a str>,
    repository: Shown<&'a countersign_image::Repository>,
    scheme: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    times: Vec<links::TimeWritten<'a>>,
}

impl<'a> ProofWritten<'a> {
    fn of(proof: &'a Proof) -> Self {
        let (origin, chain) = (proof.origin(), proof.links());
        Self {
            blob: Shown(&origin.blob),
            certificate: chain.certified().map(links::CertificateWritten::of),
            key: proof.key().to_string(),
            layout: origin.layout.to_string(),
            log_entries: chain.logs().iter().map(links::EntryWritten::of).collect(),
            manifest: Shown(&origin.manifest),
            predicate_type: proof.predicate_type(),
            repository: Shown(&origin.repository),
            scheme: proof.scheme().to_string(),
            times: chain.times().iter().map(links::TimeWritten::of).collect(),
        }
    }
}

/// Something as it shows itself.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A record does not tell whether its verdict was reached just now.
    #[test]
    fn rulings_are_written_again_as_they_were_written_first() {
        let path = FieldPath::root()
            .field("spec")
            .field("containers")
            .index(1)
            .field("image");
        let outcome = Outcome {
            paths: vec![path],
            image: String::from("registry.example/app@sha256:00 \"quoted\"\n"),
            judgement: Arc::new(Judgement::nothing_to_judge("what", "a \"why\" of\ntwo lines")),
        };
        let text = |before| serde_json::to_string(&Written::in_object(&outcome, before)).unwrap();
        let now = text(None);
        assert!(now.contains(r#"a \"why\" of\ntwo lines"#), "{now}");
        let before = Rulings::default();
        assert_eq!((text(Some(&before)), text(Some(&before))), (now.clone(), now));
    }
}
