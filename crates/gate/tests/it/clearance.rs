//! What may be signed of an image that a gate opens for.

use std::collections::BTreeMap;

use countersign_evidence::Statement;
use countersign_evidence::predicate::Predicate;
use countersign_gate::document::Attest;
use countersign_gate::{
    Class, Clearance, Cleared, Closure, Evidence, Finding, FixState, Format, Gate, KeyRole, Opening, Proof, Refusal,
    Report, Severity, Tests, Verifier,
};
use countersign_image::Digest;
use serde_json::{Value, json};

use super::made::*;

const GATE: &str = "apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: prod}
spec:
  checks:
    - {id: vulns, class: vulnerabilities, bind: image, coverage: any-platform, maxAge: 24h, fail: {fixable: critical}}
    - {id: sast, class: sast, bind: commit, mode: warn, fail: {anyFinding: true}}
    - {id: secrets, class: secrets, bind: commit, required: false, fail: {anyFinding: true}}
    - {id: tests, class: tests, bind: commit, fail: {failed: 0}}
    - {id: sbom, class: sbom, bind: image, coverage: any-platform}
    - {id: non-root, image: {user: non-root-number}}
  publish:
    to: \"registry.corp/approved/{name}\"
    tags: [\"{tag}\", \"{tag}-{digest12}\"]
    keys: {signature: release-prod, attestations: attest-prod}
    attest: [vsa, svr, vulns, sbom, tests, provenance-copy]
    annotations: {env: prod, policy: mine}
  validity: 30d
  controls: [\"ssdf:PW.8.2\"]
";

const SBOM: &[u8] = br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[ ]}"#;
const TRIVY: &[u8] = br#"{"SchemaVersion":2,  "ArtifactName":"a"}"#;

struct World {
    gate: Gate,
    facts: Facts,
    closure: Closure,
    reports: Vec<(&'static str, Report, Proof, Vec<u8>)>,
    verifier: Verifier,
}

fn world() -> World {
    let mut vulns = report(Class::Vulnerabilities);
    vulns.format = Format::Trivy;
    vulns.findings = vec![finding(Some(Severity::High), FixState::Fixed)];
    let mut sast = report(Class::Sast);
    sast.findings = vec![Finding {
        class: Class::Sast,
        ..finding(Some(Severity::High), FixState::Unknown)
    }];
    let mut tests = report(Class::Tests);
    tests.tests = Some(Tests {
        total: 3,
        failed: 0,
        skipped: 0,
    });
    let mut sbom = report(Class::Sbom);
    sbom.format = Format::CycloneDx;
    let mut provenance = report(Class::Provenance);
    provenance.format = Format::Envelope;
    provenance.subject.commit = Some("00ff".to_owned());
    World {
        gate: Gate::read(GATE).unwrap(),
        facts: facts(),
        closure: closure(&["linux/amd64", "linux/arm64"]),
        reports: vec![
            ("trivy", vulns, Proof::E1, TRIVY.to_vec()),
            ("semgrep", sast, Proof::E1, b"{}".to_vec()),
            ("junit", tests, Proof::E1, b"<testsuites/>".to_vec()),
            ("bom", sbom, Proof::E1, SBOM.to_vec()),
            ("slsa", provenance, Proof::E3, b"{\"payload\":\"\"}".to_vec()),
        ],
        verifier: Verifier {
            id: "https://signer.corp/gate/v1".to_owned(),
            version: "1.4.0".to_owned(),
            gates: "https://signer.corp/v1/policies/".to_owned(),
        },
    }
}

impl World {
    fn open(&self) -> Result<Clearance, Refusal> {
        let bodies = self.reports.iter().map(|(slot, .., bytes)| (*slot, bytes.as_slice()));
        self.open_with(&bodies.collect())
    }

    fn open_with(&self, bodies: &BTreeMap<&str, &[u8]>) -> Result<Clearance, Refusal> {
        let evidence: Vec<Evidence<'_>> = self
            .reports
            .iter()
            .map(|(slot, report, proof, bytes)| Evidence {
                slot,
                digest: Digest::sha256(bytes),
                proof: *proof,
                ..evidence(report)
            })
            .collect();
        Clearance::open(&Opening {
            gate: &self.gate,
            submitted: &self.facts.submitted(&self.closure, &evidence),
            bodies,
            submission: "01J",
            verifier: &self.verifier,
            view_digest: Some("abcd"),
            log_index: Some(7),
            now: now(),
        })
    }

    fn cleared(&self) -> Clearance {
        self.open().unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }
}

/// The statement inside what is signed, as a reader takes it.
fn statement(clearance: &Clearance, cleared: &Cleared) -> Statement {
    let message = clearance.to_be_signed(cleared).message().to_vec();
    let payload = message.iter().position(|byte| *byte == b'{').unwrap();
    Statement::parse(&message[payload..]).unwrap()
}

fn named<'a>(clearance: &'a Clearance, name: &str) -> &'a Cleared {
    let mut statements = clearance.statements().iter();
    statements
        .find(|cleared| cleared.kind().name() == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

fn predicate(clearance: &Clearance, name: &str) -> Value {
    let statement = statement(clearance, named(clearance, name));
    serde_json::from_str(statement.predicate.get()).unwrap()
}

#[test]
fn what_is_signed_is_about_this_image_at_its_destination() {
    let clearance = world().cleared();
    assert_eq!(
        clearance.destination().written(),
        format!("registry.corp/approved/api@{}", digest("image"))
    );
    let tags: Vec<&str> = clearance.tags().iter().map(countersign_image::Tag::as_str).collect();
    let digest12 = &digest("image").hex()[..12];
    assert_eq!(tags, ["1.2.3".to_owned(), format!("1.2.3-{digest12}")]);
    let names: Vec<String> = clearance
        .statements()
        .iter()
        .map(|cleared| cleared.kind().name())
        .collect();
    assert_eq!(
        names,
        [
            "signature-simple",
            "signature",
            "vsa",
            "svr",
            "vulns:trivy",
            "cosign-vuln:trivy",
            "sbom:bom",
            "test-result:tests",
            "references",
        ]
    );
    for cleared in clearance.statements().iter().skip(1) {
        let statement = statement(&clearance, cleared);
        assert!(statement.names(&digest("image")), "{cleared:?}");
        assert_eq!(statement.subjects.len(), 1);
        assert_eq!(Some(statement.predicate_type.as_str()), cleared.predicate_type());
    }
    assert_eq!(clearance.copies(), ["slsa"]);
}

/// To cosign whatever the release key signs is the signature of the image.
#[test]
fn the_release_key_signs_the_signature_and_nothing_else() {
    let clearance = world().cleared();
    for cleared in clearance.statements() {
        let is_signature = matches!(cleared.kind().name().as_str(), "signature" | "signature-simple");
        let expected = match is_signature {
            true => (KeyRole::Release, "release-prod"),
            false => (KeyRole::Attest, "attest-prod"),
        };
        assert_eq!((cleared.key(), cleared.key_name()), expected, "{cleared:?}");
    }
}

#[test]
fn the_signature_names_the_gate_and_the_submission_and_no_gate_writes_over_them() {
    let world = world();
    let clearance = world.cleared();
    let simple = clearance.to_be_signed(named(&clearance, "signature-simple"));
    let simple: Value = serde_json::from_slice(simple.message()).unwrap();
    let expected = json!({
        "critical": {
            "identity": {"docker-reference": "registry.corp/approved/api"},
            "image": {"docker-manifest-digest": digest("image").to_string()},
            "type": "cosign container image signature",
        },
        "optional": {"env": "prod", "policy": world.gate.digest.to_string(), "submission": "01J"},
    });
    assert_eq!(simple, expected);
    let sign = statement(&clearance, named(&clearance, "signature"));
    assert_eq!(
        Value::Object(sign.subjects[0].annotations.clone()),
        expected["optional"]
    );
}

#[test]
fn the_summary_says_what_was_decided_and_upon_what() {
    let world = world();
    let clearance = world.cleared();
    let vsa = predicate(&clearance, "vsa");
    let input = |slot: &str, bytes: &[u8]| {
        let digest = Digest::sha256(bytes);
        json!({"uri": format!("cas:{digest}#{slot}"), "digest": {"sha256": digest.hex()}})
    };
    let mut inputs: Vec<Value> = Vec::new();
    for slot in ["bom", "junit", "semgrep", "slsa", "trivy"] {
        let (.., bytes) = world.reports.iter().find(|(own, ..)| *own == slot).unwrap();
        inputs.push(input(slot, bytes));
    }
    let expected = json!({
        "verifier": {"id": "https://signer.corp/gate/v1", "version": {"countersign": "1.4.0"}},
        "timeVerified": "2026-06-01T12:00:00Z",
        "resourceUri": format!("registry.corp/approved/api@{}", digest("image")),
        "policy": {"uri": "https://signer.corp/v1/policies/prod", "digest": {"sha256": world.gate.digest.hex()}},
        "inputAttestations": inputs,
        "verificationResult": "PASSED",
        "verifiedLevels": [
            "SLSA_BUILD_LEVEL_UNEVALUATED",
            "COUNTERSIGN_CHECK_NON_ROOT_PASSED",
            "COUNTERSIGN_SBOM_PASSED",
            "COUNTERSIGN_TESTS_PASSED",
            "COUNTERSIGN_VULNERABILITIES_PASSED",
            "COUNTERSIGN_VULNERABILITIES_SCANNED_WITHIN_1D",
        ],
        "slsaVersion": "1.2",
        "https://countersign.dev/ext/v1": {
            "submission": "01J",
            "viewDigest": "abcd",
            "logIndex": 7,
            "commit": "00ff",
            "commitLink": "provenance",
            "validUntil": "2026-07-01T12:00:00Z",
            "controls": ["ssdf:PW.8.2"],
        },
    });
    assert_eq!(vsa, expected);
    let svr = predicate(&clearance, "svr");
    assert_eq!(
        svr["properties"],
        json!(&expected["verifiedLevels"].as_array().unwrap()[1..])
    );
    assert_eq!(svr["verifier"]["policies"], json!([&expected["policy"]]));
}

/// Our own reader, which the admission controller judges with, takes each for what it is.
#[test]
fn our_own_reader_reads_each_statement() {
    let clearance = world().cleared();
    for (name, expected) in [
        ("vsa", "Summary"),
        ("svr", "SimpleResult"),
        ("vulns:trivy", "Vulnerabilities"),
        ("cosign-vuln:trivy", "Vulnerabilities"),
        ("sbom:bom", "Sbom"),
        ("test-result:tests", "Tests"),
    ] {
        let typed: Predicate = statement(&clearance, named(&clearance, name)).typed().unwrap();
        let found = format!("{typed:?}");
        assert!(found.contains(expected), "{name}: {}", &found[..found.len().min(60)]);
    }
}

#[test]
fn what_scanners_wrote_is_signed_as_they_wrote_it() {
    let clearance = world().cleared();
    let sbom = statement(&clearance, named(&clearance, "sbom:bom"));
    assert_eq!(sbom.predicate.get().as_bytes(), SBOM);
    let vuln = statement(&clearance, named(&clearance, "cosign-vuln:trivy"));
    assert!(vuln.predicate.get().contains(std::str::from_utf8(TRIVY).unwrap()));
    let vulns = predicate(&clearance, "vulns:trivy");
    assert_eq!(vulns["scanner"]["result"][0]["id"], "CVE-2026-1");
    assert_eq!(vulns["scanner"]["db"]["lastUpdate"], "2026-06-01T00:00:00Z");
}

/// `sast` only warned and `secrets` was not handed in: neither is said to have passed.
#[test]
fn nothing_is_said_of_what_did_not_pass() {
    let clearance = world().cleared();
    let text: String = clearance
        .statements()
        .iter()
        .map(|cleared| String::from_utf8_lossy(clearance.to_be_signed(cleared).message()).into_owned())
        .collect();
    for word in ["FAILED", "WARNED", "SAST_PASSED", "SECRETS_PASSED", "REJECTED"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_gate_that_does_not_open_clears_nothing() {
    let mut world = world();
    world.reports[0].1.findings[0].severity = Some(Severity::Critical);
    let Err(Refusal::Closed { outcomes, .. }) = world.open() else {
        panic!("it opens");
    };
    assert_eq!(outcomes[0].check, "vulns");
    world.reports.clear();
    assert!(matches!(world.open(), Err(Refusal::Closed { .. })));
}

#[test]
fn the_same_question_is_the_same_bytes() {
    let (one, other) = (world(), world());
    let messages = |world: &World| -> Vec<Vec<u8>> {
        let clearance = world.cleared();
        let statements = clearance.statements().iter();
        statements
            .map(|cleared| clearance.to_be_signed(cleared).message().to_vec())
            .collect()
    };
    assert_eq!(messages(&one), messages(&other));
}

#[test]
fn other_bytes_than_were_weighed_are_not_signed() {
    let world = world();
    let other: BTreeMap<&str, &[u8]> = BTreeMap::from([("bom", b"{}".as_slice())]);
    let found = world.open_with(&other).map(|_| ());
    assert_eq!(
        found,
        Err(Refusal::Body {
            slot: "bom".to_owned(),
            expected: Digest::sha256(SBOM),
        })
    );
    // Nor is a list of contents left away because nobody gave it.
    assert_eq!(world.open_with(&BTreeMap::new()).map(|_| ()), found);
    // The bytes of others need not be given: they are among the references all the same.
    let clearance = world.open_with(&BTreeMap::from([("bom", SBOM)])).unwrap();
    assert_eq!(
        predicate(&clearance, "references")["references"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
}

/// The key of attestations stands for what the gate accepted.
#[test]
fn nothing_is_signed_of_a_report_that_no_check_rests_on() {
    type Change = fn(&mut World);
    let cases: [(Change, &[&str]); 6] = [
        (|_| (), &["vulns:trivy", "cosign-vuln:trivy"]),
        // A tool that the check does not accept, in a slot that goes before.
        (
            |world| {
                world.gate.checks[0].tools = ["trivy".to_owned()].into();
                let mut own = report(Class::Vulnerabilities);
                own.tools[0].name = "mine".to_owned();
                world.reports.push(("a", own, Proof::E1, b"{}".to_vec()));
            },
            &["vulns:trivy", "cosign-vuln:trivy"],
        ),
        // Too old.
        (
            |world| {
                let mut old = report(Class::Vulnerabilities);
                old.time = Some("2026-01-01T00:00:00Z".parse().unwrap());
                world.reports.push(("a", old, Proof::E1, b"{}".to_vec()));
            },
            &["vulns:trivy", "cosign-vuln:trivy"],
        ),
        // Accepted as well: what found something is not hidden behind what found nothing.
        (
            |world| {
                for slot in ["a", "b"] {
                    let empty = report(Class::Vulnerabilities);
                    world.reports.push((slot, empty, Proof::E1, b"{}".to_vec()));
                }
            },
            &["vulns:trivy", "cosign-vuln:trivy", "vulns:a"],
        ),
        // A check that only warned was not passed.
        (
            |world| {
                world.gate.checks[0].mode = countersign_gate::document::Mode::Warn;
                world.gate.checks[0].fail.fixable = Some(Severity::High);
            },
            &[],
        ),
        // No check asks.
        (|world| drop(world.gate.checks.remove(0)), &[]),
    ];
    for (index, (change, expected)) in cases.into_iter().enumerate() {
        let mut world = world();
        change(&mut world);
        let clearance = world.cleared();
        let names = clearance.statements().iter().map(|cleared| cleared.kind().name());
        let found: Vec<String> = names.filter(|name| name.contains("vuln")).collect();
        assert_eq!(found, expected, "case {index}");
    }
}

/// A gate that wants contents attested is not content with none.
#[test]
fn a_list_of_contents_that_cannot_be_attested_is_not_left_away() {
    type Change = fn(&mut (&'static str, Report, Proof, Vec<u8>));
    let cases: [Change; 4] = [
        |bom| bom.1.format = Format::CycloneDxXml,
        |bom| bom.1.format = Format::Envelope,
        |bom| bom.1.format = Format::Statement,
        |bom| bom.3 = format!("[{}]", " ".repeat(6 * 1024 * 1024)).into_bytes(),
    ];
    for (index, change) in cases.into_iter().enumerate() {
        let mut world = world();
        change(&mut world.reports[3]);
        let found = world.open().map(|_| ());
        assert!(
            matches!(&found, Err(Refusal::Contents { slot, .. }) if slot == "bom"),
            "case {index}: {found:?}"
        );
    }
}

/// Signatures and referrers of an image are looked for under its digest's tags: whoever takes one has a say in them.
#[test]
fn no_image_takes_a_tag_of_signatures() {
    let hex = digest("other").hex().to_owned();
    for tag in [
        format!("sha256-{hex}"),
        format!("sha256-{hex}.sig"),
        format!("sha256-{hex}.att"),
        format!("sha256-{hex}.sbom"),
        format!("sha256-{}", &hex[..12]),
        format!("SHA256-{hex}"),
        // With the digest behind it, as the gate wants it.
        "sha256".to_owned(),
        format!("sha512-{hex}{hex}.sig").chars().take(128).collect(),
    ] {
        let mut world = world();
        world.facts.image.tag = Some(countersign_image::Tag::parse(&tag).unwrap());
        let found = world.open().map(|_| ());
        assert!(
            matches!(found, Err(Refusal::Place { what: "tag", .. })),
            "{tag}: {found:?}"
        );
    }
    for tag in ["1.2.3", "sha-256", "sha256-release", "sha-0123abc", "v1-sha256-00"] {
        let mut world = world();
        world.facts.image.tag = Some(countersign_image::Tag::parse(tag).unwrap());
        assert!(world.open().is_ok(), "{tag}");
    }
}

#[test]
fn a_gate_that_does_not_say_where_to_clears_nothing() {
    for (change, expected) in [
        ((|gate: &mut Gate| gate.publish = None) as fn(&mut Gate), "publish"),
        (|gate| gate.validity = None, "validity"),
    ] {
        let mut world = world();
        change(&mut world.gate);
        let found = world.open().map(|_| ());
        assert!(
            matches!(found, Err(Refusal::Unsaid { what, .. }) if what == expected),
            "{found:?}"
        );
    }
    let mut world = world();
    let publish = world.gate.publish.as_mut().unwrap();
    publish.to = countersign_gate::document::Template::parse("registry.corp/approved/{name}:latest").unwrap();
    publish.attest = [Attest::Svr].into();
    assert!(matches!(world.open(), Err(Refusal::Place { what: "repository", .. })));
}
