//! `TruffleHog`'s JSON: a document on each line, one for each secret (`pkg/output/json.go` of `trufflesecurity/trufflehog`).
//! Where there is none it writes nothing at all, and so does everything else that never ran.

use countersign_image::json;
use serde::Deserialize;

use super::each::keep;
use super::{Class, Completeness, Format, Report, ReportError, Tool, null_is_default};
use crate::finding::{Finding, FixState, Location};
use crate::severity::Severity;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Leak {
    detector_name: String,
    verified: bool,
    source_metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default, rename = "Data", deserialize_with = "null_is_default")]
    data: std::collections::BTreeMap<String, Place>,
}

/// Where each kind of source has its secrets; those of files and repositories say so in the same words.
#[derive(Default, Deserialize)]
struct Place {
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    line: Option<u64>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let mut report = Report::of(Format::TruffleHog, Class::Secrets);
    for line in lines(bytes) {
        let leak: Leak = json::strict(line).map_err(ReportError::Json)?;
        keep(&mut report.findings, finding(leak))?;
    }
    if report.findings.is_empty() {
        report.completeness = Completeness::Unattributed;
    } else {
        report.tools.push(Tool {
            name: "TruffleHog".to_owned(),
            version: None,
        });
    }
    Ok(report)
}

/// The lines that hold something.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace))
}

fn finding(leak: Leak) -> Finding {
    let place = leak.source_metadata.data.into_values().next();
    let location = place.and_then(|place| {
        Some(Location {
            path: place.file?,
            line: place.line,
        })
    });
    Finding {
        class: Class::Secrets,
        rule: leak.detector_name,
        aliases: Vec::new(),
        // It asked the service that the secret is for, and was let in.
        severity: Some(if leak.verified {
            Severity::Critical
        } else {
            Severity::High
        }),
        fix: FixState::Unknown,
        package: None,
        location,
        tools_own_fingerprint: None,
        suppressed_in_source: false,
        tools: vec!["TruffleHog".to_owned()],
    }
}
