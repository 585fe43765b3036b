//! What is handed in beside reports: when a scanner's database was made, and what somebody says does not matter. Neither is
//! a report of anything: they belong to no class, so that no check can rest on them.

use serde::Deserialize;

use super::{Format, Report, ReportError, Tool, document, null_is_default, time};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyVersion {
    version: String,
    #[serde(default, rename = "VulnerabilityDB", deserialize_with = "null_is_default")]
    database: Database,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Database {
    #[serde(default)]
    updated_at: Option<String>,
}

/// `trivy version -f json`: Trivy's reports do not say how old its database was.
pub(super) fn trivy_version(bytes: &[u8]) -> Result<Report, ReportError> {
    let version: TrivyVersion = document(bytes, Format::TrivyVersion)?;
    let mut report = Report::of(Format::TrivyVersion, None);
    report.tools.push(Tool {
        name: "Trivy".to_owned(),
        version: Some(version.version),
    });
    report.database_time = time(version.database.updated_at.as_deref());
    Ok(report)
}

/// `OpenVEX`, or CSAF's profile of it. What it says is for people to weigh: it silences nothing.
pub(super) fn vex() -> Report {
    Report::of(Format::Vex, None)
}
