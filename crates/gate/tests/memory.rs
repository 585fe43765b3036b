//! Large reports pass; they are not held. In a process of its own, whose largest size the kernel tells.
//!
//! `cargo test --release -p countersign-gate --test memory -- --nocapture` takes the sizes that are promised, and prints what
//! they took; without `--release` everything is an eighth of it.
#![expect(clippy::unwrap_used, reason = "a suite stops at the first surprise")]

use std::fmt::Write as _;

use countersign_gate::{Report, Tools, redacted};

/// Code that was not optimised is slow.
const SHARE: usize = if cfg!(debug_assertions) { 8 } else { 1 };
/// What is wanted, in KiB: of the whole process, with the report itself, besides what the process begins with.
const WANTED: u64 = 200 * 1024 / SHARE as u64;

/// The most that this process has been in, in KiB.
#[expect(clippy::disallowed_methods, reason = "the kernel tells it in a file")]
fn most() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn filled(mut text: String, size: usize, end: &str, element: impl Fn(usize) -> String) -> String {
    text.reserve_exact(size);
    for number in 0.. {
        let element = element(number);
        if text.len() + element.len() + end.len() >= size {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&element);
    }
    text.push_str(end);
    text
}

fn component(number: usize) -> String {
    format!(
        r#"{{"bom-ref":"pkg:npm/name-{number}@1.2.{number}","type":"library","name":"name-{number}","version":"1.2.{number}","purl":"pkg:npm/name-{number}@1.2.{number}","properties":[{{"name":"syft:location","value":"/app/node_modules/name-{number}/package.json"}}]}}"#
    )
}

fn result(number: usize, snippet: &str) -> String {
    let mut text = format!(
        r#"{{"ruleId":"rule","message":{{"text":"found {number}"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"src/file-{number}.c"}},"region":{{"startLine":{number}"#
    );
    write!(text, r#"{snippet}}}}}}}]}}"#).unwrap();
    text
}

#[test]
fn a_large_report_is_read_and_redacted_in_little_more_than_its_own_size() {
    const MIB: usize = 1024 * 1024 / SHARE;
    let tools = Tools::default();
    let before = most();
    let mut told = Vec::new();
    // The smaller ones first: the kernel tells the most of all.
    let sarif =
        |tool: &str| format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"{tool}"}}}},"results":["#);
    let cases: [(&str, &dyn Fn() -> String); 3] = [
        ("a SARIF of code, 16 MiB", &|| {
            filled(sarif("CodeQL"), 16 * MIB, "]}]}", |number| result(number, ""))
        }),
        ("a SARIF of secrets, 16 MiB", &|| {
            let leak = |number| {
                result(
                    number,
                    &format!(r#","snippet":{{"text":"key-{:08}"}}"#, number % (5_000 / SHARE)),
                )
            };
            filled(sarif("gitleaks"), 16 * MIB, "]}]}", leak)
        }),
        ("a list of contents, 50 MiB", &|| {
            filled(
                r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":["#.to_owned(),
                50 * MIB,
                "]}",
                component,
            )
        }),
    ];
    for (name, make) in cases {
        let document = make();
        let report = Report::read(document.as_bytes(), &tools).unwrap();
        assert!(
            report.findings.len() > 50_000 / SHARE || report.components.is_some_and(|count| count > 100_000 / SHARE),
            "{name}"
        );
        drop(report);
        let kept = redacted(document.as_bytes(), &tools).unwrap();
        assert_eq!(kept.is_some(), name.contains("secrets"), "{name}");
        told.push(format!("{name}: {} MiB", most() / 1024));
    }
    println!("before: {} MiB\n{}", before / 1024, told.join("\n"));
    assert!(most() - before < WANTED, "{told:?}");
}
