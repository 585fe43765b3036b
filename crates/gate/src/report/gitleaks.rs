//! gitleaks' JSON: a list of leaks, which says nothing else, not even of which tool it is when there is no leak.

use serde::Deserialize;

use super::each::{ALL, each, keep};
use super::{Class, Completeness, Format, Report, ReportError, Tool};
use crate::finding::{Finding, FixState, Location};
use crate::severity::Severity;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Leak {
    #[serde(rename = "RuleID")]
    rule: String,
    file: String,
    #[serde(default)]
    start_line: Option<u64>,
    fingerprint: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let mut report = Report::of(Format::Gitleaks, Class::Secrets);
    each(bytes, Format::Gitleaks, &[ALL], |_, leak: Leak| {
        keep(&mut report.findings, finding(leak))
    })?;
    if report.findings.is_empty() {
        report.completeness = Completeness::Unattributed;
        return Ok(report);
    }
    report.tools.push(Tool {
        name: "gitleaks".to_owned(),
        version: None,
    });
    Ok(report)
}

fn finding(leak: Leak) -> Finding {
    Finding {
        class: Class::Secrets,
        rule: leak.rule,
        aliases: Vec::new(),
        severity: Some(Severity::High),
        fix: FixState::Unknown,
        package: None,
        location: Some(Location {
            path: leak.file,
            line: leak.start_line,
        }),
        // The commit in a leak is the one that brought it, and says nothing about which commit was looked at.
        tools_own_fingerprint: Some(leak.fingerprint),
        suppressed_in_source: false,
        tools: vec!["gitleaks".to_owned()],
    }
}
