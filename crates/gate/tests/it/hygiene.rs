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
            "RuleID": "key", "File": "a", "Fingerprint": format!("a:{secret}"), "Secret": secret, "Match": line,
            "Message": format!("rotate {secret} and {secret}"), format!("k-{secret}"): 1,
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
    let kept = redacted(br#"[{"Secret":"abc","File":"abc.txt"}]"#, &Tools::default())
        .unwrap()
        .unwrap();
    assert_eq!(
        String::from_utf8(kept).unwrap(),
        r#"[{"Secret":"[redacted, 3 characters]","File":"abc.txt"}]"#
    );
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
        let around = format!("{before}{secret}{after}");
        let inner = json!({"deep": [around]}).to_string();
        let coded = STANDARD.encode(&around);
        let more = json!({"a": around, "b": inner, "c": coded, around.clone(): [{"d": around}]});
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
