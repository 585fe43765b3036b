//! Semgrep's JSON (`semgrep_output_v1.atd` of `semgrep/semgrep-interfaces`).

use serde::Deserialize;

use super::each::{ALL, Count, each, keep};
use super::{Class, Completeness, Format, Report, ReportError, Tool, document, null_is_default};
use crate::finding::{Finding, FixState, Location};
use crate::severity::Severity;

#[derive(Deserialize)]
struct Semgrep {
    #[serde(default)]
    version: Option<String>,
    #[expect(dead_code, reason = "that there is such a list is what matters")]
    results: Count,
    errors: Vec<Fault>,
    #[serde(default)]
    paths: Option<Paths>,
}

#[derive(Deserialize)]
struct Found {
    check_id: String,
    #[serde(default)]
    path: String,
    #[serde(default, deserialize_with = "null_is_default")]
    start: Position,
    #[serde(default, deserialize_with = "null_is_default")]
    extra: Extra,
}

#[derive(Default, Deserialize)]
struct Position {
    #[serde(default)]
    line: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Extra {
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    fingerprint: Option<String>,
    #[serde(default)]
    is_ignored: Option<bool>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Paths {
    #[serde(default)]
    scanned: Option<Count>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let semgrep: Semgrep = document(bytes, Format::Semgrep)?;
    let mut report = Report::of(Format::Semgrep, Class::Sast);
    report.tools.push(Tool {
        name: "Semgrep".to_owned(),
        version: semgrep.version,
    });
    report.completeness = completeness(&semgrep.errors, semgrep.paths.as_ref());
    each(bytes, Format::Semgrep, &["results", ALL], |_, found: Found| {
        keep(&mut report.findings, finding(found))
    })?;
    Ok(report)
}

fn completeness(errors: &[Fault], paths: Option<&Paths>) -> Completeness {
    if let Some(error) = errors.iter().find(|error| error.level.as_deref() == Some("error")) {
        let text = error.message.as_deref().unwrap_or("an error without words");
        let why = format!("Semgrep says: {}", countersign_image::text::excerpt(text, 200));
        return Completeness::Failed { why };
    }
    match paths {
        Some(paths) if paths.scanned.is_some_and(|scanned| scanned.0 > 0) => Completeness::Ran,
        _ => Completeness::Failed {
            why: "Semgrep looked at no file".to_owned(),
        },
    }
}

fn finding(found: Found) -> Finding {
    let severity = match found.extra.severity.as_deref() {
        // Its own words of old: `INFO` is the lowest of three, and is low elsewhere.
        Some("INFO") => Some(Severity::Low),
        Some(word) => Severity::of_word(word),
        None => None,
    };
    // Who is not logged in gets these words in place of a fingerprint.
    let own = found.extra.fingerprint.filter(|text| text != "requires login");
    Finding {
        class: Class::Sast,
        rule: found.check_id,
        aliases: Vec::new(),
        severity,
        fix: FixState::Unknown,
        package: None,
        location: Some(Location {
            path: found.path,
            line: found.start.line,
        }),
        tools_own_fingerprint: own,
        suppressed_in_source: found.extra.is_ignored.unwrap_or(false),
        tools: vec!["Semgrep".to_owned()],
    }
}
