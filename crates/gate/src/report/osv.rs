//! OSV-Scanner's JSON (`pkg/models/results.go` of `google/osv-scanner`): packages by the file that names them, and of each
//! the vulnerabilities, in groups of those that are one.

use serde::Deserialize;

use super::each::{ALL, Count, each, keep};
use super::{Class, Format, MAX_PARTS, Report, ReportError, Tool, document, null_is_default};
use crate::finding::{Finding, FixState, Location, Package};
use crate::severity::Severity;

#[derive(Deserialize)]
struct Head {
    #[expect(dead_code, reason = "that there is such a list is what matters")]
    results: Count,
}

#[derive(Deserialize)]
struct Packages {
    package: Named,
    #[serde(default, deserialize_with = "null_is_default")]
    vulnerabilities: Vec<Vulnerability>,
    #[serde(default, deserialize_with = "null_is_default")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    ecosystem: String,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default, deserialize_with = "null_is_default")]
    ids: Vec<String>,
    #[serde(default)]
    max_severity: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    aliases: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    affected: Vec<Affected>,
    #[serde(default, deserialize_with = "null_is_default")]
    database_specific: Specific,
}

#[derive(Default, Deserialize)]
struct Specific {
    #[serde(default)]
    severity: Option<String>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(default, deserialize_with = "null_is_default")]
    package: AffectedPackage,
    #[serde(default, deserialize_with = "null_is_default")]
    ranges: Vec<Range>,
}

#[derive(Default, Deserialize)]
struct AffectedPackage {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "null_is_default")]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    fixed: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(default, deserialize_with = "null_is_default")]
    source: Path,
}

#[derive(Default, Deserialize)]
struct Path {
    #[serde(default)]
    path: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let _: Head = document(bytes, Format::OsvScanner)?;
    let mut report = Report::of(Format::OsvScanner, Class::Vulnerabilities);
    report.tools.push(Tool {
        name: "osv-scanner".to_owned(),
        version: None,
    });
    let sources: Vec<Source> = super::each::list(bytes, Format::OsvScanner, &["results", ALL], "sources")?;
    let mut packages = 0_usize;
    each(
        bytes,
        Format::OsvScanner,
        &["results", ALL, "packages", ALL],
        |places, found: Packages| {
            packages += 1;
            if packages > MAX_PARTS {
                return Err(ReportError::TooManyParts {
                    what: "packages",
                    limit: MAX_PARTS,
                });
            }
            let source = places.first().and_then(|place| sources.get(*place));
            let path = source.map(|source| source.source.path.as_str()).unwrap_or_default();
            found
                .vulnerabilities
                .iter()
                .try_for_each(|vulnerability| keep(&mut report.findings, finding(vulnerability, &found, path)))
        },
    )?;
    Ok(report)
}

fn finding(vulnerability: &Vulnerability, found: &Packages, path: &str) -> Finding {
    let group = found.groups.iter().find(|group| group.ids.contains(&vulnerability.id));
    let score = group.and_then(|group| group.max_severity.as_deref()?.parse().ok());
    let word = vulnerability.database_specific.severity.as_deref();
    let mut fixed_in = Vec::new();
    let affected = vulnerability.affected.iter();
    for range in affected
        .filter(|affected| affected.package.name == found.package.name)
        .flat_map(|affected| &affected.ranges)
        // A commit is no version.
        .filter(|range| range.kind != "GIT")
    {
        for version in range.events.iter().filter_map(|event| event.fixed.as_ref()) {
            if !fixed_in.contains(version) {
                fixed_in.push(version.clone());
            }
        }
    }
    Finding {
        class: Class::Vulnerabilities,
        rule: vulnerability.id.clone(),
        aliases: vulnerability.aliases.clone(),
        severity: score.and_then(Severity::of_score).max(word.and_then(Severity::of_word)),
        fix: if fixed_in.is_empty() {
            FixState::None
        } else {
            FixState::Fixed
        },
        package: Some(Package {
            purl: purl(&found.package),
            name: found.package.name.clone(),
            version: found.package.version.clone().filter(|version| !version.is_empty()),
            fixed_in,
        }),
        location: Some(Location {
            path: path.to_owned(),
            line: None,
        })
        .filter(|place| !place.path.is_empty()),
        tools_own_fingerprint: None,
        suppressed_in_source: false,
        tools: vec!["osv-scanner".to_owned()],
    }
}

/// The package's URL, which this tool does not write, so that its findings meet those of tools that do: of the ecosystems
/// whose names are the URL's with another word before them (`purl-spec`, `PURL-TYPES`).
fn purl(package: &Named) -> Option<String> {
    let name = &package.name;
    let path = match package.ecosystem.as_str() {
        "PyPI" => format!("pypi/{}", name.to_lowercase().replace('_', "-")),
        "npm" => format!("npm/{}", name.replacen('@', "%40", 1)),
        "Go" => format!("golang/{name}"),
        "crates.io" => format!("cargo/{name}"),
        "RubyGems" => format!("gem/{name}"),
        "NuGet" => format!("nuget/{name}"),
        "Packagist" => format!("composer/{name}"),
        "Maven" => format!("maven/{}", name.replacen(':', "/", 1)),
        _ => return None,
    };
    Some(match package.version.as_deref().filter(|version| !version.is_empty()) {
        Some(version) => format!("pkg:{path}@{version}"),
        None => format!("pkg:{path}"),
    })
}
