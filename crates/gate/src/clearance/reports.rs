//! What is attested of reports: what was found, what is in the image, what passed, and where the rest is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use countersign_image::Digest;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::statements::whole_second;
use super::{Kind, Opening, Refusal};
use crate::check::{Evidence, Outcome, Status};
use crate::finding::Finding;
use crate::report::{Class, Completeness, Format};
use crate::severity::Severity;

/// `spec/predicates/vulns_02.md` of `in-toto/attestation`.
const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
/// `specs/COSIGN_VULN_ATTESTATION_SPEC.md` of cosign.
const COSIGN_VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
/// cosign's names of what is in an image.
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const SPDX: &str = "https://spdx.dev/Document";
/// `spec/predicates/test-result.md` of `in-toto/attestation`.
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// `spec/predicates/reference.md` of `in-toto/attestation`.
const REFERENCE: &str = "https://in-toto.io/attestation/reference/v0.1";

/// Readers stop at fifty referrers of an image: of each kind so many, and the rest by its digest.
const MAX_OF_A_KIND: usize = 2;
/// Readers stop at ten megabytes of a bundle, in which these bytes are written with a third more.
const MAX_CONTENTS: usize = 6 * 1024 * 1024;
/// A scanner's own report that is attested whole, in bytes.
const MAX_RESULT: usize = 1024 * 1024;
/// The most findings of one statement.
const MAX_FINDINGS: usize = 10_000;

type Attested = (Kind, &'static str, String);

/// The bytes of the reports, each compared with what was handed in.
pub(super) struct Body<'a> {
    by_slot: BTreeMap<&'a str, &'a [u8]>,
}

impl<'a> Body<'a> {
    pub(super) fn of(opening: &Opening<'a>) -> Result<Self, Refusal> {
        let mut by_slot = BTreeMap::new();
        for evidence in opening.submitted.evidence {
            let Some(bytes) = opening.bodies.get(evidence.slot) else {
                continue;
            };
            if !evidence.digest.matches(bytes) {
                return Err(Refusal::Body {
                    slot: evidence.slot.to_owned(),
                    expected: evidence.digest,
                });
            }
            by_slot.insert(evidence.slot, *bytes);
        }
        Ok(Self { by_slot })
    }

    /// The document in a slot, if it is JSON of at most so many bytes.
    fn json(&self, slot: &str, limit: usize) -> Option<&'a RawValue> {
        let bytes = self.by_slot.get(slot).filter(|bytes| bytes.len() <= limit)?;
        let text = std::str::from_utf8(bytes).ok()?;
        serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
    }
}

/// The reports of a class that are about this image, that their tools finished, and upon which a check of the class rests that
/// was passed: what no check asked for, or accepted, is not said by us. Those that found most come first, so that nothing is
/// hidden behind a report that found nothing.
fn about_image<'a>(opening: &'a Opening<'_>, outcomes: &[Outcome], class: Class) -> Vec<&'a Evidence<'a>> {
    let of_class = |outcome: &&Outcome| {
        let mut checks = opening.gate.checks.iter().filter(|check| check.id == outcome.check);
        checks.any(|check| check.choices().iter().any(|choice| choice.class == class))
    };
    let passed = outcomes.iter().filter(|outcome| outcome.status == Status::Passed);
    let sound: BTreeSet<&str> = passed
        .filter(of_class)
        .flat_map(|outcome| outcome.sound.iter().map(String::as_str))
        .collect();
    let mut about: Vec<&Evidence<'_>> = opening
        .submitted
        .evidence
        .iter()
        .filter(|evidence| {
            let report = evidence.report;
            sound.contains(evidence.slot)
                && report.classes.contains(&class)
                && report.completeness == Completeness::Ran
                && report
                    .subject
                    .digests
                    .iter()
                    .any(|digest| opening.submitted.closure.names(digest))
        })
        .collect();
    about.sort_by_key(|evidence| {
        let found = evidence.report.findings.len() + evidence.report.components.unwrap_or(0);
        (Reverse(found), evidence.slot)
    });
    about
}

/// Everything that was weighed: the field lists all, or is left out.
pub(super) fn inputs(opening: &Opening<'_>) -> Value {
    let mut evidence: Vec<&Evidence<'_>> = opening.submitted.evidence.iter().collect();
    evidence.sort_by_key(|evidence| evidence.slot);
    let inputs = evidence.iter().map(|evidence| {
        json!({"uri": format!("cas:{}#{}", evidence.digest, evidence.slot), "digest": digest_set(&evidence.digest)})
    });
    Value::Array(inputs.collect())
}

pub(super) fn vulnerabilities(opening: &Opening<'_>, outcomes: &[Outcome], body: &Body<'_>) -> Vec<Attested> {
    let mut attested = Vec::new();
    for (at, evidence) in about_image(opening, outcomes, Class::Vulnerabilities)
        .iter()
        .take(MAX_OF_A_KIND)
        .enumerate()
    {
        let slot = evidence.slot.to_owned();
        attested.push((Kind::Vulns(slot.clone()), VULNS, vulns(evidence)));
        if at == 0 {
            attested.push((Kind::CosignVuln(slot), COSIGN_VULN, cosign_vuln(evidence, body)));
        }
    }
    attested
}

fn scanner(evidence: &Evidence<'_>) -> Value {
    let report = evidence.report;
    let tool = report.tools.first();
    let mut scanner = json!({
        "uri": tool.map_or("unknown", |tool| tool.name.as_str()),
        "version": tool.and_then(|tool| tool.version.as_deref()).unwrap_or_default(),
        "db": {},
    });
    if let Some(time) = report.database_time {
        scanner["db"] = json!({"lastUpdate": whole_second(time)});
    }
    scanner
}

/// When the scan ended, by the tool's word or else by when it came; what began it nobody says.
fn metadata(evidence: &Evidence<'_>) -> Value {
    let ended = whole_second(evidence.report.time.unwrap_or(evidence.received));
    json!({"scanStartedOn": ended, "scanFinishedOn": ended})
}

fn vulns(evidence: &Evidence<'_>) -> String {
    let mut scanner = scanner(evidence);
    let found = &evidence.report.findings;
    let found = found.iter().filter(|finding| finding.class == Class::Vulnerabilities);
    scanner["result"] = Value::Array(found.take(MAX_FINDINGS).map(of_finding).collect());
    json!({"scanner": scanner, "metadata": metadata(evidence)}).to_string()
}

fn of_finding(finding: &Finding) -> Value {
    let mut said = json!({"id": finding.canonical()});
    if let Some(severity) = finding.severity {
        said["severity"] = json!([{"method": "countersign", "score": severity.name()}]);
    }
    let mut annotations = serde_json::Map::new();
    let package = finding.package.as_ref();
    let texts = [
        ("package", package.map(|package| package.name.as_str())),
        ("version", package.and_then(|package| package.version.as_deref())),
        ("purl", package.and_then(|package| package.purl.as_deref())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            annotations.insert(name.to_owned(), json!(text));
        }
    }
    if !annotations.is_empty() {
        said["annotations"] = json!([annotations]);
    }
    said
}

fn cosign_vuln(evidence: &Evidence<'_>, body: &Body<'_>) -> String {
    let of_scanner = matches!(evidence.report.format, Format::Trivy | Format::Grype | Format::Sarif);
    let whole = of_scanner.then(|| body.json(evidence.slot, MAX_RESULT)).flatten();
    let summary = || {
        let count = |severity| {
            let found = evidence.report.findings.iter();
            found.filter(|finding| finding.severity == severity).count()
        };
        let severities = [
            Severity::Critical,
            Severity::High,
            Severity::Medium,
            Severity::Low,
            Severity::Info,
        ];
        let mut counts: BTreeMap<&str, usize> = severities
            .into_iter()
            .map(|severity| (severity.name(), count(Some(severity))))
            .collect();
        counts.insert("unknown", count(None));
        json!({"digest": evidence.digest.to_string(), "findings": counts}).to_string()
    };
    let result = whole.map_or_else(summary, |whole| whole.get().to_owned());
    let mut scanner = scanner(evidence);
    let version = scanner["version"].take();
    // What the scanner wrote is signed as it wrote it: only what is around it is written here.
    format!(
        r#"{{"invocation":{{"parameters":null,"uri":"","event_id":"","builder.id":""}},"scanner":{{"uri":{},"version":{version},"db":{},"result":{result}}},"metadata":{}}}"#,
        scanner["uri"],
        scanner["db"],
        metadata(evidence),
    )
}

/// The lists of contents, whole. One that cannot be is no reason to say nothing of what is in an image.
pub(super) fn contents(opening: &Opening<'_>, outcomes: &[Outcome], body: &Body<'_>) -> Result<Vec<Attested>, Refusal> {
    let lists = about_image(opening, outcomes, Class::Sbom).into_iter();
    let lists = lists.take(MAX_OF_A_KIND).map(|evidence| {
        let slot = evidence.slot.to_owned();
        let refused = |why| Refusal::Contents {
            slot: evidence.slot.to_owned(),
            why,
        };
        let predicate_type = match evidence.report.format {
            Format::CycloneDx => CYCLONEDX,
            Format::Spdx => SPDX,
            _ => return Err(refused("it is neither CycloneDX nor SPDX as JSON, without a signature")),
        };
        if !body.by_slot.contains_key(evidence.slot) {
            return Err(Refusal::Body {
                slot,
                expected: evidence.digest,
            });
        }
        let whole = body.json(evidence.slot, MAX_CONTENTS);
        let whole = whole.ok_or_else(|| refused("it has more than 6 MiB"))?;
        Ok((Kind::Sbom(slot), predicate_type, whole.get().to_owned()))
    });
    lists.collect()
}

/// That checks of tests, of SAST and of searches for secrets were passed, and where everything is that was weighed.
pub(super) fn results(opening: &Opening<'_>, outcomes: &[Outcome], policy: &Value) -> Vec<Attested> {
    let mut attested = Vec::new();
    for class in [Class::Tests, Class::Sast, Class::Secrets] {
        let checks = opening.gate.checks.iter().filter(|check| check.class == Some(class));
        let outcomes: Vec<&Outcome> = checks
            .filter_map(|check| outcomes.iter().find(|outcome| outcome.check == check.id))
            .filter(|outcome| outcome.status != Status::Skipped)
            .collect();
        // There is no statement of what is not so.
        if outcomes.is_empty() || outcomes.iter().any(|outcome| outcome.status != Status::Passed) {
            continue;
        }
        let passed: Vec<&str> = outcomes.iter().map(|outcome| outcome.check.as_str()).collect();
        let predicate = json!({
            "result": "PASSED",
            "configuration": [policy],
            "passedTests": passed,
            "warnedTests": [],
            "failedTests": [],
        });
        attested.push((
            Kind::TestResult(class.name().to_owned()),
            TEST_RESULT,
            predicate.to_string(),
        ));
    }
    let mut evidence: Vec<&Evidence<'_>> = opening.submitted.evidence.iter().collect();
    evidence.sort_by_key(|evidence| evidence.slot);
    let references = evidence.iter().map(|evidence| {
        json!({
            "name": evidence.slot,
            "digest": digest_set(&evidence.digest),
            "downloadLocation": format!("cas:{}", evidence.digest),
        })
    });
    let references = json!({
        "attester": {"id": opening.verifier.id},
        "references": references.collect::<Vec<_>>(),
    });
    attested.push((Kind::References, REFERENCE, references.to_string()));
    attested
}

fn digest_set(digest: &Digest) -> Value {
    json!({digest.algorithm().name(): digest.hex()})
}
