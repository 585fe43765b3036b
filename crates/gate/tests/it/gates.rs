//! Gates as they are written, and what each check says of what was handed in.

use countersign_gate::{
    Class, Code, Completeness, Evidence, Finding, FixState, Gate, GateError, Proof, Report, Severity, Status, Subject,
    Tests, ask, opens,
};

use super::made::*;

const VULNERABILITIES: &str = "{id: vulns, class: vulnerabilities, bind: image, maxAge: 24h, maxDbAge: 48h, fail: {fixable: high, unfixable: critical}}";

/// A check, a change to a report that would pass it, and what is then wanting.
type Case = (&'static str, Class, fn(&mut Report), Option<Code>);

const CASES: &[Case] = &[
    (VULNERABILITIES, Class::Vulnerabilities, |_| {}, None),
    (VULNERABILITIES, Class::Sast, |_| {}, Some(Code::Missing)),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| {
            report.completeness = Completeness::Failed {
                why: "it stopped".into(),
            };
        },
        Some(Code::ToolError),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.completeness = Completeness::Unattributed,
        Some(Code::UnattributedEmpty),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.subject.digests = [digest("other").to_string()].into(),
        Some(Code::Unbound),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.subject = Subject::default(),
        Some(Code::Unbound),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.subject.digests = [digest("linux/amd64 config").to_string()].into(),
        None,
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.time = Some("2026-05-31T11:59:00Z".parse().unwrap()),
        Some(Code::Stale),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.time = None,
        None,
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.time = Some("2026-06-01T12:06:00Z".parse().unwrap()),
        Some(Code::InvalidTime),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.database_time = None,
        Some(Code::DbStale),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.database_time = Some("2026-05-30T11:00:00Z".parse().unwrap()),
        Some(Code::DbStale),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.findings = vec![finding(Some(Severity::High), FixState::Fixed)],
        Some(Code::Findings),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.findings = vec![finding(Some(Severity::High), FixState::None)],
        None,
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| report.findings = vec![finding(None, FixState::Fixed)],
        Some(Code::Findings),
    ),
    (
        VULNERABILITIES,
        Class::Vulnerabilities,
        |report| {
            report.findings = vec![Finding {
                suppressed_in_source: true,
                ..finding(Some(Severity::Critical), FixState::None)
            }];
        },
        Some(Code::Findings),
    ),
    (
        "{id: c, class: vulnerabilities, tools: [grype], bind: image, fail: {anyFinding: true}}",
        Class::Vulnerabilities,
        |_| {},
        Some(Code::ToolNotAccepted),
    ),
    (
        "{id: c, class: vulnerabilities, tools: [grype, trivy], bind: image, fail: {anyFinding: true}}",
        Class::Vulnerabilities,
        |_| {},
        None,
    ),
    (
        "{id: c, oneOf: [{class: secrets}, {class: vulnerabilities, tools: [Trivy]}], bind: image, fail: {anyFinding: true}}",
        Class::Vulnerabilities,
        |_| {},
        None,
    ),
    (
        "{id: c, class: vulnerabilities, bind: image, minProof: E3, fail: {anyFinding: true}}",
        Class::Vulnerabilities,
        |_| {},
        Some(Code::ProofTooWeak),
    ),
    (
        "{id: c, class: sast, bind: commit, fail: {severityAtLeast: high}}",
        Class::Sast,
        |report| report.subject.commit = Some("beef".into()),
        Some(Code::Unbound),
    ),
    (
        "{id: c, class: sast, bind: commit, fail: {severityAtLeast: high}}",
        Class::Sast,
        |_| {},
        None,
    ),
    (
        "{id: c, class: sbom, bind: image, minComponents: 2}",
        Class::Sbom,
        |report| report.components = Some(1),
        Some(Code::TooFew),
    ),
    (
        "{id: c, class: sbom, bind: image, minComponents: 2}",
        Class::Sbom,
        |report| report.components = Some(2),
        None,
    ),
    (
        "{id: c, class: tests, bind: commit, minTests: 2, fail: {failed: 0}}",
        Class::Tests,
        |report| {
            report.tests = Some(Tests {
                total: 3,
                failed: 0,
                skipped: 2,
            });
        },
        Some(Code::TooFew),
    ),
    (
        "{id: c, class: tests, bind: commit, minTests: 2, fail: {failed: 0}}",
        Class::Tests,
        |report| {
            report.tests = Some(Tests {
                total: 3,
                failed: 1,
                skipped: 0,
            });
        },
        Some(Code::TestsFailed),
    ),
];

#[test]
fn each_thing_that_is_wanting_has_its_name() {
    for (index, (check, class, change, code)) in CASES.iter().enumerate() {
        let mut report = report(*class);
        change(&mut report);
        let outcome = asked(&one(check), &["linux/amd64"], &[evidence(&report)]);
        let codes: Vec<Code> = outcome.reasons.iter().map(|reason| reason.code).collect();
        let (expected, status) = match code {
            Some(code) => (vec![*code], Status::Failed),
            None => (Vec::new(), Status::Passed),
        };
        assert_eq!((codes, outcome.status), (expected, status), "case {index}: {outcome:?}");
    }
}

#[test]
fn a_provenance_is_of_a_builder_that_is_believed() {
    let check = one("{id: c, class: provenance, bind: image, minProof: E3, builders: [b]}");
    for (builder, proof, expected) in [
        (Some("b"), Proof::E3, vec![]),
        (Some("b"), Proof::E1, vec![Code::ProofTooWeak]),
        (Some("c"), Proof::E3, vec![Code::BuilderNotAccepted]),
        (None, Proof::E3, vec![Code::BuilderNotAccepted]),
    ] {
        let mut provenance = report(Class::Provenance);
        provenance.builder = builder.map(str::to_owned);
        let handed_in = Evidence {
            proof,
            ..evidence(&provenance)
        };
        let outcome = asked(&check, &["a"], &[handed_in]);
        let codes: Vec<Code> = outcome.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, expected, "{builder:?} {proof:?}");
    }
}

#[test]
fn a_report_of_another_image_is_nobody_s() {
    let report = report(Class::Vulnerabilities);
    let reused = Evidence {
        reused: true,
        ..evidence(&report)
    };
    let outcome = asked(&one(VULNERABILITIES), &["linux/amd64"], &[reused]);
    assert_eq!(outcome.reasons[0].code, Code::EvidenceReused);
}

#[test]
fn each_platform_of_an_index_needs_a_report() {
    let of = |name: &str| {
        let mut report = report(Class::Vulnerabilities);
        report.subject.digests = [digest(name).to_string()].into();
        report
    };
    let (amd, arm, index) = (of("linux/amd64 manifest"), of("linux/arm64 config"), of("image"));
    let platforms = ["linux/amd64", "linux/arm64"];
    let codes = |check: &str, evidence: &[Evidence<'_>]| -> Vec<String> {
        let outcome = asked(&one(check), &platforms, evidence);
        outcome
            .reasons
            .iter()
            .map(|reason| format!("{}: {}", reason.code, reason.what))
            .collect()
    };
    let missing = |platform: &str| vec![format!("coverage_missing: no report is about {platform}")];
    assert_eq!(codes(VULNERABILITIES, &[evidence(&amd)]), missing("`linux/arm64`"));
    assert_eq!(
        codes(VULNERABILITIES, &[evidence(&index)]),
        missing("`linux/amd64`, `linux/arm64`")
    );
    assert!(codes(VULNERABILITIES, &[evidence(&amd), evidence(&arm)]).is_empty());
    let said = Evidence {
        platform: Some("linux/arm64"),
        ..evidence(&index)
    };
    assert!(codes(VULNERABILITIES, &[evidence(&amd), said]).is_empty());
    let any = VULNERABILITIES.replace("bind: image", "bind: image, coverage: any-platform");
    assert!(codes(&any, &[evidence(&index)]).is_empty());
}

#[test]
fn what_one_tool_saw_is_there_whatever_another_did_not_see() {
    let clean = report(Class::Vulnerabilities);
    let mut old = report(Class::Vulnerabilities);
    old.time = Some("2026-01-01T00:00:00Z".parse().unwrap());
    old.findings = vec![finding(Some(Severity::Critical), FixState::Fixed)];
    let outcome = asked(
        &one(VULNERABILITIES),
        &["linux/amd64"],
        &[evidence(&clean), evidence(&old)],
    );
    assert_eq!(outcome.status, Status::Failed);
    assert_eq!(
        outcome.reasons[0].what,
        "1 of 1 findings do not pass: CVE-2026-1 (critical) in zlib"
    );
    old.subject.digests = [digest("other").to_string()].into();
    let outcome = asked(
        &one(VULNERABILITIES),
        &["linux/amd64"],
        &[evidence(&clean), evidence(&old)],
    );
    assert_eq!(outcome.status, Status::Passed, "it is about another image: {outcome:?}");
}

#[test]
fn warnings_and_what_is_not_required_turn_nobody_away() {
    let status = |more: &str, evidence: &[Evidence<'_>]| {
        let check = format!("{{id: c, class: vulnerabilities, bind: image, fail: {{anyFinding: true}}{more}}}");
        asked(&one(&check), &["linux/amd64"], evidence).status
    };
    let mut found = report(Class::Vulnerabilities);
    found.findings = vec![finding(Some(Severity::Info), FixState::None)];
    for (more, nothing, something) in [
        ("", Status::Failed, Status::Failed),
        (", required: false", Status::Skipped, Status::Failed),
        (", mode: warn", Status::Warned, Status::Warned),
        (", enforceFrom: 2026-07-01T00:00:00Z", Status::Warned, Status::Warned),
        (", enforceFrom: 2026-06-01T12:00:00Z", Status::Failed, Status::Failed),
    ] {
        assert_eq!(
            (status(more, &[]), status(more, &[evidence(&found)])),
            (nothing, something),
            "{more}"
        );
    }
}

#[test]
fn a_gate_that_nobody_has_looked_at_opens_for_nobody() {
    let gate = one(VULNERABILITIES);
    let (report, closure) = (report(Class::Vulnerabilities), closure(&["linux/amd64"]));
    let evidence = [evidence(&report)];
    let facts = facts();
    let submitted = facts.submitted(&closure, &evidence);
    assert!(opens(&ask(&gate, &submitted, now())));
    let outcomes = ask(
        &Gate {
            expires: Some(now()),
            ..gate
        },
        &submitted,
        now(),
    );
    assert!(!opens(&outcomes));
    assert_eq!(outcomes.last().unwrap().reasons[0].code, Code::GateExpired);
    assert!(!opens(&[]));
}

/// What is written under `checks:`, and what is said of it.
const REFUSED: &[(&str, &str)] = &[
    (
        "  - {id: a, class: sast, bind: commit, fail: {severityAtleast: high}}\n",
        "severityAtleast",
    ),
    (
        "  - {id: a, class: sast, bind: commit, fail: {kev: all}}\n",
        "expected one of any, fixable",
    ),
    (
        "  - {id: a, class: sats, bind: commit, fail: {anyFinding: true}}\n",
        "sats",
    ),
    ("  - {id: a, class: sast, fail: {anyFinding: true}}\n", "bind"),
    (
        "  - {id: a, class: sast, bind: commit, maxAge: 7, fail: {anyFinding: true}}\n",
        "7d",
    ),
    ("  - {id: a, class: sast, bind: commit}\n", "asks for nothing"),
    (
        "  - {id: a, bind: commit, fail: {anyFinding: true}}\n",
        "`class` or `oneOf`",
    ),
    (
        "  - {id: a, class: sast, oneOf: [{class: sast}], bind: commit, fail: {anyFinding: true}}\n",
        "`class` or `oneOf`",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  - {id: a, class: sbom, bind: image}\n",
        "another check",
    ),
    ("  - {id: a, class: sbom, bind: image, bind: commit}\n", "duplicate"),
    ("    []\n", "from 1 to 100"),
    (
        "  - {id: a, class: sbom, bind: image}\n  approvals: [{rule: peer}]\n",
        "approvals come with a later version",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  waivers: {max: 90d}\n",
        "waivers come with a later version",
    ),
    (
        "  - {id: a, class: ai-review, bind: commit, required: false, onFail: require-approval(security), fail: {anyFinding: true}}\n",
        "come with a later version",
    ),
    (
        "  - {id: a, class: secrets, bind: commit, rejectEmptyUnattributed: false, fail: {anyFinding: true}}\n",
        "never passes",
    ),
    (
        "  - {id: a, class: secrets, bind: commit, minProof: E2, fail: {anyFinding: true}}\n",
        "`trustedWorkflows` names no workflow",
    ),
    (
        "  - {id: a, class: secrets, bind: commit, minProof: E0, fail: {anyFinding: true}}\n",
        "never passes",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  trustedWorkflows: [\"github:corp/w/.github/workflows/scan.yml\"]\n",
        "is not pinned",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  trustedWorkflows: [\"github:corp/w/scan.yml@*\"]\n",
        "is not pinned",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  trustedWorkflows: [\"corp/w/scan.yml@refs/tags/v1\"]\n",
        "names no issuer",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  trustedWorkflows: [\"*:corp/w/scan.yml@refs/tags/v1\"]\n",
        "names no issuer",
    ),
    (
        "  - {id: a, class: provenance, bind: image, builders: [b]}\n",
        "`builders` needs `minProof: E3`",
    ),
    (
        "  - {id: a, class: provenance, bind: image, builders: [b], minProof: E2}\n  trustedWorkflows: [\"github:corp/w/scan.yml@refs/tags/v1\"]\n",
        "`builders` needs `minProof: E3`",
    ),
    (
        "  - {id: a, condition: \"finding.all(f, true)\"}\n",
        "`finding` is no variable here",
    ),
    (
        "  - {id: a, condition: \"findings.all(f, f.sev == '')\"}\n",
        "`sev` is no field",
    ),
    ("  - {id: a, condition: \"size(findings)\"}\n", "has to be a boolean"),
    ("  - {id: a, image: {user: root}}\n", "non-root"),
    ("  - {id: a, image: {}}\n", "`class` or `oneOf`"),
    (
        "  - {id: a, image: {user: non-root}, bind: image}\n",
        "asks for no report",
    ),
    (
        "  - {id: a, class: sbom, bind: image, formats: [\"cyclonedx>1.4\"]}\n",
        "cyclonedx>=1.4",
    ),
    (
        "  - {id: a, oneOf: [{class: sbom}], atLeast: 2, bind: image}\n",
        "`atLeast` is from 1 to the number",
    ),
    (
        "  - {id: a, class: custom, bind: commit, condition: \"true\"}\n",
        "`recognise` says",
    ),
    (
        "  - {id: a, class: custom, bind: commit, recognise: {fields: {/a: {equals: 1}}}, fail: {anyFinding: true}}\n",
        "passes by a `condition`",
    ),
    (
        "  - {id: a, class: custom, bind: commit, recognise: {fields: {a: {equals: 1}}}, condition: \"true\"}\n",
        "a JSON pointer",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  match: {images: [\"registry.corp/{a,b}\"]}\n",
        "expected a pattern",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  publish: {to: r.corp/a, keys: {signature: k, attestations: k}}\n",
        "are one key",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  publish: {to: \"r.corp/{tag}\", keys: {signature: k, attestations: l}}\n",
        "`to` is a repository",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  publish: {to: \"r.corp/{nam}\", keys: {signature: k, attestations: l}}\n",
        "expected a name with any of",
    ),
];

#[test]
fn what_a_gate_does_not_know_it_does_not_pass_over() {
    for (checks, expected) in REFUSED {
        let error = gate(checks).expect_err(checks);
        assert!(error.to_string().contains(expected), "{checks}: {error}");
        if matches!(error, GateError::Yaml { .. }) {
            let text = error.to_string();
            assert!(text.contains("line") && text.contains("column"), "{checks}: {text}");
        }
    }
    let other = Gate::read("apiVersion: countersign.dev/v1\nkind: Gate\nmetadata: {name: g}\nspec: {checks: []}\n");
    assert!(matches!(other, Err(GateError::Kind { .. })));
}

#[test]
fn a_team_tightens_the_floor_and_cannot_loosen_it() {
    let floor = one(VULNERABILITIES);
    let merged = |team: &str| one(team).above(&floor).unwrap().checks;
    let [check] = merged("{id: vulns, class: vulnerabilities, bind: image, required: false, mode: warn, coverage: any-platform, maxAge: 7d, fail: {fixable: low, unfixable: critical, unknownAs: info}}")
        .try_into()
        .unwrap_or_else(|checks| panic!("{checks:?}"));
    let mut expected = floor.checks[0].clone();
    expected.fail.fixable = Some(Severity::Low);
    expected.fail.unknown_as = Some(Severity::High);
    assert_eq!(check, expected);
    let both = merged("{id: vulns, class: sbom, bind: image}");
    assert_eq!(
        both.iter().map(|check| check.id.as_str()).collect::<Vec<_>>(),
        ["vulns", "vulns (team)"]
    );
    let added = merged("{id: more, class: sbom, bind: image}");
    assert_eq!(
        added.iter().map(|check| check.id.as_str()).collect::<Vec<_>>(),
        ["vulns", "more"]
    );
}
