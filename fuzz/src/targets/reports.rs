//! Reports of every format, and what is kept of them.

use countersign_gate::report::MAX_FINDINGS;
use countersign_gate::{Report, Tools, redacted};
use countersign_image::json;
use serde_json::Value;

use super::JSON;
use crate::seeds::Seeds;
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "report",
        run: report,
        seeds: reports,
        words: JSON,
        mutations: 1_500,
    },
    Target {
        name: "redacted",
        run: kept,
        seeds: reports,
        words: &[
            "\"Secret\":\"abcdefgh1\"",
            "\"Raw\":\"abcdefgh1\"",
            "abcdefgh1",
            "\\u0061bcdefgh1",
            "\"snippet\":{\"text\":\"",
            "[",
            "{",
            "\n",
        ],
        mutations: 1_500,
    },
];

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Of each format the shortest that has something in it.
fn reports(seeds: &mut Seeds) {
    let leak = r#"{"RuleID":"key","File":"a","StartLine":1,"Fingerprint":"a:key:1","Secret":"abcdefgh1","Match":"k=abcdefgh1"}"#;
    let hog = r#"{"SourceMetadata":{"Data":{"Git":{"file":"a","line":1}}},"DetectorName":"AWS","Verified":true,"Raw":"abcdefgh1"}"#;
    for seed in [
        format!("[{leak}]"),
        format!("{hog}\n{hog}\n"),
        r#"{"version":"2.1.0","runs":[{"results":[{"ruleId":"r","level":"error","message":{"text":"abcdefgh1"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a"},"region":{"startLine":1,"snippet":{"text":"abcdefgh1"}}}}]}],"tool":{"driver":{"name":"gitleaks","rules":[{"id":"r","properties":{"security-severity":"9.1"}}]}}}]}"#.to_owned(),
        r#"{"SchemaVersion":2,"ArtifactName":"a","Results":[{"Target":"t","Class":"secret","Secrets":[{"RuleID":"k","Match":"abcdefgh1"}],"Vulnerabilities":[{"VulnerabilityID":"CVE-1","Severity":"HIGH"}]}]}"#.to_owned(),
        r#"{"matches":[{"vulnerability":{"id":"CVE-1","severity":"Low"},"artifact":{"name":"p"}}],"descriptor":{"name":"grype"}}"#.to_owned(),
        r#"{"results":[{"check_id":"secret","path":"a","extra":{"lines":"k = \"abcdefgh1\""}}],"errors":[],"paths":{"scanned":["a"]}}"#.to_owned(),
        r#"{"results":[{"packages":[{"package":{"name":"p","ecosystem":"npm"},"vulnerabilities":[{"id":"GHSA-1"}],"groups":[{"ids":["GHSA-1"],"max_severity":"7.5"}]}]}],"experimental_config":{}}"#.to_owned(),
        r#"{"version":"15.0.7","scan":{"type":"secret_detection","status":"success","scanner":{"id":"g"}},"vulnerabilities":[{"identifiers":[{"type":"t","value":"v"}],"raw_source_code_extract":"abcdefgh1"}]}"#.to_owned(),
        r#"{"reportFormat":"CTRF","results":{"tool":{"name":"t"},"summary":{"tests":1},"tests":[{"status":"passed"}]}}"#.to_owned(),
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{{"component":{{"name":"i","version":"{DIGEST}"}}}},"components":[{{"name":"a","components":[{{"name":"b"}}]}}]}}"#),
        r#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"a"}]}"#.to_owned(),
        r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component><name>a</name></component></components></bom>"#.to_owned(),
        "<testsuite><testcase><failure/></testcase></testsuite>".to_owned(),
        r#"{"Version":"1","VulnerabilityDB":{"UpdatedAt":"2026-01-01T00:00:00Z"}}"#.to_owned(),
        r#"{"@context":"https://openvex.dev/ns"}"#.to_owned(),
        format!(r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"gitCommit":"00"}}}}],"predicateType":"https://x/ai-review/v1","predicate":{{"model":{{"id":"m","version":"1"}},"promptDigest":"{DIGEST}","diffDigest":"{DIGEST}","verdict":"rejected"}}}}"#),
    ] {
        seeds.add(seed);
    }
    seeds.add_corpus(&["scanners"], |_, bytes| Some(bytes.to_vec()));
}

/// What is read keeps the limits and is about something; an error is short.
fn report(data: &[u8]) {
    match Report::read(data, &Tools::default()) {
        Ok(report) => {
            assert!(report.findings.len() <= MAX_FINDINGS);
            // No more is found than there are bytes for.
            assert!(report.findings.len() <= data.len() && report.components.unwrap_or(0) <= data.len());
            assert_eq!(Report::read(data, &Tools::default()).unwrap(), report);
        }
        Err(error) => spoken::refusal(&error),
    }
}

/// What is kept is a document as strict as what was handed in, says the same, and has no secret of the fields that are made for one.
fn kept(data: &[u8]) {
    match redacted(data, &Tools::default()) {
        Ok(Some(clean)) => {
            let (said, kept) = (
                Report::read(data, &Tools::default()),
                Report::read(&clean, &Tools::default()),
            );
            let (said, kept) = (said.unwrap(), kept.unwrap());
            assert_eq!(
                (said.classes, said.subject, said.findings),
                (kept.classes, kept.subject, kept.findings)
            );
            let Ok(document) = json::strict::<Value>(data) else {
                return;
            };
            json::strict::<Value>(&clean).unwrap();
            let clean = String::from_utf8(clean).unwrap();
            let mut secrets = Vec::new();
            collect(&document, &mut secrets);
            for secret in secrets {
                assert!(!clean.contains(&secret), "{secret:?} is left");
            }
        }
        Ok(None) => {}
        Err(error) => spoken::refusal(&error),
    }
}

/// Secrets that no name of a field and no mark of ours has in it.
fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if matches!(name.as_str(), "Secret" | "Raw" | "RawV2") => {
                        let is_plain = text.len() >= 8
                            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
                            && text.bytes().any(|byte| byte.is_ascii_digit());
                        if is_plain && !"redacted characters".contains(text) {
                            secrets.push(text.to_owned());
                        }
                    }
                    _ => collect(value, secrets),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, secrets)),
        _ => {}
    }
}
