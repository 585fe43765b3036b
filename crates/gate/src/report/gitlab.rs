//! GitLab's security reports, of the four kinds that its templates write (`gitlab-org/security-products/
//! security-report-schemas`, version 15).

use jiff::Timestamp;
use serde::Deserialize;

use super::each::{ALL, Count, each, keep};
use super::{Class, Completeness, Format, Report, ReportError, Tool, digest_in, document, null_is_default, time};
use crate::finding::{Finding, FixState, Location, Package};
use crate::severity::Severity;

#[derive(Deserialize)]
struct Head {
    scan: Scan,
    #[expect(dead_code, reason = "that there is such a list is what matters")]
    vulnerabilities: Count,
}

#[derive(Deserialize)]
struct Scan {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    status: Option<String>,
    scanner: Scanner,
    #[serde(default)]
    end_time: Option<String>,
}

#[derive(Deserialize)]
struct Scanner {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    severity: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    identifiers: Vec<Identifier>,
    #[serde(default, deserialize_with = "null_is_default")]
    location: Place,
    #[serde(default)]
    solution: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    tracking: Tracking,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(default, rename = "type")]
    kind: String,
    value: String,
}

#[derive(Default, Deserialize)]
struct Place {
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    start_line: Option<u64>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    dependency: Dependency,
}

#[derive(Default, Deserialize)]
struct Dependency {
    #[serde(default, deserialize_with = "null_is_default")]
    package: DependencyPackage,
    #[serde(default)]
    version: Option<String>,
}

#[derive(Default, Deserialize)]
struct DependencyPackage {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Tracking {
    #[serde(default, deserialize_with = "null_is_default")]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "null_is_default")]
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(default)]
    value: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let Head { scan, .. } = document(bytes, Format::GitLab)?;
    let class = match scan.kind.as_str() {
        "sast" => Class::Sast,
        "secret_detection" => Class::Secrets,
        "container_scanning" | "dependency_scanning" => Class::Vulnerabilities,
        other => {
            let detail = format!(
                "`scan.type` is `{}`, and `sast`, `secret_detection`, `container_scanning` and `dependency_scanning` are read",
                countersign_image::text::excerpt(other, 40)
            );
            return Err(ReportError::malformed(Format::GitLab, &detail));
        }
    };
    let mut report = Report::of(Format::GitLab, class);
    let tool = scan.scanner.name.unwrap_or(scan.scanner.id);
    report.time = scan.end_time.as_deref().and_then(ended);
    if scan.status.as_deref() != Some("success") {
        report.completeness = Completeness::Failed {
            why: format!("`{tool}` does not say that it ran to its end with success"),
        };
    }
    each(
        bytes,
        Format::GitLab,
        &["vulnerabilities", ALL],
        |_, found: Vulnerability| {
            if let Some(digest) = found.location.image.as_deref().and_then(digest_in) {
                report.subject.digests.insert(digest);
            }
            keep(&mut report.findings, finding(found, class, &tool))
        },
    )?;
    report.tools.push(Tool {
        name: tool,
        version: scan.scanner.version,
    });
    Ok(report)
}

/// Its times are UTC, and do not say so.
fn ended(text: &str) -> Option<Timestamp> {
    time(Some(text)).or_else(|| time(Some(&format!("{text}Z"))))
}

fn finding(found: Vulnerability, class: Class, tool: &str) -> Finding {
    let mut names: Vec<String> = Vec::new();
    // The tool's own name for it comes first, except that a vulnerability has one that others know too.
    let known = |kind: &str| class == Class::Vulnerabilities && matches!(kind, "cve" | "ghsa");
    let ordered = found.identifiers.iter().filter(|identifier| known(&identifier.kind));
    for identifier in ordered.chain(found.identifiers.iter().filter(|identifier| !known(&identifier.kind))) {
        if identifier.kind != "cwe" && identifier.kind != "owasp" && !names.contains(&identifier.value) {
            names.push(identifier.value.clone());
        }
    }
    let mut names = names.into_iter();
    let severity = found.severity.as_deref().and_then(Severity::of_word);
    let Dependency { package, version } = found.location.dependency;
    let signatures = found.tracking.items.into_iter().flat_map(|item| item.signatures);
    Finding {
        class,
        rule: names.next().unwrap_or_default(),
        aliases: if class == Class::Vulnerabilities {
            names.collect()
        } else {
            Vec::new()
        },
        severity: if class == Class::Secrets {
            severity.max(Some(Severity::High))
        } else {
            severity
        },
        fix: match found.solution.as_deref() {
            Some(solution) if class == Class::Vulnerabilities && !solution.is_empty() => FixState::Fixed,
            _ => FixState::Unknown,
        },
        package: package.name.map(|name| Package {
            name,
            version,
            purl: None,
            fixed_in: Vec::new(),
        }),
        location: found.location.file.map(|path| Location {
            path,
            line: found.location.start_line,
        }),
        tools_own_fingerprint: signatures
            .map(|signature| signature.value)
            .find(|value| !value.is_empty()),
        suppressed_in_source: false,
        tools: vec![tool.to_owned()],
    }
}
