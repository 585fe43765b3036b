//! What gates ask beyond what reports say: who submits, what the image is, what is known of findings, conditions.

use countersign_gate::{
    Class, Code, Configuration, Evidence, Finding, FixState, Format, Gate, Proof, Report, Runner, Severity, Status,
    ask, opens,
};
use jiff::Timestamp;

use super::made::*;

fn gated(spec: &str) -> Gate {
    gate(&format!(
        "  - {{id: c, class: sbom, bind: image, coverage: any-platform}}\n{spec}"
    ))
    .unwrap_or_else(|error| panic!("{spec}: {error}"))
}

fn codes(outcome: &countersign_gate::Outcome) -> Vec<Code> {
    outcome.reasons.iter().map(|reason| reason.code).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_gate_opens_for_its_own_sources() {
    let all =
        "  sources: {issuers: [github], refs: [refs/heads/main, \"refs/tags/v*\"], forbidSelfHostedRunners: true}\n";
    for (change, expected) in [
        ((|_| ()) as fn(&mut Facts), vec![]),
        (|facts| facts.source.reference = Some("refs/tags/v1".into()), vec![]),
        (
            |facts| facts.source.issuer = "gitlab".into(),
            vec![Code::SourceNotAccepted],
        ),
        (
            |facts| facts.source.reference = Some("refs/heads/main2".into()),
            vec![Code::RefNotAccepted],
        ),
        (|facts| facts.source.reference = None, vec![Code::RefNotAccepted]),
        (
            |facts| facts.source.runner = Runner::SelfHosted,
            vec![Code::RunnerNotAccepted],
        ),
        (
            |facts| facts.source.runner = Runner::Unknown,
            vec![Code::RunnerNotAccepted],
        ),
    ] {
        let (mut facts, report, closure) = (facts(), report(Class::Sbom), closure(&["a"]));
        change(&mut facts);
        let evidence = [evidence(&report)];
        let outcomes = ask(&gated(all), &facts.submitted(&closure, &evidence), now());
        let found: Vec<Code> = outcomes.iter().skip(1).flat_map(codes).collect();
        assert_eq!((found.clone(), opens(&outcomes)), (expected, found.is_empty()));
    }
}

#[test]
fn an_image_is_what_the_gate_asks_for_on_each_platform() {
    let demand = "{id: shape, image: {user: non-root-number, entrypoint: [/app, \"/usr/bin/*\"], labels: {org.opencontainers.image.source: [\"https://github.com/corp/**\"]}, platforms: [linux/amd64], base: [\"registry.corp/base/**\"]}}";
    let good = || Configuration {
        user: "1000".into(),
        entrypoint: vec!["/app".into()],
        cmd: vec![],
        labels: [
            (
                "org.opencontainers.image.source".into(),
                "https://github.com/corp/api".into(),
            ),
            (
                "org.opencontainers.image.base.name".into(),
                "registry.corp/base/static:1".into(),
            ),
        ]
        .into(),
    };
    type Change = fn(&mut Configuration);
    for (change, expected) in [
        ((|_| ()) as Change, vec![]),
        (|image| image.user = "root".into(), vec![Code::ImageUser]),
        (|image| image.user = "app".into(), vec![Code::ImageUser]),
        (|image| image.user = String::new(), vec![Code::ImageUser]),
        (
            |image| image.entrypoint = vec!["/bin/sh".into()],
            vec![Code::ImageEntrypoint],
        ),
        (|image| image.entrypoint = vec![], vec![Code::ImageEntrypoint]),
        (
            |image| {
                image.entrypoint = vec![];
                image.cmd = vec!["/usr/bin/app".into()];
            },
            vec![],
        ),
        (|image| image.labels.clear(), vec![Code::ImageLabel, Code::ImageBase]),
        (
            |image| {
                image.labels.insert(
                    "org.opencontainers.image.base.name".into(),
                    "docker.io/library/alpine".into(),
                );
            },
            vec![Code::ImageBase],
        ),
    ] {
        let mut facts = facts();
        let mut other = good();
        change(&mut other);
        facts.image.configurations = [("linux/amd64".into(), good()), ("linux/arm64".into(), other)].into();
        let outcome = asked_with(&facts, &one(demand), &["linux/amd64", "linux/arm64"], &[]);
        assert_eq!(codes(&outcome), expected, "{outcome:?}");
        let status = if expected.is_empty() {
            Status::Passed
        } else {
            Status::Failed
        };
        assert_eq!(outcome.status, status);
    }
    let mut facts = facts();
    facts.image.configurations = [("linux/arm64".into(), good())].into();
    let outcome = asked_with(&facts, &one(demand), &["linux/arm64"], &[]);
    assert_eq!(codes(&outcome), [Code::ImagePlatform]);
    let outcome = asked_with(&facts, &one(demand), &["linux/amd64", "linux/arm64"], &[]);
    assert_eq!(codes(&outcome), [Code::ConfigurationMissing]);
    facts.image.configurations = [("linux/amd64".into(), good())].into();
    facts.image.bases = [("linux/amd64".into(), "docker.io/library/alpine".into())].into();
    let outcome = asked_with(&facts, &one(demand), &["linux/amd64"], &[]);
    assert_eq!(
        codes(&outcome),
        [Code::ImageBase],
        "the manifest's word goes before the label's"
    );
}

/// Runtimes are written in Go, whose JSON reader takes `user` for `User`.
#[test]
fn a_configuration_is_read_as_a_runtime_reads_it_or_not_at_all() {
    let read = |text: &str| Configuration::read(text.as_bytes());
    let good = read(r#"{"os":"linux","config":{"User":"1000","Entrypoint":null,"Labels":{"user":"x"},"Env":[]}}"#);
    assert_eq!(good.unwrap().user, "1000");
    assert_eq!(read("{}").unwrap(), Configuration::default());
    assert_eq!(read(r#"{"config":null}"#).unwrap(), Configuration::default());
    for text in [
        r#"{"config":{"User":"1000","user":"0"}}"#,
        r#"{"config":{"USER":"0"}}"#,
        "{\"config\":{\"User\":\"1000\",\"U\u{17f}er\":\"0\"}}",
        r#"{"config":{"User":"1000"},"Config":{"User":"0"}}"#,
        r#"{"config":{"User":"1000","User":"0"}}"#,
        r#"{"config":{"User":0}}"#,
        "[]",
        "",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn what_attackers_use_does_not_pass_and_has_no_leeway() {
    let check = |kev: &str| {
        one(&format!(
            "{{id: v, class: vulnerabilities, bind: image, fail: {{fixable: high, kev: {kev}}}, leeway: {{high: 7d}}}}"
        ))
    };
    let mut report = report(Class::Vulnerabilities);
    let mut found = finding(Some(Severity::Low), FixState::None);
    found.rule = "GHSA-1".into();
    found.aliases = vec!["CVE-2026-1".into()];
    report.findings = vec![found.clone()];
    let mut facts = facts();
    let codes_of =
        |facts: &Facts, kev: &str, report: &Report| codes(&asked_with(facts, &check(kev), &["a"], &[evidence(report)]));
    assert_eq!(codes_of(&facts, "any", &report), [Code::ExploitedUnknown]);
    facts.known.exploited = Some(["CVE-2026-2".into()].into());
    assert_eq!(codes_of(&facts, "any", &report), []);
    facts.known.exploited = Some(["CVE-2026-1".into()].into());
    assert_eq!(codes_of(&facts, "any", &report), [Code::Exploited]);
    assert_eq!(codes_of(&facts, "fixable", &report), []);
    report.findings[0].fix = FixState::Fixed;
    report.findings[0].severity = Some(Severity::High);
    facts.known.first_seen = [(report.findings[0].fingerprint(), now())].into();
    assert_eq!(codes_of(&facts, "fixable", &report), [Code::Exploited, Code::Findings]);
}

#[test]
fn leeway_ends_and_is_counted_from_when_it_was_first_known() {
    let check =
        one("{id: v, class: vulnerabilities, bind: image, fail: {fixable: high}, leeway: {high: 7d, critical: 0d}}");
    let found = |severity| finding(Some(severity), FixState::Fixed);
    let print = found(Severity::High).fingerprint();
    // Severity, first seen, made public, and whether it is suffered on 1 June at noon.
    for (severity, seen, disclosed, suffered) in [
        (Severity::High, None, None, false),
        (Severity::High, Some("2026-06-01T12:00:00Z"), None, true),
        (Severity::High, Some("2026-05-25T12:00:01Z"), None, true),
        (Severity::High, Some("2026-05-25T12:00:00Z"), None, false),
        (
            Severity::High,
            Some("2026-06-01T00:00:00Z"),
            Some("2026-05-20T00:00:00Z"),
            false,
        ),
        (
            Severity::High,
            Some("2026-06-01T00:00:00Z"),
            Some("2026-05-30T00:00:00Z"),
            true,
        ),
        (Severity::Critical, Some("2026-06-01T12:00:00Z"), None, false),
    ] {
        let mut report = report(Class::Vulnerabilities);
        report.findings = vec![found(severity)];
        let mut facts = facts();
        facts.known.first_seen = seen.map(|seen| (print, at(seen))).into_iter().collect();
        facts.known.disclosed = disclosed
            .map(|time| ("CVE-2026-1".to_owned(), at(time)))
            .into_iter()
            .collect();
        let outcome = asked_with(&facts, &check, &["a"], &[evidence(&report)]);
        let notes: Vec<Code> = outcome.notes.iter().map(|note| note.code).collect();
        let expected = match suffered {
            true => (vec![], vec![Code::Leeway], Status::Passed),
            false => (vec![Code::Findings], vec![], Status::Failed),
        };
        assert_eq!(
            (codes(&outcome), notes, outcome.status),
            expected,
            "{severity:?} {seen:?} {disclosed:?}"
        );
    }
}

#[test]
fn a_secret_has_no_leeway() {
    let check = one("{id: s, class: secrets, bind: commit, fail: {anyFinding: true}, leeway: {high: 7d}}");
    let mut report = report(Class::Secrets);
    report.findings = vec![Finding {
        class: Class::Secrets,
        ..finding(Some(Severity::High), FixState::Unknown)
    }];
    let mut facts = facts();
    facts.known.first_seen = [(report.findings[0].fingerprint(), now())].into();
    let outcome = asked_with(&facts, &check, &["a"], &[evidence(&report)]);
    assert_eq!(codes(&outcome), [Code::Findings]);
}

#[test]
fn only_what_is_new_counts_where_the_gate_says_so() {
    let check = one("{id: v, class: vulnerabilities, bind: image, fail: {fixable: high, newOnly: true}}");
    let mut report = report(Class::Vulnerabilities);
    report.findings = vec![finding(Some(Severity::High), FixState::Fixed)];
    let print = report.findings[0].fingerprint();
    for (before, expected) in [
        (None, vec![Code::Findings]),
        (Some([].into()), vec![Code::Findings]),
        (Some([print].into()), vec![]),
    ] {
        let mut facts = facts();
        facts.known.before = before;
        assert_eq!(
            codes(&asked_with(&facts, &check, &["a"], &[evidence(&report)])),
            expected
        );
    }
}

#[test]
fn a_format_has_its_version() {
    for (demand, format, version, passes) in [
        ("cyclonedx>=1.4", Format::CycloneDx, Some("1.4"), true),
        ("cyclonedx>=1.4", Format::CycloneDx, Some("1.10"), true),
        ("cyclonedx>=1.4", Format::CycloneDx, Some("1.3"), false),
        ("cyclonedx>=1.4", Format::CycloneDx, Some("x"), false),
        ("cyclonedx>=1.4", Format::CycloneDx, None, false),
        ("cyclonedx>=1.4", Format::Spdx, Some("2.3"), false),
        ("cyclonedx", Format::CycloneDx, None, true),
        ("spdx>=2.3", Format::Spdx, Some("2.3"), true),
    ] {
        let check = one(&format!("{{id: b, class: sbom, bind: image, formats: [\"{demand}\"]}}"));
        let mut report = report(Class::Sbom);
        report.format = format;
        report.format_version = version.map(str::to_owned);
        let found = codes(&asked(&check, &["a"], &[evidence(&report)]));
        let expected = if passes { vec![] } else { vec![Code::FormatNotAccepted] };
        assert_eq!(found, expected, "{demand} {format:?} {version:?}");
    }
}

#[test]
fn as_many_alternatives_as_are_wanted_have_a_report() {
    let check = one(
        "{id: c, oneOf: [{class: secrets}, {class: sast}, {class: vulnerabilities}], atLeast: 2, bind: image, fail: {anyFinding: true}}",
    );
    let (sast, secrets) = (report(Class::Sast), report(Class::Secrets));
    assert_eq!(codes(&asked(&check, &["a"], &[evidence(&sast)])), [Code::TooFew]);
    assert_eq!(
        codes(&asked(&check, &["a"], &[evidence(&sast), evidence(&sast)])),
        [Code::TooFew]
    );
    assert_eq!(
        codes(&asked(&check, &["a"], &[evidence(&sast), evidence(&secrets)])),
        []
    );
}

#[test]
fn a_job_of_a_pinned_workflow_is_believed_more() {
    let gate = gate("  - {id: c, class: sast, bind: commit, minProof: E2, fail: {anyFinding: true}}\n  trustedWorkflows: [\"github:corp/w/.github/workflows/scan.yml@refs/tags/v3.*\"]\n").unwrap();
    let report = report(Class::Sast);
    for (proof, workflow, passes) in [
        (
            Proof::E1,
            Some("corp/w/.github/workflows/scan.yml@refs/tags/v3.1"),
            true,
        ),
        (
            Proof::E1,
            Some("corp/w/.github/workflows/scan.yml@refs/heads/v3.1"),
            false,
        ),
        (
            Proof::E1,
            Some("evil/w/.github/workflows/scan.yml@refs/tags/v3.1"),
            false,
        ),
        (Proof::E1, None, false),
        (Proof::E2, None, false),
        (
            Proof::E0,
            Some("corp/w/.github/workflows/scan.yml@refs/tags/v3.1"),
            false,
        ),
        (Proof::E3, None, true),
    ] {
        let one = Evidence {
            proof,
            workflow,
            ..evidence(&report)
        };
        let expected = if passes { vec![] } else { vec![Code::ProofTooWeak] };
        assert_eq!(codes(&asked(&gate, &["a"], &[one])), expected, "{proof:?} {workflow:?}");
    }
    // Another issuer's workflow of that name is another one's, and an issuer's name cannot reach into a workflow's.
    for (issuer, workflow) in [
        ("gitlab", "corp/w/.github/workflows/scan.yml@refs/tags/v3.1"),
        ("gitlab", "github:corp/w/.github/workflows/scan.yml@refs/tags/v3.1"),
        ("github:corp/w", "/.github/workflows/scan.yml@refs/tags/v3.1"),
        ("github:corp", "w/.github/workflows/scan.yml@refs/tags/v3.1"),
    ] {
        let mut facts = facts();
        facts.source.issuer = issuer.to_owned();
        let one = Evidence {
            workflow: Some(workflow),
            ..evidence(&report)
        };
        let found = codes(&asked_with(&facts, &gate, &["a"], &[one]));
        assert_eq!(found, [Code::ProofTooWeak], "{issuer} {workflow}");
    }
    // Nobody vouches for it: whatever a gate asks for, that is too little.
    let report = super::made::report(Class::Sbom);
    let nobody = Evidence {
        proof: Proof::E0,
        ..evidence(&report)
    };
    let found = codes(&asked(&one("{id: c, class: sbom, bind: image}"), &["a"], &[nobody]));
    assert_eq!(found, [Code::ProofTooWeak]);
}

#[test]
fn a_verified_provenance_of_another_commit_unbinds_what_is_about_this_one() {
    let check = one("{id: c, class: sast, bind: commit, fail: {anyFinding: true}}");
    let sast = report(Class::Sast);
    for (commit, proof, image, expected) in [
        ("00ff", Proof::E3, "image", vec![]),
        ("beef", Proof::E3, "image", vec![Code::CommitMismatch]),
        ("beef", Proof::E1, "image", vec![]),
        ("beef", Proof::E3, "other", vec![]),
    ] {
        let mut provenance = report(Class::Provenance);
        provenance.subject.commit = Some(commit.into());
        provenance.subject.digests = [digest(image).to_string()].into();
        let provenance = Evidence {
            slot: "slsa",
            proof,
            ..evidence(&provenance)
        };
        let found = codes(&asked(&check, &["a"], &[evidence(&sast), provenance]));
        assert_eq!(found, expected, "{commit} {proof:?} {image}");
    }
}

#[test]
fn a_report_that_was_handed_in_before_is_for_its_commit_only() {
    let check = one("{id: c, class: sast, bind: commit, fail: {anyFinding: true}}");
    for (named, reused_for, expected) in [
        (Some("00ff"), &["beef"][..], vec![]),
        (None, &["00ff"][..], vec![]),
        (None, &["00ff", "beef"][..], vec![Code::EvidenceReused]),
        (None, &[][..], vec![Code::EvidenceReused]),
    ] {
        let mut sast = report(Class::Sast);
        sast.subject.commit = named.map(str::to_owned);
        let reused = Evidence {
            reused: true,
            reused_for,
            ..evidence(&sast)
        };
        assert_eq!(
            codes(&asked(&check, &["a"], &[reused])),
            expected,
            "{named:?} {reused_for:?}"
        );
    }
}

#[test]
fn conditions_see_findings_image_source_and_evidence() {
    let mut vulns = report(Class::Vulnerabilities);
    vulns.findings = vec![finding(None, FixState::Fixed)];
    for (condition, expected) in [
        ("findings.all(f, f.severity != 'critical')", None),
        (
            "findings.exists(f, f.severity == 'unknown' && f.package == 'zlib')",
            None,
        ),
        ("size(findings) == 0", Some(Code::ConditionFailed)),
        ("findings.all(f, f.path == 'x')", Some(Code::ConditionError)),
        (
            "image.repository == 'registry.corp/unsigned/payments/api' && image.tag == '1.2.3'",
            None,
        ),
        (
            "image.platforms.all(p, p.user == '1000' && p.entrypoint == ['/app'])",
            None,
        ),
        (
            "source.labels['class'] == 'IIb' && source.refProtected && source.runner == 'hosted'",
            None,
        ),
        ("source.environment == 'staging'", Some(Code::ConditionFailed)),
        (
            "evidence.exists(e, e.slot == 'scan' && e.proof >= 1 && 'Trivy' in e.tools)",
            None,
        ),
        ("evidence.exists(e, e.proof >= 2)", Some(Code::ConditionFailed)),
        ("!image.firstRelease && source.commit == '00ff'", None),
    ] {
        let check = one(&format!("{{id: c, condition: \"{condition}\"}}"));
        let outcome = asked(&check, &["a"], &[evidence(&vulns)]);
        assert_eq!(
            codes(&outcome),
            expected.into_iter().collect::<Vec<_>>(),
            "{condition}: {outcome:?}"
        );
    }
}

#[test]
fn a_document_of_an_organisation_s_own_passes_by_its_condition() {
    let check = "{id: licences, class: custom, bind: commit, recognise: {fields: {/kind: {equals: licence-review}, /verdicts: {type: list, minLength: 1, each: {/name: {type: text}}}}}, condition: \"document.verdicts.all(v, v.ok)\"}";
    let documents = [
        (r#"{"kind":"licence-review","verdicts":[{"name":"a","ok":true}]}"#, None),
        (
            r#"{"kind":"licence-review","verdicts":[{"name":"a","ok":false}]}"#,
            Some(Code::ConditionFailed),
        ),
        (
            r#"{"kind":"licence-review","verdicts":[{"name":"a"}]}"#,
            Some(Code::ConditionError),
        ),
        (
            r#"{"kind":"licence-review","verdicts":[{"name":"a","ok":"yes"}]}"#,
            Some(Code::ConditionError),
        ),
        (r#"{"kind":"licence-review","verdicts":[]}"#, Some(Code::Missing)),
        (
            r#"{"kind":"licence-review","verdicts":[{"name":1,"ok":true}]}"#,
            Some(Code::Missing),
        ),
        (
            r#"{"kind":"other","verdicts":[{"name":"a","ok":true}]}"#,
            Some(Code::Missing),
        ),
        (r#"{"verdicts":[{"name":"a","ok":true}]}"#, Some(Code::Missing)),
    ];
    for (text, expected) in documents {
        let custom = Report::custom(text.as_bytes()).unwrap();
        let handed_in = Evidence {
            custom: Some(&custom),
            ..evidence(&custom.report)
        };
        let outcome = asked(&one(check), &["a"], &[handed_in]);
        assert_eq!(
            codes(&outcome),
            expected.into_iter().collect::<Vec<_>>(),
            "{text}: {outcome:?}"
        );
    }
    // A statement is about its subjects, whoever hands it in.
    let statement = |image: &str| {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"https://corp/pentest/v1","predicate":{{"passed":true}}}}"#,
            digest(image).hex()
        )
    };
    let check = one(
        "{id: pentest, class: custom, bind: image, recognise: {predicateType: \"https://corp/pentest/v1\"}, condition: document.passed}",
    );
    for (image, expected) in [("image", vec![]), ("other", vec![Code::Unbound])] {
        let custom = Report::custom(statement(image).as_bytes()).unwrap();
        let handed_in = Evidence {
            custom: Some(&custom),
            ..evidence(&custom.report)
        };
        assert_eq!(codes(&asked(&check, &["a"], &[handed_in])), expected, "{image}");
    }
    for text in ["", "{", r#"{"a":1,"a":2}"#, "<a/>"] {
        assert!(Report::custom(text.as_bytes()).is_err(), "{text}");
    }
}
