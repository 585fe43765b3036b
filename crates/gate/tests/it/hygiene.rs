//! What is no report, what could be two, and what a report must not carry on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_gate::redact::RedactError;
use countersign_gate::{Report, ReportError, Tools, redacted};
use proptest::prelude::*;
use serde_json::{Value, json};

fn error(bytes: &[u8]) -> ReportError {
    match Report::read(bytes, &Tools::default()) {
        Err(error) => error,
        Ok(report) => panic!("{report:?}"),
    }
}

#[test]
fn what_is_of_no_known_format_is_refused() {
    for document in [
        "{}",
        r#"{"version":"2.0.0","runs":[]}"#,
        r#"{"SchemaVersion":1,"ArtifactName":"a"}"#,
        r#"{"results":[]}"#,
        "<html/>",
    ] {
        assert_eq!(error(document.as_bytes()), ReportError::Unknown, "{document}");
    }
    let text = error(b"{}").to_string();
    assert!(text.contains("SARIF 2.1.0") && text.contains("JUnit"), "{text}");
}

#[test]
fn what_two_readers_would_take_for_two_things_is_neither() {
    let both = json!({"version": "2.1.0", "runs": [], "bomFormat": "CycloneDX", "specVersion": "1.6"});
    assert_eq!(error(both.to_string().as_bytes()), ReportError::Unknown);
    for document in [
        r#"{"version":"2.1.0","runs":[],"runs":[]}"#,
        r#"{"version":"2.1.0","runs":[]} {}"#,
        "[NaN]",
        "{\"version\":\"2.1.0\",\"runs\":\"\u{0}\"}",
    ] {
        assert!(matches!(error(document.as_bytes()), ReportError::Json(_)), "{document}");
    }
    assert!(matches!(error(b"{\"a\":\"\xff\"}"), ReportError::Json(_)));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert!(matches!(error(deep.as_bytes()), ReportError::Json(_)));
}

#[test]
fn xml_defines_nothing_and_ends_where_it_began() {
    let laughs = r#"<!DOCTYPE x [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>"#;
    assert_eq!(error(laughs.as_bytes()), ReportError::DocumentType);
    let external = r#"<!DOCTYPE x SYSTEM "http://169.254.169.254/"><testsuite/>"#;
    assert_eq!(error(external.as_bytes()), ReportError::DocumentType);
    for document in [
        "<testsuite>",
        "<testsuite></testsuites>",
        "<testsuite><testcase></testsuite>",
    ] {
        assert!(
            matches!(error(document.as_bytes()), ReportError::Malformed { .. }),
            "{document}"
        );
    }
    let deep = format!("<testsuite>{}", "<a>".repeat(100_000));
    assert!(matches!(error(deep.as_bytes()), ReportError::Malformed { .. }));
}

#[test]
fn a_sarif_without_a_run_says_nothing() {
    assert!(matches!(
        error(br#"{"version":"2.1.0","runs":[]}"#),
        ReportError::Malformed { .. }
    ));
}

#[test]
fn a_secret_is_nowhere_in_what_is_kept() {
    let secret = "ghp_0123456789abcdef";
    let line = format!("token = \"{secret}\"");
    for document in [
        json!([{
            "RuleID": "key", "File": "a", "Fingerprint": "f", "Secret": secret, "Match": line,
            "Message": format!("rotate {secret} and {secret}"), "Link": format!("https://a/?key={secret}"),
        }]),
        json!({"version": "2.1.0", "runs": [{
            "tool": {"driver": {"name": "gitleaks"}},
            "results": [{"message": {"text": format!("found {line}")}, "locations": [{"physicalLocation": {"region": {"snippet": {"text": line}}}}]}],
        }]}),
        json!({"SchemaVersion": 2, "ArtifactName": "a", "Results": [{"Class": "secret", "Secrets": [
            {"RuleID": "key", "Match": line, "Code": {"Lines": [{"Content": line, "Highlighted": line}]}},
        ]}]}),
    ] {
        let kept = redacted(document.to_string().as_bytes(), &Tools::default())
            .unwrap()
            .unwrap();
        let text = String::from_utf8(kept).unwrap();
        assert!(
            document.to_string().contains("ghp_") && !text.contains("ghp_"),
            "{text}"
        );
        assert!(text.contains("[redacted, "), "{text}");
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again.is_array(), document.is_array());
    }
}

#[test]
fn a_short_secret_goes_from_its_own_field() {
    let kept = redacted(
        br#"[{"RuleID":"a","Fingerprint":"f","Secret":"abc","File":"abc.txt"}]"#,
        &Tools::default(),
    )
    .unwrap()
    .unwrap();
    assert_eq!(
        String::from_utf8(kept).unwrap(),
        r#"[{"RuleID":"a","Fingerprint":"f","Secret":"[redacted, 3 characters]","File":"abc.txt"}]"#
    );
}

/// Lines of the scanned files stand in reports, so that whoever writes these files chooses them.
#[test]
fn what_stands_in_a_scanned_file_takes_no_finding_out_of_the_report() {
    let trivy = |line: &str| {
        json!({"SchemaVersion": 2, "ArtifactName": "a", "Results": [
            {"Target": "os", "Class": "os-pkgs", "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2026-1234", "PkgName": "log4j2-core", "InstalledVersion": "2.17.0-r1", "Severity": "CRITICAL", "FixedVersion": "2.17.1-r1"},
            ]},
            {"Target": "Dockerfile", "Class": "config", "Misconfigurations": [
                {"ID": "DS001", "Severity": "LOW", "Status": "FAIL", "CauseMetadata": {"Code": {"Lines": [{"Content": line, "Highlighted": line}]}}},
            ]},
        ]})
        .to_string()
    };
    for line in [
        "Vulnerabilities",
        "Results",
        "Class",
        "  os-pkgs ",
        "CRITICAL",
        "Severity",
        "CVE-2026-1234",
        "\"CVE-2026-1234\"",
        "FROM 'log4j2-core'",
        "ARG V=\"2.17.0-r1\"",
        "SchemaVersion",
    ] {
        let document = trivy(line);
        let kept = redacted(document.as_bytes(), &Tools::default()).unwrap().unwrap();
        let read = |bytes: &[u8]| Report::read(bytes, &Tools::default());
        assert_eq!(read(&kept), read(document.as_bytes()), "{line}");
        assert!(
            !String::from_utf8(kept)
                .unwrap()
                .contains(&format!(r#""Content":{}"#, json!(line)))
        );
    }
}

/// What is said to be a secret is taken for one; where the report would say something else without it, nothing is kept.
#[test]
fn a_report_that_would_say_something_else_without_its_secrets_is_refused() {
    let leak = |secret: &str| json!({"RuleID": "aws-key-1", "File": "src/a-1.py", "Fingerprint": "c0ffee:src/a-1.py:1", "Secret": secret, "Match": "m"});
    for secret in ["aws-key-1", "src/a-1.py", "c0ffee:src", "RuleID-2-but-not"] {
        let mut list = vec![leak(secret)];
        if secret == "RuleID-2-but-not" {
            list[0][secret] = json!(1);
        }
        let found = redacted(json!(list).to_string().as_bytes(), &Tools::default());
        let Err(error) = found else {
            panic!("{secret}: {found:?}");
        };
        assert!(error.to_string().contains("without them"), "{secret}: {error}");
    }
    // Words of the format are no secrets, whatever stands in the field.
    for secret in ["RuleID", "File", "Fingerprint", "Secret"] {
        let document = json!([leak(secret)]).to_string();
        let kept = redacted(document.as_bytes(), &Tools::default()).unwrap().unwrap();
        let read = |bytes: &[u8]| Report::read(bytes, &Tools::default()).unwrap();
        assert_eq!(read(&kept), read(document.as_bytes()), "{secret}");
    }
}

/// A gate's conditions ask for any field of a document of an organisation's own, and a list of contents is signed whole.
#[test]
fn what_counts_word_by_word_is_refused_rather_than_changed() {
    for document in [
        json!({"kind": "licence-review", "Secret": "hunter2-correct"}),
        json!({"kind": "licence-review", "verdict": "hunter2-correct", "Match": "x = 'hunter2-correct'"}),
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "log4j-2.17"}], "Secret": "log4j-2.17"}),
    ] {
        let found = redacted(document.to_string().as_bytes(), &Tools::default());
        assert!(found.is_err(), "{document}: {found:?}");
    }
    let clean = json!({"kind": "licence-review", "verdict": "good", "line": "x"}).to_string();
    assert_eq!(redacted(clean.as_bytes(), &Tools::default()), Ok(None));
}

/// Some tools of Windows write one.
#[test]
fn a_byte_order_mark_hides_no_secret() {
    let secret = "ghp_0123456789abcdef";
    let sarif = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "gitleaks"}},
        "results": [{"message": {"text": "m"}, "locations": [{"physicalLocation": {"region": {"snippet": {"text": secret}}}}]}]}]});
    let hog = json!({"DetectorName": "Key", "Verified": true, "SourceMetadata": {"Data": {}}, "Raw": secret});
    for document in [
        json!([{"RuleID": "key", "File": "a", "Fingerprint": "f", "Secret": secret}]).to_string(),
        sarif.to_string(),
        hog.to_string(),
        format!("{hog}\n{hog}\n"),
    ] {
        let marked = format!("\u{feff}{document}");
        let kept = redacted(marked.as_bytes(), &Tools::default()).unwrap().unwrap();
        let text = String::from_utf8(kept).unwrap();
        assert!(!text.contains("ghp_"), "{text}");
        let read = |text: &str| Report::read(text.as_bytes(), &Tools::default()).unwrap();
        assert_eq!(read(&text), read(&document));
    }
    let xml = "\u{feff}<testsuite/>";
    assert_eq!(redacted(xml.as_bytes(), &Tools::default()), Ok(None));
}

/// Whoever stores what comes back unchanged stores no secrets only if it was looked for them.
#[test]
fn what_cannot_be_read_is_not_said_to_repeat_nothing() {
    for document in [
        "{\"Secret\":\"ghp_0123456789\"",
        "[{\"Secret\":\"ghp_0123456789\"}] ,",
        "\u{feff}\u{feff}[{\"Secret\":\"ghp_0123456789\"}]",
        "Secret: ghp_0123456789",
        "[{\"Secret\":\"a\",\"Secret\":\"ghp_0123456789\"}]",
    ] {
        let found = redacted(document.as_bytes(), &Tools::default());
        assert!(
            matches!(found, Err(RedactError::Unreadable { .. })),
            "{document}: {found:?}"
        );
    }
}

#[test]
fn what_repeats_no_secret_stays_as_it_is() {
    for document in [
        r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"CodeQL"}},"results":[{"snippet":{"text":"code"}}]}]}"#,
        "[]",
        "<testsuite/>",
    ] {
        assert_eq!(redacted(document.as_bytes(), &Tools::default()), Ok(None), "{document}");
    }
}

#[test]
fn what_is_signed_is_refused_rather_than_kept_with_secrets() {
    let statement = |predicate: &Value| {
        json!({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": "d".repeat(64)}}],
            "predicateType": "https://example.com/x", "predicate": predicate})
    };
    let envelope = |predicate: &Value| {
        let payload = STANDARD.encode(statement(predicate).to_string());
        json!({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "AA=="}]})
            .to_string()
    };
    let clean = envelope(&json!({"a": "b"}));
    assert_eq!(redacted(clean.as_bytes(), &Tools::default()), Ok(None));
    let leaks = envelope(&json!([{"Secret": "ghp_0123456789"}]));
    assert_eq!(redacted(leaks.as_bytes(), &Tools::default()), Err(RedactError::Signed));
}

#[test]
fn secrets_in_code_go_from_the_reports_of_tools_that_look_at_code() {
    let secret = "hunter2-correct";
    let line = format!("password = '{secret}'");
    for document in [
        json!({"version": "2.1.0", "runs": [{"results": [{"ruleId": "B105", "message": {"text": format!("Possible hardcoded password: '{secret}'")},
            "locations": [{"physicalLocation": {"region": {"snippet": {"text": line}}}}]}], "tool": {"driver": {"name": "Bandit"}}}]}),
        json!({"results": [{"check_id": "rules.hardcoded-password", "path": "a.py", "extra": {"lines": line, "message": format!("{secret} is written here"),
            "metavars": {"$X": {"abstract_content": secret}}}}], "errors": []}),
        json!({"version": "15.0.7", "scan": {"type": "secret_detection", "status": "success", "scanner": {"id": "gitleaks"}},
            "vulnerabilities": [{"severity": "Critical", "identifiers": [{"type": "gitleaks_rule_id", "value": "key"}],
            "raw_source_code_extract": line, "description": format!("found {line}"), "location": {"file": "a"}}]}),
    ] {
        let kept = redacted(document.to_string().as_bytes(), &Tools::default())
            .unwrap()
            .unwrap();
        let text = String::from_utf8(kept).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(
            Report::read(text.as_bytes(), &Tools::default()).unwrap(),
            Report::read(document.to_string().as_bytes(), &Tools::default()).unwrap()
        );
    }
}

proptest! {
    /// Whatever a secret is and wherever it stands, also as JSON inside of a text or in base64.
    #[test]
    fn no_secret_of_any_report_is_left(secret in "[ -~\u{e4}\\n\"\\\\]{6,40}[0-9]{4}", before in "[ -~]{0,5}", after in "[ -~]{0,5}") {
        // What is shorter goes from its own field only: sought elsewhere, it would take words of the report along.
        prop_assume!(secret.trim().len() >= 8);
        let around = format!("{before}{secret}{after}");
        let inner = json!({"deep": [around]}).to_string();
        let coded = STANDARD.encode(&around);
        let more = json!({"a": around, "b": inner, "c": coded, "e": [{"d": around}]});
        let gitleaks = json!([{"RuleID": "key", "File": "a", "Fingerprint": "f", "Secret": secret, "Match": around, "Extra": more}]).to_string();
        let hog = |line: u64| json!({"DetectorName": "Key", "Verified": true, "SourceMetadata": {"Data": {"Filesystem": {"file": "a", "line": line}}},
            "Raw": secret, "RawV2": around, "ExtraData": more}).to_string();
        let hogs = format!("{}\n{}\n", hog(1), hog(2));
        let sarif = json!({"version": "2.1.0", "runs": [{"results": [{"ruleId": "key", "message": {"text": "m"}, "properties": more,
            "locations": [{"physicalLocation": {"region": {"snippet": {"text": secret}}}}]}], "tool": {"driver": {"name": "gitleaks"}}}]}).to_string();
        for document in [gitleaks, hogs, sarif] {
            let kept = redacted(document.as_bytes(), &Tools::default()).unwrap().unwrap();
            let text = String::from_utf8(kept).unwrap();
            let trimmed = secret.trim();
            for spelling in [trimmed.to_owned(), json!(trimmed).to_string().trim_matches('"').to_owned(), coded.clone()] {
                prop_assert!(!text.contains(&spelling), "{spelling:?} in {text}");
            }
            prop_assert!(redacted(text.as_bytes(), &Tools::default()).is_ok());
            let (again, first) = (Report::read(text.as_bytes(), &Tools::default()).unwrap(), Report::read(document.as_bytes(), &Tools::default()).unwrap());
            prop_assert_eq!(again, first);
        }
    }
}
