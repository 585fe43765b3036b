//! Grype's JSON (`grype/presenter/models` of `anchore/grype`).

use serde::Deserialize;
use serde_json::Value;

use super::each::{ALL, Count, each, keep};
use super::{Class, Completeness, Format, Report, ReportError, Tool, digest_in, document, null_is_default, time};
use crate::finding::{Finding, FixState, Location, Package};
use crate::severity::Severity;

#[derive(Deserialize)]
struct Grype {
    matches: Option<Count>,
    #[serde(default)]
    source: Option<Source>,
    descriptor: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    vulnerability: Vulnerability,
    #[serde(default, deserialize_with = "null_is_default")]
    related_vulnerabilities: Vec<Related>,
    artifact: Artifact,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    fix: Fix,
}

#[derive(Default, Deserialize)]
struct Fix {
    #[serde(default, deserialize_with = "null_is_default")]
    versions: Vec<String>,
    #[serde(default)]
    state: Option<String>,
}

#[derive(Deserialize)]
struct Related {
    id: String,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    locations: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    path: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(default, rename = "type")]
    kind: String,
    /// An object of an image, and a text of a directory.
    #[serde(default)]
    target: Value,
}

#[derive(Deserialize)]
struct Descriptor {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    db: Value,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let grype: Grype = document(bytes, Format::Grype)?;
    if grype.descriptor.name != "grype" {
        return Err(ReportError::malformed(
            Format::Grype,
            "`descriptor.name` is not `grype`",
        ));
    }
    let mut report = Report::of(Format::Grype, Class::Vulnerabilities);
    report.tools.push(Tool {
        name: "grype".to_owned(),
        version: grype.descriptor.version,
    });
    report.time = time(grype.descriptor.timestamp.as_deref());
    report.database_time = built(&grype.descriptor.db).and_then(|text| time(Some(text)));
    if let Some(source) = grype.source.filter(|source| source.kind == "image") {
        let target = &source.target;
        let lists = target["repoDigests"].as_array().into_iter().flatten();
        let named = [&target["manifestDigest"], &target["imageID"]].into_iter().chain(lists);
        report.subject.digests = named.filter_map(|value| digest_in(value.as_str()?)).collect();
    }
    if grype.matches.is_none() {
        report.completeness = Completeness::Failed {
            why: "`matches` is `null`".to_owned(),
        };
        return Ok(report);
    }
    for (list, ignored) in [("matches", false), ("ignoredMatches", true)] {
        each(bytes, Format::Grype, &[list, ALL], |_, found: Match| {
            keep(&mut report.findings, finding(found, ignored))
        })?;
    }
    Ok(report)
}

/// When the database was built: its place has moved between versions.
fn built(db: &Value) -> Option<&str> {
    [&db["built"], &db["status"]["built"]]
        .into_iter()
        .find_map(Value::as_str)
}

fn finding(found: Match, suppressed_in_source: bool) -> Finding {
    let fix = match found.vulnerability.fix.state.as_deref() {
        Some("fixed") => FixState::Fixed,
        Some("not-fixed") => FixState::None,
        Some("wont-fix") => FixState::WontFix,
        _ => FixState::Unknown,
    };
    let id = found.vulnerability.id;
    let mut aliases: Vec<String> = found
        .related_vulnerabilities
        .into_iter()
        .map(|related| related.id)
        .collect();
    aliases.retain(|alias| *alias != id);
    aliases.dedup();
    let path = found.artifact.locations.into_iter().find_map(|place| place.path);
    Finding {
        class: Class::Vulnerabilities,
        rule: id,
        aliases,
        severity: found.vulnerability.severity.as_deref().and_then(Severity::of_word),
        fix,
        package: Some(Package {
            name: found.artifact.name,
            version: found.artifact.version,
            purl: found.artifact.purl.filter(|purl| !purl.is_empty()),
            fixed_in: found.vulnerability.fix.versions,
        }),
        location: path.map(|path| Location { path, line: None }),
        tools_own_fingerprint: None,
        suppressed_in_source,
        tools: vec!["grype".to_owned()],
    }
}
