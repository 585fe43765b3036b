//! Gates as they are written, and what each check says of what was handed in.

use countersign_gate::{
    Check, Class, Code, Completeness, Evidence, Finding, FixState, Gate, GateError, Proof, Report, Severity, Status,
    Subject, Tests, ask, opens,
};
use proptest::prelude::*;

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn gate(checks: &str) -> Result<Gate, GateError> {
    Gate::read(&format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {{name: g, owner: o, expires: 2027-01-01T00:00:00Z}}\nspec:\n  checks:\n{checks}"
    ))
}

fn one(check: &str) -> Gate {
    gate(&format!("  - {check}\n")).unwrap_or_else(|error| panic!("{check}: {error}"))
}

fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

fn closure(platforms: &[&str]) -> Closure {
    let of = |name: &&str| {
        let platform = Platform {
            manifest: digest(&format!("{name} manifest")),
            config: digest(&format!("{name} config")),
        };
        ((*name).to_owned(), platform)
    };
    Closure {
        digest: digest("image"),
        platforms: platforms.iter().map(of).collect(),
    }
}

fn report(class: Class) -> Report {
    Report {
        format: Format::Sarif,
        classes: [class].into(),
        tools: vec![Tool {
            name: "Trivy".to_owned(),
            version: None,
        }],
        subject: Subject {
            digests: [digest("image").to_string()].into(),
            commit: None,
        },
        time: Some("2026-06-01T11:00:00Z".parse().unwrap()),
        database_time: Some("2026-06-01T00:00:00Z".parse().unwrap()),
        completeness: Completeness::Ran,
        findings: Vec::new(),
        components: None,
        tests: None,
        builder: None,
        source: None,
        ai: None,
    }
}

fn finding(severity: Option<Severity>, fix: FixState) -> Finding {
    Finding {
        class: Class::Vulnerabilities,
        rule: "CVE-2026-1".to_owned(),
        aliases: Vec::new(),
        severity,
        fix,
        package: Some(Package {
            name: "zlib".to_owned(),
            ..Package::default()
        }),
        location: None,
        tools_own_fingerprint: None,
        suppressed_in_source: false,
        tools: vec!["Trivy".to_owned()],
    }
}

fn evidence(report: &Report) -> Evidence<'_> {
    Evidence {
        slot: "scan",
        digest: digest("bytes"),
        report,
        proof: Proof::E1,
        job_commit: Some("00ff"),
        platform: None,
        received: now(),
        reused: false,
    }
}

fn asked(gate: &Gate, platforms: &[&str], evidence: &[Evidence<'_>]) -> Outcome {
    let closure = closure(platforms);
    let submitted = Submitted {
        closure: &closure,
        commit: Some("00ff"),
        evidence,
    };
    ask(gate, &submitted, now()).remove(0)
}

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
    (
        "{id: c, class: provenance, bind: image, builders: [b]}",
        Class::Provenance,
        |report| report.builder = Some("c".into()),
        Some(Code::BuilderNotAccepted),
    ),
    (
        "{id: c, class: provenance, bind: image, builders: [b]}",
        Class::Provenance,
        |report| report.builder = Some("b".into()),
        None,
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
        "  - {id: a, class: sbom, bind: image}\n  trustedWorkflows: [corp/w/.github/workflows/scan.yml]\n",
        "is not pinned",
    ),
    (
        "  - {id: a, class: sbom, bind: image}\n  trustedWorkflows: [\"corp/w/scan.yml@*\"]\n",
        "is not pinned",
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

fn severities() -> impl Strategy<Value = Option<Severity>> {
    use Severity::{Critical, High, Info, Low, Medium};
    prop::option::of(prop::sample::select(vec![Info, Low, Medium, High, Critical]))
}

prop_compose! {
    fn checks()(
        sbom in prop::bool::weighted(0.1),
        any_tool in prop::bool::weighted(0.7),
        tools in prop::collection::btree_set(prop::sample::select(vec!["Trivy".to_owned(), "grype".to_owned()]), 0..3),
        words in (any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.2), prop::bool::weighted(0.8)),
        fixable in severities(),
        unfixable in severities(),
        unknown in severities(),
        days in prop::option::of(5u64..40),
        from in prop::option::weighted(0.2, prop::sample::select(vec!["2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z"])),
        min in prop::option::weighted(0.2, 0usize..4),
        proof in prop::sample::select(vec![Proof::E1, Proof::E1, Proof::E1, Proof::E2]),
    ) -> Check {
        let text = "{id: c, class: vulnerabilities, bind: image, fail: {anyFinding: true}}";
        let mut check = one(text).checks.remove(0);
        check.class = Some(if sbom { Class::Sbom } else { Class::Vulnerabilities });
        check.tools = if any_tool { Default::default() } else { tools };
        check.required = words.0;
        check.fail.any_finding = words.1;
        if words.2 { check.mode = countersign_gate::document::Mode::Warn }
        if words.3 { check.coverage = countersign_gate::document::Coverage::AnyPlatform }
        (check.fail.fixable, check.fail.unfixable, check.fail.unknown_as) = (fixable, unfixable, unknown);
        check.max_age = days.map(|days| std::time::Duration::from_secs(days * 86_400));
        check.enforce_from = from.map(|from| from.parse().unwrap());
        check.min_components = min;
        check.min_proof = proof;
        check
    }
}

/// What else a check can say, each as it is written, and each with a stricter and a looser sister.
const MORE: &[&[&str]] = &[
    &[
        "",
        "leeway: {high: 7d, critical: 1d}",
        "leeway: {high: 1d}",
        "leeway: {critical: 30d, high: 30d, low: 30d}",
    ],
    &["", "kev: any", "kev: fixable"],
    &["", "newOnly: true"],
    &[
        "",
        "formats: [sarif]",
        "formats: [\"cyclonedx>=1.4\", \"cyclonedx>=1.5\"]",
        "formats: [\"cyclonedx>=1.6\", sarif]",
    ],
    &[
        "",
        "image: {user: non-root}",
        "image: {user: non-root-number}",
        "image: {entrypoint: [/app]}",
        "image: {labels: {a: [\"1*\"]}}",
        "image: {labels: {a: [\"*2\"]}, platforms: [a]}",
    ],
    &[
        "",
        "condition: \"findings.all(f, f.severity != 'critical')\"",
        "condition: \"size(findings) < 2\"",
        "condition: \"evidence.exists(e, 'Trivy' in e.tools)\"",
    ],
    &["", "builders: [b1]", "builders: [\"b*\"]"],
    &["", "minTests: 1", "minTests: 3"],
    &["", "trusted"],
];

prop_compose! {
    /// A check with everything that there is, and whether the gate believes some workflows more.
    fn whole_checks()(base in checks(), picks in prop::collection::vec(any::<prop::sample::Index>(), MORE.len())) -> (Check, bool) {
        let picked: Vec<&str> = MORE.iter().zip(&picks).map(|(list, pick)| *pick.get(list)).collect();
        let fail: Vec<&str> = [picked[1], picked[2]].into_iter().filter(|text| !text.is_empty()).collect();
        let others = picked.iter().enumerate().filter(|(at, text)| ![1, 2, 8].contains(at) && !text.is_empty());
        let others: String = others.map(|(_, text)| format!(", {text}")).collect();
        let text = format!("{{id: c, class: vulnerabilities, bind: image, fail: {{failed: 9, {}}}{others}}}", fail.join(", "));
        let mut check = one(&text).checks.remove(0);
        let more = base.fail.clone();
        (check.class, check.tools, check.required, check.mode) = (base.class, base.tools, base.required, base.mode);
        (check.coverage, check.max_age, check.enforce_from) = (base.coverage, base.max_age, base.enforce_from);
        (check.min_components, check.min_proof) = (base.min_components, base.min_proof);
        (check.fail.any_finding, check.fail.fixable) = (more.any_finding, more.fixable);
        (check.fail.unfixable, check.fail.unknown_as) = (more.unfixable, more.unknown_as);
        // A gate that wants E2 and names no workflow is refused when it is read.
        (check, picked[8] == "trusted" || base.min_proof == Proof::E2)
    }
}

prop_compose! {
    fn worlds()(
        user in prop::sample::select(vec!["", "0", "app", "1000"]),
        label in prop::sample::select(vec![None, Some("1"), Some("12"), Some("2")]),
        entrypoint in prop::sample::select(vec!["/app", "/bin/sh"]),
        exploited in prop::option::weighted(0.9, any::<bool>()),
        days in prop::option::of(0i64..10),
        before in any::<bool>(),
    ) -> Facts {
        let mut facts = facts();
        for configuration in facts.image.configurations.values_mut() {
            configuration.user = user.to_owned();
            configuration.entrypoint = vec![entrypoint.to_owned()];
            configuration.labels = label.map(|value| ("a".to_owned(), value.to_owned())).into_iter().collect();
        }
        facts.known.exploited = exploited.map(|it| if it { ["CVE-2026-1".to_owned()].into() } else { [].into() });
        let print = finding(None, FixState::None).fingerprint();
        let seen = days.map(|days| (print, now() - jiff::SignedDuration::from_hours(24 * days)));
        facts.known.first_seen = seen.into_iter().collect();
        facts.known.before = before.then(|| [print].into());
        facts
    }
}

prop_compose! {
    fn reports()(
        sbom in prop::bool::weighted(0.1),
        about_it in prop::bool::weighted(0.9),
        tool in prop::sample::select(vec!["Trivy", "grype", "other"]),
        names in prop::collection::btree_set(prop::sample::select(vec!["image", "a manifest", "b config", "other"]), 0..3),
        days in 0i64..30,
        found in prop::collection::vec((severities(), any::<bool>()), 0..3),
        components in prop::option::of(0usize..4),
    ) -> Report {
        let mut report = report(if sbom { Class::Sbom } else { Class::Vulnerabilities });
        report.tools[0].name = tool.to_owned();
        report.subject.digests = names.iter().map(|name| digest(name).to_string()).collect();
        if about_it {
            report.subject.digests.insert(digest("image").to_string());
        }
        report.time = Some(now() - jiff::SignedDuration::from_hours(24 * days));
        let fix = |fixed| if fixed { FixState::Fixed } else { FixState::None };
        report.findings = found.into_iter().map(|(severity, fixed)| finding(severity, fix(fixed))).collect();
        report.components = components;
        report
    }
}

static PLAIN: std::sync::OnceLock<Gate> = std::sync::OnceLock::new();

/// How many of the gates that were drawn opened: where none does, nothing is shown.
static OPENED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[test]
fn whoever_passes_a_team_s_gate_above_the_floor_passes_both() {
    whoever_passes_above();
    let opened = OPENED.load(std::sync::atomic::Ordering::Relaxed);
    assert!(opened > 25, "only {opened} gates opened");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]
    fn whoever_passes_above(
        floor in whole_checks(),
        team in whole_checks(),
        facts in worlds(),
        reports in prop::collection::vec(
            (
                reports(),
                prop::sample::select(vec![Proof::E1, Proof::E3]),
                prop::sample::select(vec![None, Some("1.4"), Some("1.6")]),
                prop::sample::select(vec![None, Some("b1"), Some("b2")]),
                prop::option::of(0u64..5),
            ),
            0..4,
        ),
    ) {
        let plain = PLAIN.get_or_init(|| one("{id: c, class: sbom, bind: image}"));
        let gate = |(check, trusted): &(Check, bool)| {
            let mut gate = Gate { checks: vec![check.clone()], ..plain.clone() };
            if *trusted {
                gate.trusted_workflows =
                    countersign_gate::glob::Globs::of(vec![countersign_gate::glob::Glob::parse("w/**").unwrap()]);
            }
            gate
        };
        let reports: Vec<(Report, Proof)> = reports
            .into_iter()
            .map(|(mut report, proof, version, builder, tests)| {
                report.format = version.map_or(report.format, |_| countersign_gate::Format::CycloneDx);
                report.format_version = version.map(str::to_owned);
                report.builder = builder.map(str::to_owned);
                report.tests = tests.map(|total| Tests { total, failed: 0, skipped: 0 });
                (report, proof)
            })
            .collect();
        let evidence: Vec<Evidence<'_>> = reports
            .iter()
            .map(|(report, proof)| Evidence { proof: *proof, workflow: Some("w/scan@v1"), ..evidence(report) })
            .collect();
        let closure = closure(&["a", "b"]);
        let submitted = facts.submitted(&closure, &evidence);
        let merged = ask(&gate(&team).above(&gate(&floor)).unwrap(), &submitted, now());
        if opens(&merged) {
            OPENED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            for one in [&floor, &team] {
                let outcome = ask(&gate(one), &submitted, now()).remove(0);
                prop_assert_ne!(outcome.status, Status::Failed, "{:?}", outcome);
            }
        }
    }
}
