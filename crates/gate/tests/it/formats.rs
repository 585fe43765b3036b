//! What each format says, and what makes a report say nothing.

use countersign_gate::{Class, Completeness, Finding, FixState, Format, Report, ReportError, Severity, Tests, Tools};
use serde_json::{Value, json};

fn read(report: &Value) -> Result<Report, ReportError> {
    Report::read(report.to_string().as_bytes(), &Tools::default())
}

fn report(value: &Value) -> Report {
    read(value).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn sarif(tool: &str, run: Value) -> Value {
    let mut whole = json!({"tool": {"driver": {"name": tool, "semanticVersion": "1.2", "rules": [
        {"id": "rule", "defaultConfiguration": {"level": "error"}},
        {"id": "scored", "properties": {"security-severity": "9.8"}},
    ]}}});
    whole.as_object_mut().unwrap().extend(run.as_object().unwrap().clone());
    json!({"version": "2.1.0", "runs": [whole]})
}

fn only(report: &Report) -> &Finding {
    let [finding] = report.findings.as_slice() else {
        panic!("{report:?}");
    };
    finding
}

#[test]
fn a_sarif_finding_is_as_bad_as_its_score_its_level_or_its_rule_says() {
    for (tool, result, expected) in [
        ("CodeQL", json!({"ruleId": "rule"}), Severity::High),
        ("CodeQL", json!({"ruleId": "rule/sub"}), Severity::Medium),
        ("CodeQL", json!({"ruleId": "rule/sub", "ruleIndex": 0}), Severity::High),
        ("CodeQL", json!({"ruleId": "rule", "level": "note"}), Severity::Info),
        (
            "CodeQL",
            json!({"ruleId": "scored", "level": "note"}),
            Severity::Critical,
        ),
        (
            "CodeQL",
            json!({"ruleId": "scored", "properties": {"security-severity": 4.0}}),
            Severity::Medium,
        ),
        ("CodeQL", json!({"ruleIndex": 1}), Severity::Critical),
        ("CodeQL", json!({"ruleId": "rule", "ruleIndex": 1}), Severity::High),
        ("CodeQL", json!({"ruleId": "unknown"}), Severity::Medium),
        (
            "gitleaks",
            json!({"ruleId": "unknown", "level": "note"}),
            Severity::High,
        ),
    ] {
        let report = report(&sarif(tool, json!({"results": [result]})));
        assert_eq!(only(&report).severity, Some(expected), "{tool} {result}");
    }
}

#[test]
fn what_passed_or_is_gone_is_no_finding_and_what_was_silenced_is() {
    let count = |result: Value| report(&sarif("CodeQL", json!({"results": [result]}))).findings.len();
    assert_eq!(count(json!({"ruleId": "rule", "kind": "pass"})), 0);
    assert_eq!(count(json!({"ruleId": "rule", "baselineState": "absent"})), 0);
    assert_eq!(
        count(json!({"ruleId": "rule", "kind": "fail", "baselineState": "unchanged"})),
        1
    );
    for (suppressions, expected) in [
        (json!([{"kind": "inSource"}]), true),
        (json!([{"kind": "external", "status": "accepted"}]), true),
        (json!([{"kind": "external", "status": "underReview"}]), false),
        (json!([]), false),
    ] {
        let report = report(&sarif(
            "CodeQL",
            json!({"results": [{"ruleId": "rule", "suppressions": suppressions}]}),
        ));
        assert_eq!(only(&report).suppressed_in_source, expected);
    }
}

#[test]
fn a_tool_that_says_that_it_failed_has_not_found_nothing() {
    for (run, ran) in [
        (json!({}), true),
        (json!({"invocations": [{"executionSuccessful": true}]}), true),
        (
            json!({"invocations": [{"executionSuccessful": true}, {"executionSuccessful": false}]}),
            false,
        ),
        (
            json!({"invocations": [{"toolExecutionNotifications": [{"level": "error", "message": {"text": "x"}}]}]}),
            false,
        ),
        (
            json!({"invocations": [{"toolExecutionNotifications": [{"level": "warning"}]}]}),
            true,
        ),
    ] {
        let found = report(&sarif("CodeQL", run.clone())).completeness;
        assert_eq!(found == Completeness::Ran, ran, "{run}: {found:?}");
    }
}

#[test]
fn sarif_says_which_commit_and_image_and_when() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let report = report(&sarif(
        "Trivy",
        json!({
            "invocations": [{"executionSuccessful": true, "endTimeUtc": "2026-01-02T00:00:00Z"}, {"endTimeUtc": "2026-01-01T00:00:00Z"}],
            "versionControlProvenance": [{"revisionId": "00ff"}],
            "properties": {"imageName": "x", "repoDigests": [format!("r/a@{digest}")]},
        }),
    ));
    assert!(report.classes.iter().eq([&Class::Vulnerabilities]));
    assert_eq!(
        report.time,
        Some("2026-01-01T00:00:00Z".parse().unwrap()),
        "the oldest run"
    );
    assert_eq!(report.subject.commit.as_deref(), Some("00ff"));
    assert!(report.subject.digests.iter().eq([&digest]));
}

#[test]
fn who_wrote_a_sarif_has_to_be_known() {
    let document = sarif("ours", json!({}));
    assert_eq!(
        read(&document).err(),
        Some(ReportError::UnknownTool {
            tool: "ours".to_owned()
        })
    );
    let ours = |class| Tools::with([("ours".to_owned(), class), ("CodeQL".to_owned(), class)]);
    let classes =
        |document: &Value, tools: &Tools| Report::read(document.to_string().as_bytes(), tools).unwrap().classes;
    assert!(classes(&document, &ours(Class::Secrets)).iter().eq([&Class::Secrets]));
    let known = sarif("CodeQL", json!({}));
    assert!(
        classes(&known, &ours(Class::Secrets)).iter().eq([&Class::Sast]),
        "what is known stays so"
    );
    let ai = sarif("ours", json!({"properties": {"ai": true}}));
    assert!(classes(&ai, &Tools::default()).iter().eq([&Class::AiReview]));
}

#[test]
fn trivy_says_whether_an_update_mends_it() {
    let with = |vulnerability: Value| {
        report(&json!({
            "SchemaVersion": 2, "ArtifactName": "r/a", "CreatedAt": "2026-01-02T03:04:05.123456789+01:00",
            "Metadata": {"ImageID": format!("sha256:{}", "b".repeat(64))},
            "Results": [{"Target": "t", "Class": "os-pkgs", "Vulnerabilities": [vulnerability]}],
        }))
    };
    for (more, fix) in [
        (json!({"FixedVersion": "2"}), FixState::Fixed),
        (json!({"Status": "will_not_fix"}), FixState::WontFix),
        (json!({"Status": "affected"}), FixState::None),
        (json!({"Status": "under_investigation"}), FixState::Unknown),
        (json!({}), FixState::None),
    ] {
        let mut vulnerability = json!({"VulnerabilityID": "CVE-1", "PkgName": "p", "Severity": "UNKNOWN"});
        vulnerability
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let report = with(vulnerability);
        assert_eq!((only(&report).fix, only(&report).severity), (fix, None), "{more}");
        assert_eq!(report.subject.digests.len(), 1);
        assert!(report.time.is_some());
    }
}

#[test]
fn what_trivy_was_told_to_pass_over_is_shown() {
    let report = report(&json!({
        "SchemaVersion": 2, "ArtifactName": "a",
        "Results": [
            {"Target": "t", "Class": "secret", "Secrets": [{"RuleID": "key", "Severity": "LOW", "StartLine": 3, "Match": "*"}]},
            {"Target": "t", "Class": "os-pkgs", "ExperimentalModifiedFindings": [
                {"Type": "vulnerability", "Status": "ignored", "Finding": {"VulnerabilityID": "CVE-1", "Severity": "HIGH"}},
            ]},
        ],
    }));
    assert!(report.classes.iter().eq([&Class::Secrets, &Class::Vulnerabilities]));
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.severity, finding.suppressed_in_source))
        .collect();
    assert_eq!(found, [(Some(Severity::High), true), (Some(Severity::High), false)]);
}

#[test]
fn grype_says_when_its_database_was_made_and_what_it_was_told_to_pass_over() {
    let digest = format!("sha256:{}", "c".repeat(64));
    let one = json!({
        "vulnerability": {"id": "GHSA-1", "severity": "High", "fix": {"state": "fixed", "versions": ["2"]}},
        "relatedVulnerabilities": [{"id": "CVE-1"}],
        "artifact": {"name": "p", "version": "1", "purl": "pkg:npm/p@1"},
    });
    let grype = |matches: Value, db: Value| {
        json!({
            "matches": matches, "ignoredMatches": [one],
            "source": {"type": "image", "target": {"manifestDigest": digest, "repoDigests": [format!("r/a@{digest}")]}},
            "descriptor": {"name": "grype", "version": "1", "timestamp": "2026-01-03T00:00:00Z", "db": db},
        })
    };
    for db in [
        json!({"built": "2026-01-02T00:00:00Z"}),
        json!({"status": {"built": "2026-01-02T00:00:00Z"}}),
    ] {
        let report = report(&grype(json!([one]), db));
        assert_eq!(report.database_time, Some("2026-01-02T00:00:00Z".parse().unwrap()));
        assert!(report.subject.digests.iter().eq([&digest]));
        let silenced: Vec<bool> = report
            .findings
            .iter()
            .map(|finding| finding.suppressed_in_source)
            .collect();
        assert_eq!((silenced, report.findings[0].canonical()), (vec![false, true], "CVE-1"));
    }
    assert!(matches!(
        report(&grype(Value::Null, json!({}))).completeness,
        Completeness::Failed { .. }
    ));
}

#[test]
fn an_empty_list_of_leaks_is_nobody_s() {
    for empty in ["[]", "null", " [ ] \n"] {
        let report = Report::read(empty.as_bytes(), &Tools::default()).unwrap();
        assert_eq!(
            (report.format, report.completeness),
            (Format::Gitleaks, Completeness::Unattributed)
        );
    }
    let leak = json!([{"RuleID": "key", "File": "a", "StartLine": 3, "Commit": "00ff", "Fingerprint": "a:key:3", "Secret": "s", "Match": "s"}]);
    let report = report(&leak);
    assert_eq!(only(&report).severity, Some(Severity::High));
    assert_eq!(report.subject.commit, None, "a leak's commit is not what was looked at");
    assert!(read(&json!([{"some": "list"}])).is_err());
}

#[test]
fn semgrep_that_looked_at_nothing_has_not_found_nothing() {
    for (more, ran) in [
        (json!({"paths": {"scanned": ["a"]}}), true),
        (json!({"paths": {"scanned": []}}), false),
        (json!({}), false),
        (
            json!({"paths": {"scanned": ["a"]}, "errors": [{"level": "error", "message": "x"}]}),
            false,
        ),
        (
            json!({"paths": {"scanned": ["a"]}, "errors": [{"level": "warn"}]}),
            true,
        ),
    ] {
        let mut document = json!({"results": [], "errors": []});
        document
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(report(&document).completeness == Completeness::Ran, ran, "{more}");
    }
}

#[test]
fn tests_are_counted_and_not_believed() {
    for (xml, expected) in [
        (
            "<testsuites tests='9'><testsuite tests='9' failures='0'><testcase/><testcase><failure/></testcase></testsuite></testsuites>",
            (2, 1, 0),
        ),
        (
            "<?xml version='1.0'?><testsuite><testcase name='a'><skipped/></testcase><testcase><error>x</error></testcase></testsuite>",
            (2, 1, 1),
        ),
        (
            "<testsuite><testcase><system-out><![CDATA[<failure/>]]></system-out></testcase></testsuite>",
            (1, 0, 0),
        ),
        (
            "<testsuite><testcase><properties><failure/></properties></testcase></testsuite>",
            (1, 0, 0),
        ),
        ("<testsuite><error>no set-up</error></testsuite>", (1, 1, 0)),
        ("<testsuite tests='5'/>", (0, 0, 0)),
    ] {
        let report = Report::read(xml.as_bytes(), &Tools::default()).unwrap_or_else(|error| panic!("{xml}: {error}"));
        let (total, failed, skipped) = expected;
        assert_eq!(report.tests, Some(Tests { total, failed, skipped }), "{xml}");
        assert_eq!(report.completeness == Completeness::Ran, total > 0, "{xml}");
    }
}

#[test]
fn a_wrapped_scan_is_the_scan() {
    let trivy = json!({
        "SchemaVersion": 2, "ArtifactName": "a",
        "Results": [{"Target": "t", "Class": "os-pkgs", "Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "HIGH"}]}],
    });
    let predicate = json!({
        "scanner": {"uri": "pkg:trivy", "version": "1", "db": {"lastUpdate": "2026-01-01T00:00:00Z"}, "result": trivy},
        "metadata": {"scanStartedOn": "2026-01-02T00:00:00Z", "scanFinishedOn": "2026-01-02T00:01:00Z"},
    });
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": "d".repeat(64)}}],
        "predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
        "predicate": predicate,
    });
    for (document, format) in [
        (&predicate, Format::CosignVulnerabilities),
        (&statement, Format::Statement),
    ] {
        let report = report(document);
        assert_eq!((report.format, report.findings.len()), (format, 1));
        assert_eq!(report.database_time, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    }
    assert_eq!(report(&statement).subject.digests.len(), 1);
}

#[test]
fn a_list_of_contents_says_which_image_it_is_of() {
    let hex = "e".repeat(64);
    let digest = format!("sha256:{hex}");
    for document in [
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "a"}],
            "metadata": {"component": {"name": "i", "purl": format!("pkg:oci/i@sha256%3A{hex}?arch=amd64")}, "tools": {"components": [{"name": "syft"}]}}}),
        json!({"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [{"name": "a"}],
            "metadata": {"component": {"name": "i", "version": digest}, "tools": [{"name": "syft", "version": "1"}]}}),
        json!({"spdxVersion": "SPDX-2.3", "creationInfo": {"creators": ["Tool: syft"]},
            "packages": [{"name": "i", "primaryPackagePurpose": "CONTAINER", "versionInfo": digest}]}),
    ] {
        let report = report(&document);
        assert!(report.subject.digests.iter().eq([&digest]), "{document}: {report:?}");
        assert_eq!((report.components, report.tools[0].name.as_str()), (Some(1), "syft"));
    }
}

/// Of several runs in one file none lends another its subject, nor its tool.
#[test]
fn the_runs_of_a_sarif_file_are_about_one_thing() {
    let run = |tool: &str, commit: &[&str], images: &[&str]| {
        let images: Vec<String> = images
            .iter()
            .map(|name| format!("r.corp/a@sha256:{}", name.repeat(64)))
            .collect();
        let commits: Vec<_> = commit.iter().map(|commit| json!({"revisionId": commit})).collect();
        json!({"tool": {"driver": {"name": tool}}, "results": [], "versionControlProvenance": commits, "properties": {"repoDigests": images}})
    };
    let read = |runs: &[Value]| {
        let file = json!({"version": "2.1.0", "runs": runs}).to_string();
        Report::read(file.as_bytes(), &Tools::default())
    };
    for runs in [
        [run("gitleaks", &["00ff"], &[]), run("Semgrep", &["beef"], &[])],
        [run("Grype", &[], &["a"]), run("Trivy", &[], &["b"])],
        [run("Grype", &[], &["a"]), run("Trivy", &[], &[])],
        [run("gitleaks", &[], &[]), run("Trivy", &[], &["b"])],
    ] {
        let found = read(&runs);
        assert!(
            matches!(&found, Err(error) if error.to_string().contains("hand in each as a report by itself")),
            "{found:?}"
        );
    }
    let report = read(&[run("Grype", &["00ff"], &["a", "b"]), run("gitleaks", &[], &["a"])]).unwrap();
    assert_eq!(report.subject.digests, [format!("sha256:{}", "a".repeat(64))].into());
    assert_eq!(report.subject.commit.as_deref(), Some("00ff"));
    for (class, tools, expected) in [
        (Class::Vulnerabilities, &["grype"][..], true),
        (Class::Vulnerabilities, &["gitleaks"][..], false),
        (Class::Secrets, &["grype"][..], false),
        (Class::Secrets, &["trivy", "GitLeaks"][..], true),
        (Class::Secrets, &[][..], true),
        (Class::Sast, &[][..], false),
    ] {
        let tools = tools.iter().map(|tool| (*tool).to_owned()).collect();
        assert_eq!(report.looked_for(class, &tools), expected, "{class:?} {tools:?}");
    }
}
