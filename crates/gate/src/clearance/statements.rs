//! The statements of a clearance, word by word.

use std::collections::{BTreeMap, BTreeSet};

use countersign_evidence::ToBeSigned;
use countersign_image::{Digest, Pinned, Reference, Tag};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::reports::{self, Body};
use super::{Clearance, Cleared, Content, KeyRole, Kind, Opening, Refusal};
use crate::check::{Outcome, Status, ask, opens};
use crate::document::{Attest, Gate, Proof, Publish};
use crate::report::{Class, Format};
use crate::span;

/// SLSA's verification summary (`slsa.dev/spec/v1.2/verification_summary`).
pub(super) const VSA: &str = "https://slsa.dev/verification_summary/v1";
/// `spec/predicates/svr.md` of `in-toto/attestation`.
pub(super) const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
/// What we say besides, under a name that is a URI, as the specification asks.
const EXTENSION: &str = "https://countersign.dev/ext/v1";

pub(super) fn open(opening: &Opening<'_>) -> Result<Clearance, Refusal> {
    let gate = opening.gate;
    // 1. The gate is asked here and now: nobody hands in what came of it.
    let outcomes = ask(gate, opening.submitted, opening.now);
    if !opens(&outcomes) {
        return Err(Refusal::Closed {
            gate: gate.name.clone(),
            outcomes,
        });
    }
    // 2. Where to, and until when.
    let publish = gate.publish.as_ref().ok_or_else(|| unsaid(gate, "publish"))?;
    let places = Places::of(opening);
    let destination = places.destination(publish)?;
    let tags = places.tags(publish)?;
    let valid_until = valid_until(opening)?;
    // 3. What is said, each thing once; nothing is said of a check that is not passed.
    let decided = Decided {
        opening,
        outcomes: &outcomes,
        destination: &destination,
        valid_until,
    };
    let mut statements = decided.signatures(publish);
    let wanted = |attest: Attest| publish.attest.contains(&attest);
    let mut attested = Vec::new();
    if wanted(Attest::Vsa) {
        let until = valid_until.ok_or_else(|| unsaid(gate, "validity"))?;
        attested.push((Kind::Vsa, VSA, decided.vsa(until)));
    }
    if wanted(Attest::Svr) {
        attested.push((Kind::Svr, SVR, decided.svr()));
    }
    let mut attested: Vec<(Kind, &'static str, String)> = attested
        .into_iter()
        .map(|(kind, predicate_type, predicate)| (kind, predicate_type, predicate.to_string()))
        .collect();
    let body = Body::of(opening)?;
    if wanted(Attest::Vulns) {
        attested.extend(reports::vulnerabilities(opening, &outcomes, &body));
    }
    if wanted(Attest::Sbom) {
        attested.extend(reports::contents(opening, &outcomes, &body)?);
    }
    if wanted(Attest::Tests) {
        attested.extend(reports::results(opening, &outcomes, &decided.policy()));
    }
    statements.extend(attested.into_iter().map(|(kind, predicate_type, predicate)| Cleared {
        kind,
        key: KeyRole::Attest,
        key_name: publish.keys.attestations.clone(),
        predicate_type: Some(predicate_type),
        content: Content::Predicate(predicate),
    }));
    let copies = match wanted(Attest::ProvenanceCopy) {
        true => copies(opening),
        false => Vec::new(),
    };
    Ok(Clearance {
        destination,
        tags,
        outcomes,
        statements,
        copies,
        valid_until,
    })
}

pub(super) fn to_be_signed(destination: &Pinned, cleared: &Cleared) -> ToBeSigned {
    match &cleared.content {
        Content::Simple(annotations) => ToBeSigned::simple(destination, annotations),
        Content::Sign(annotations) => ToBeSigned::cosign_sign(destination, annotations),
        Content::Predicate(predicate) => {
            let predicate_type = cleared.predicate_type.unwrap_or_default();
            let predicate: &RawValue = serde_json::from_str(predicate).expect("a predicate was written as JSON");
            ToBeSigned::cleared(destination, predicate_type, predicate)
        }
    }
}

fn unsaid(gate: &Gate, what: &'static str) -> Refusal {
    Refusal::Unsaid {
        gate: gate.name.clone(),
        what,
    }
}

fn valid_until(opening: &Opening<'_>) -> Result<Option<Timestamp>, Refusal> {
    let Some(validity) = opening.gate.validity else {
        return Ok(None);
    };
    let too_long = || Refusal::TooLong { validity };
    let span = SignedDuration::try_from(validity).map_err(|_| too_long())?;
    opening.now.checked_add(span).map(Some).map_err(|_| too_long())
}

/// The slots of provenances that their builders signed.
fn copies(opening: &Opening<'_>) -> Vec<String> {
    let is_signed = |format| matches!(format, Format::Envelope | Format::Bundle);
    let evidence = opening.submitted.evidence.iter().filter(|evidence| {
        let mut digests = evidence.report.subject.digests.iter();
        evidence.proof >= Proof::E3
            && digests.any(|digest| opening.submitted.closure.names(digest))
            && evidence.report.classes.contains(&Class::Provenance)
            && is_signed(evidence.report.format)
    });
    let slots: BTreeSet<String> = evidence.map(|evidence| evidence.slot.to_owned()).collect();
    slots.into_iter().collect()
}

/// What a template's places are filled with.
struct Places {
    path: String,
    name: String,
    tag: Option<String>,
    digest: Digest,
    digest12: String,
}

impl Places {
    fn of(opening: &Opening<'_>) -> Self {
        let image = opening.submitted.image;
        let path = image.repository.path().to_owned();
        let digest = opening.submitted.closure.digest;
        Self {
            name: path.rsplit('/').next().unwrap_or(&path).to_owned(),
            path,
            tag: image.tag.as_ref().map(|tag| tag.as_str().to_owned()),
            digest,
            digest12: digest.hex().chars().take(12).collect(),
        }
    }

    fn named(&self) -> BTreeMap<&str, &str> {
        let tag = self.tag.as_deref().map(|tag| ("tag", tag));
        let known = [
            ("name", self.name.as_str()),
            ("path", self.path.as_str()),
            ("digest12", self.digest12.as_str()),
        ];
        known.into_iter().chain(tag).collect()
    }

    fn destination(&self, publish: &Publish) -> Result<Pinned, Refusal> {
        let written = publish.to.filled(&self.named()).unwrap_or_default();
        let place = || Refusal::Place {
            what: "repository",
            found: countersign_image::text::excerpt(&written, 200),
        };
        // A name that carries a tag or a digest of its own is no repository.
        let reference = Reference::parse(&written).map_err(|_| place())?;
        if reference.tag().is_some() || reference.digest().is_some() {
            return Err(place());
        }
        let pinned = Reference::parse(&format!("{written}@{}", self.digest)).ok();
        pinned.and_then(|reference| reference.pinned()).ok_or_else(place)
    }

    /// The tags; one that asks for the submitted tag is left out where there was none.
    fn tags(&self, publish: &Publish) -> Result<Vec<Tag>, Refusal> {
        let named = self.named();
        let written = publish.tags.iter().filter_map(|template| template.filled(&named));
        let tags: BTreeSet<String> = written.collect();
        let tags = tags.into_iter().map(|written| {
            let tag = Tag::parse(&written).ok().filter(|_| !is_of_signatures(&written));
            tag.ok_or_else(|| Refusal::Place {
                what: "tag",
                found: countersign_image::text::excerpt(&written, 200),
            })
        });
        tags.collect()
    }
}

/// Whether a tag is one under which signatures, attestations or lists of referrers are looked for: `sha256-…`, `sha256-….sig`
/// (cosign; OCI distribution specification, "Referrers Tag Schema"). Whoever has it has a say in what another image's are.
fn is_of_signatures(tag: &str) -> bool {
    let lower = tag.to_ascii_lowercase();
    let algorithms = ["sha256-", "sha384-", "sha512-"];
    let rest = algorithms.iter().find_map(|algorithm| lower.strip_prefix(algorithm));
    rest.is_some_and(|rest| {
        let hex = rest.split('.').next().unwrap_or_default();
        !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// What was decided, in the words of several statements.
struct Decided<'a> {
    opening: &'a Opening<'a>,
    outcomes: &'a [Outcome],
    destination: &'a Pinned,
    valid_until: Option<Timestamp>,
}

impl Decided<'_> {
    /// The signature, for readers of cosign 2 and of cosign 3.
    fn signatures(&self, publish: &Publish) -> Vec<Cleared> {
        let mut annotations = publish.annotations.clone();
        // Ours come last: no gate writes over them.
        annotations.insert("policy".to_owned(), self.opening.gate.digest.to_string());
        annotations.insert("submission".to_owned(), self.opening.submission.to_owned());
        let of = |kind, predicate_type, content| Cleared {
            kind,
            key: KeyRole::Release,
            key_name: publish.keys.signature.clone(),
            predicate_type,
            content,
        };
        vec![
            of(Kind::Simple, None, Content::Simple(annotations.clone())),
            of(
                Kind::Sign,
                Some(countersign_evidence::predicate::COSIGN_SIGN),
                Content::Sign(annotations),
            ),
        ]
    }

    /// The gate, as what was verified against.
    fn policy(&self) -> Value {
        let gate = self.opening.gate;
        let uri = format!("{}/{}", self.opening.verifier.gates.trim_end_matches('/'), gate.name);
        json!({"uri": uri, "digest": {gate.digest.algorithm().name(): gate.digest.hex()}})
    }

    fn vsa(&self, until: Timestamp) -> Value {
        let opening = self.opening;
        let mut said = json!({
            "verifier": {
                "id": opening.verifier.id,
                "version": {"countersign": opening.verifier.version},
            },
            "timeVerified": whole_second(opening.now),
            "resourceUri": self.resource_uri(),
            "policy": self.policy(),
            "inputAttestations": reports::inputs(opening),
            "verificationResult": "PASSED",
            "verifiedLevels": self.properties("SLSA_BUILD_LEVEL_UNEVALUATED"),
            "slsaVersion": "1.2",
        });
        let mut extension = json!({
            "submission": opening.submission,
            "validUntil": whole_second(until),
            "commitLink": opening.submitted.commit_link().name(),
        });
        for (name, value) in [
            ("viewDigest", json!(opening.view_digest)),
            ("logIndex", json!(opening.log_index)),
            ("commit", json!(opening.submitted.commit)),
        ] {
            if !value.is_null() {
                extension[name] = value;
            }
        }
        if !opening.gate.controls.is_empty() {
            extension["controls"] = json!(opening.gate.controls);
        }
        said[EXTENSION] = extension;
        said
    }

    fn svr(&self) -> Value {
        let mut said = json!({
            "verifier": {"id": self.opening.verifier.id, "policies": [self.policy()]},
            "timeCreated": whole_second(self.opening.now),
            "properties": self.properties(None),
        });
        if let Some(until) = self.valid_until {
            said[EXTENSION] = json!({"submission": self.opening.submission, "validUntil": whole_second(until)});
        }
        said
    }

    /// The image by the repository that it is published to: what a reader compares, so that nobody shows this for a copy
    /// elsewhere.
    fn resource_uri(&self) -> String {
        let destination = self.destination;
        format!("{}@{}", destination.repository().policy_name(), destination.digest())
    }

    /// What is so, in words for policies: of each class of which every check was passed.
    fn properties(&self, first: impl Into<Option<&'static str>>) -> Vec<String> {
        let mut held: BTreeMap<Class, bool> = BTreeMap::new();
        let mut properties: BTreeSet<String> = BTreeSet::new();
        for check in &self.opening.gate.checks {
            let passed = self.passed(&check.id);
            for choice in check.choices().iter().take(1).filter(|_| check.one_of.is_empty()) {
                *held.entry(choice.class).or_insert(true) &= passed;
            }
            if passed
                && check.class == Some(Class::Vulnerabilities)
                && let Some(age) = check.max_age
            {
                let within = span::written(age).to_ascii_uppercase();
                properties.insert(format!("COUNTERSIGN_VULNERABILITIES_SCANNED_WITHIN_{within}"));
            }
            if passed && !check.asks_for_reports() {
                properties.insert(format!("COUNTERSIGN_CHECK_{}_PASSED", word(&check.id)));
            }
        }
        let classes = held.into_iter().filter(|(_, passed)| *passed);
        properties.extend(classes.map(|(class, _)| format!("COUNTERSIGN_{}_PASSED", word(class.name()))));
        first.into().map(str::to_owned).into_iter().chain(properties).collect()
    }

    fn passed(&self, check: &str) -> bool {
        let mut outcomes = self.outcomes.iter().filter(|outcome| outcome.check == check);
        outcomes.all(|outcome| outcome.status == Status::Passed)
    }
}

/// `ai-review` as `AI_REVIEW`.
fn word(text: &str) -> String {
    let upper = |character: char| match character.to_ascii_uppercase() {
        character if character.is_ascii_alphanumeric() => character,
        _ => '_',
    };
    text.chars().map(upper).collect()
}

/// RFC 3339, in whole seconds.
pub(super) fn whole_second(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
    whole.to_string()
}
