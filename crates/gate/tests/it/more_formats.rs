//! The formats of single tools and services, and what proves nothing.

use countersign_gate::{Class, Completeness, Format, Report, ReportError, Severity, Tests, Tools, Verdict, carrier};
use serde_json::{Value, json};

fn read(text: &str) -> Report {
    Report::read(text.as_bytes(), &Tools::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn report(value: &Value) -> Report {
    read(&value.to_string())
}

fn ran(report: &Report) -> bool {
    report.completeness == Completeness::Ran
}

#[test]
fn osv_scanner_says_how_bad_it_is_in_groups_and_its_findings_meet_those_of_others() {
    let report = report(
        &json!({"results": [{"source": {"path": "/src/requirements.txt", "type": "lockfile"}, "packages": [{
        "package": {"name": "Flask_Thing", "version": "1", "ecosystem": "PyPI"},
        "vulnerabilities": [
            {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "affected": [
                {"package": {"name": "Flask_Thing"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]},
                {"package": {"name": "other"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "9"}]}]}]},
            {"id": "GHSA-2", "database_specific": {"severity": "MODERATE"}}],
        "groups": [{"ids": ["GHSA-1"], "max_severity": "9.8"}, {"ids": ["GHSA-2"], "max_severity": ""}],
    }]}], "experimental_config": {}}),
    );
    assert_eq!((report.format, ran(&report)), (Format::OsvScanner, true));
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.canonical(), finding.severity))
        .collect();
    assert_eq!(
        found,
        [
            ("CVE-2026-1", Some(Severity::Critical)),
            ("GHSA-2", Some(Severity::Medium))
        ]
    );
    let package = report.findings[0].package.as_ref().unwrap();
    assert_eq!(package.purl.as_deref(), Some("pkg:pypi/flask-thing@1"));
    assert_eq!(package.fixed_in, ["2"]);
    assert_eq!(
        report.findings[0].location.as_ref().unwrap().path,
        "/src/requirements.txt"
    );
}

#[test]
fn trufflehog_writes_a_line_for_each_secret_and_nothing_where_there_is_none() {
    for empty in ["", " \n"] {
        let report = read(empty);
        assert_eq!(
            (report.format, report.completeness),
            (Format::TruffleHog, Completeness::Unattributed)
        );
    }
    let line = |verified: bool| json!({"SourceMetadata": {"Data": {"Git": {"file": "a.py", "line": 3, "commit": "00ff"}}}, "DetectorName": "AWS", "Verified": verified, "Raw": "x"});
    assert_eq!(report(&line(false)).findings.len(), 1, "one line is a document");
    let report = read(&format!("{}\n{}\n", line(true), line(false)));
    let severities: Vec<_> = report.findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Some(Severity::Critical), Some(Severity::High)]);
    assert_eq!(report.subject.commit, None, "a leak's commit is not what was looked at");
    let broken = format!("{}\n{{\"DetectorName\":1,\"DetectorName\":2}}\n", line(true));
    assert!(matches!(
        Report::read(broken.as_bytes(), &Tools::default()),
        Err(ReportError::Json(_))
    ));
}

#[test]
fn gitlab_has_four_kinds_of_report() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (kind, class) in [
        ("sast", Class::Sast),
        ("secret_detection", Class::Secrets),
        ("container_scanning", Class::Vulnerabilities),
        ("dependency_scanning", Class::Vulnerabilities),
    ] {
        let with = |status: &str| {
            report(
                &json!({"version": "15.0.7", "scan": {"type": kind, "status": status, "end_time": "2026-01-02T03:04:05",
                "scanner": {"id": "trivy", "name": "Trivy", "version": "1"}},
                "vulnerabilities": [{"severity": "Low", "identifiers": [{"type": "cwe", "value": "79"}, {"type": "own", "value": "r"}, {"type": "cve", "value": "CVE-1"}],
                    "location": {"file": "a", "start_line": 2, "image": format!("r/a@{digest}"), "dependency": {"package": {"name": "p"}, "version": "1"}}}]}),
            )
        };
        let report = with("success");
        assert!(report.classes.iter().eq([&class]) && ran(&report), "{kind}");
        assert_eq!(report.time, Some("2026-01-02T03:04:05Z".parse().unwrap()));
        assert!(report.subject.digests.contains(&digest));
        let expected = match class {
            Class::Secrets => ("r", Severity::High),
            Class::Sast => ("r", Severity::Low),
            _ => ("CVE-1", Severity::Low),
        };
        let finding = &report.findings[0];
        assert_eq!((finding.rule.as_str(), finding.severity.unwrap()), expected);
        assert!(!ran(&with("failure")));
    }
    let other =
        json!({"version": "15", "scan": {"type": "api_fuzzing", "scanner": {"id": "a"}}, "vulnerabilities": []});
    let error = Report::read(other.to_string().as_bytes(), &Tools::default()).unwrap_err();
    assert!(error.to_string().contains("`api_fuzzing`"), "{error}");
}

#[test]
fn ctrf_is_counted_and_its_summary_has_to_agree() {
    for (statuses, tests, failed, runs) in [
        (vec!["passed", "failed", "pending"], 3, 1, true),
        (vec!["passed", "failed"], 2, 0, false),
        (vec!["passed"], 9, 0, false),
        (vec![], 0, 0, false),
    ] {
        let list: Vec<Value> = statuses
            .iter()
            .map(|status| json!({"name": "t", "status": status}))
            .collect();
        let report = report(&json!({"reportFormat": "CTRF", "results": {"tool": {"name": "jest"},
            "summary": {"tests": tests, "failed": failed, "stop": 1_700_000_000_000_i64}, "tests": list}}));
        assert_eq!(ran(&report), runs, "{statuses:?}: {:?}", report.completeness);
        let count = |wanted: &str| statuses.iter().filter(|status| **status == wanted).count() as u64;
        let expected = Tests {
            total: statuses.len() as u64,
            failed: count("failed"),
            skipped: count("pending"),
        };
        assert_eq!(report.tests, Some(expected));
        assert!(report.time.is_some());
    }
}

#[test]
fn cyclonedx_is_the_same_as_xml() {
    let digest = format!("sha256:{}", "b".repeat(64));
    let report = read(&format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata>
        <timestamp>2026-01-02T00:00:00Z</timestamp><tools><components><component type="application"><name>syft</name><version>1</version></component></components></tools>
        <component type="container"><name>i</name><version>{digest}</version></component></metadata>
        <components><component><name>a</name><components><component><name>b</name></component></components></component><component/></components></bom>"#
    ));
    assert_eq!((report.format, report.components), (Format::CycloneDxXml, Some(3)));
    assert!(report.subject.digests.iter().eq([&digest]));
    assert_eq!(
        (report.tools[0].name.as_str(), report.time),
        ("syft", Some("2026-01-02T00:00:00Z".parse().unwrap()))
    );
    for (xml, expected) in [
        ("<bom/>", ReportError::Unknown),
        (
            "<!DOCTYPE bom><bom xmlns='http://cyclonedx.org/schema/bom/1.6'/>",
            ReportError::DocumentType,
        ),
    ] {
        assert_eq!(Report::read(xml.as_bytes(), &Tools::default()), Err(expected), "{xml}");
    }
}

#[test]
fn what_somebody_says_does_not_matter_proves_nothing() {
    for document in [
        json!({"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}),
        json!({"document": {"category": "csaf_vex"}, "vulnerabilities": []}),
    ] {
        let report = report(&document);
        assert_eq!(
            (report.format, report.classes.len(), report.findings.len()),
            (Format::Vex, 0, 0)
        );
    }
}

#[test]
fn when_trivy_s_database_was_made_comes_beside_its_report() {
    let side = report(&json!({"Version": "1.2", "VulnerabilityDB": {"UpdatedAt": "2026-01-01T00:00:00Z"}}));
    assert_eq!((side.format, side.classes.len()), (Format::TrivyVersion, 0));
    for (version, takes) in [(json!("1.2"), true), (json!("1.3"), false), (Value::Null, true)] {
        let mut trivy = report(&json!({"SchemaVersion": 2, "ArtifactName": "a", "Trivy": {"Version": version}}));
        assert_eq!(trivy.take_database_of(&side), takes, "{version}");
        assert_eq!(trivy.database_time.is_some(), takes);
    }
}

#[test]
fn a_review_by_a_model_says_what_it_rests_on() {
    let digest = format!("sha256:{}", "c".repeat(64));
    let whole = json!({"model": {"id": "m", "version": "1"}, "promptDigest": digest, "diffDigest": digest, "verdict": "approved"});
    let sarif = |said: &Value| {
        let mut properties = said.clone();
        properties["ai"] = json!(true);
        report(
            &json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "reviewer"}}, "results": [], "properties": properties}]}),
        )
    };
    let statement = |said: &Value| {
        report(
            &json!({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"gitCommit": "00ff"}}],
            "predicateType": "https://example.com/ai-review/v1", "predicate": said}),
        )
    };
    for read in [&sarif as &dyn Fn(&Value) -> Report, &statement] {
        let report = read(&whole);
        assert!(report.classes.iter().eq([&Class::AiReview]) && ran(&report) && report.findings.is_empty());
        let review = report.ai.unwrap();
        assert_eq!((review.model.as_str(), review.verdict), ("m", Verdict::Approved));
        let mut rejected = whole.clone();
        rejected["verdict"] = json!("rejected");
        assert_eq!(read(&rejected).findings[0].severity, Some(Severity::High));
        for field in ["model", "promptDigest", "diffDigest", "verdict"] {
            let mut part = whole.clone();
            part.as_object_mut().unwrap().remove(field);
            assert!(!ran(&read(&part)), "{field}");
            part[field] = json!("else");
            assert!(!ran(&read(&part)), "{field}");
        }
    }
    assert_eq!(statement(&whole).subject.commit.as_deref(), Some("00ff"));
}

#[test]
fn a_provenance_says_builder_commit_and_source() {
    let statement = |predicate_type: &str, predicate: Value| {
        report(
            &json!({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": "d".repeat(64)}}],
            "predicateType": predicate_type, "predicate": predicate}),
        )
    };
    let old = statement(
        "https://slsa.dev/provenance/v0.2",
        json!({"builder": {"id": "b"}, "buildType": "t", "invocation": {"configSource": {"uri": "git+https://h/o/r@refs/heads/main", "digest": {"sha1": "00ff"}}}}),
    );
    assert_eq!(
        (
            old.builder.as_deref(),
            old.subject.commit.as_deref(),
            old.source.as_deref()
        ),
        (Some("b"), Some("00ff"), Some("https://h/o/r"))
    );
    let new = |dependencies: Value| {
        statement(
            "https://slsa.dev/provenance/v1",
            json!({"buildDefinition": {"buildType": "t", "externalParameters": {}, "resolvedDependencies": dependencies}, "runDetails": {"builder": {"id": "b"}}}),
        )
    };
    let one = json!({"uri": "git+https://h/o/r", "digest": {"gitCommit": "00ff"}});
    assert_eq!(new(json!([one])).subject.commit.as_deref(), Some("00ff"));
    let two = json!([one, {"uri": "git+https://h/o/s", "digest": {"gitCommit": "11ff"}}]);
    assert_eq!(new(two).subject.commit, None, "nobody says which of them");
}

#[test]
fn who_signed_a_report_is_for_others_to_verify() {
    let plain = json!({"version": "2.1.0", "runs": []}).to_string();
    assert!(carrier(plain.as_bytes()).unwrap().is_none());
    let statement = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"aa"}}],"predicateType":"t","predicate":{}}"#;
    let payload = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(statement)
    };
    let envelope =
        json!({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "AA=="}]});
    let carrier = carrier(envelope.to_string().as_bytes()).unwrap().unwrap();
    assert!(carrier.envelope().is_some());
    assert_eq!(carrier.unverified_statement().unwrap().predicate_type, "t");
}
