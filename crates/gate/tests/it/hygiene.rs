//! What is no report, what could be two, and what a report must not carry on.

use countersign_gate::{Report, ReportError, Tools, redacted};
use serde_json::{Value, json};

fn error(bytes: &[u8]) -> ReportError {
    match Report::read(bytes, &Tools::default()) {
        Err(error) => error,
        Ok(report) => panic!("{report:?}"),
    }
}

#[test]
fn what_is_of_no_known_format_is_refused() {
    assert_eq!(error(b""), ReportError::Empty);
    assert_eq!(error(b" \n"), ReportError::Empty);
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
        r#"[{"File":"abc.txt","Secret":"[redacted, 3 characters]"}]"#
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
