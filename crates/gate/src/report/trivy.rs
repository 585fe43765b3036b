//! Trivy's JSON, schema 2 (`pkg/types/report.go` of `aquasecurity/trivy`).

use serde::Deserialize;

use super::each::{ALL, each, keep, list};
use super::{Class, Format, Report, ReportError, Tool, digest_in, document, null_is_default, time};
use crate::finding::{Finding, FixState, Location, Package};
use crate::severity::Severity;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    artifact_name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    trivy: Version,
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    #[serde(default)]
    version: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    #[serde(default, rename = "ImageID")]
    image_id: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    repo_digests: Vec<String>,
    #[serde(default)]
    commit: Option<String>,
}

/// One target, without what was found in it, which passes by afterwards.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    #[serde(default)]
    target: String,
    #[serde(default)]
    class: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    #[serde(default, rename = "VendorIDs", deserialize_with = "null_is_default")]
    vendor_ids: Vec<String>,
    #[serde(default)]
    pkg_name: String,
    #[serde(default)]
    pkg_path: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pkg_identifier: Identifier,
    #[serde(default)]
    installed_version: Option<String>,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    severity: String,
}

#[derive(Default, Deserialize)]
struct Identifier {
    #[serde(default, rename = "PURL")]
    purl: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Secret {
    #[serde(rename = "RuleID")]
    rule: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    start_line: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Misconfiguration {
    #[serde(default, rename = "AVDID")]
    avd: Option<String>,
    #[serde(default, rename = "ID")]
    id: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    status: Option<String>,
}

/// What `.trivyignore`, a VEX or a policy took off.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Modified {
    #[serde(default, rename = "Type")]
    kind: String,
    #[serde(default)]
    finding: Option<serde_json::Value>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let trivy: Trivy = document(bytes, Format::Trivy)?;
    let mut report = Report::of(Format::Trivy, None);
    report.tools.push(Tool {
        name: "Trivy".to_owned(),
        version: trivy.trivy.version,
    });
    report.time = time(trivy.created_at.as_deref());
    let metadata = trivy.metadata;
    report.subject.commit = metadata.commit.filter(|commit| !commit.is_empty());
    let named = metadata
        .image_id
        .iter()
        .chain(&metadata.repo_digests)
        .chain(std::iter::once(&trivy.artifact_name));
    report.subject.digests = named.filter_map(|text| digest_in(text)).collect();
    let targets: Vec<Target> = list(bytes, Format::Trivy, &["Results", ALL], "targets")?;
    report.classes = targets.iter().filter_map(|target| class(&target.class)).collect();
    let name = |places: &[usize]| targets[places[0]].target.as_str();
    let findings = &mut report.findings;
    each(bytes, Format::Trivy, &path("Vulnerabilities"), |_, found| {
        keep(findings, vulnerability(found, false))
    })?;
    each(
        bytes,
        Format::Trivy,
        &path("ExperimentalModifiedFindings"),
        |_, modified: Modified| taken_off(modified).map_or(Ok(()), |found| keep(findings, vulnerability(found, true))),
    )?;
    each(bytes, Format::Trivy, &path("Secrets"), |places, found| {
        keep(findings, secret(found, name(places)))
    })?;
    each(
        bytes,
        Format::Trivy,
        &path("Misconfigurations"),
        |places, found: Misconfiguration| {
            if found.status.as_deref() == Some("PASS") {
                return Ok(());
            }
            keep(findings, misconfiguration(found, name(places)))
        },
    )?;
    if report.classes.is_empty() {
        // An image without packages has no results at all; Trivy looks for vulnerabilities unless it is told not to, and
        // does not write what it was told.
        report.classes.insert(Class::Vulnerabilities);
    }
    Ok(report)
}

fn class(written: &str) -> Option<Class> {
    Some(match written {
        "os-pkgs" | "lang-pkgs" => Class::Vulnerabilities,
        "secret" => Class::Secrets,
        "config" => Class::Misconfiguration,
        _ => return None,
    })
}

/// The way to what was found of one kind.
fn path(kind: &'static str) -> [&'static str; 4] {
    ["Results", ALL, kind, ALL]
}

fn taken_off(modified: Modified) -> Option<Vulnerability> {
    let finding = modified.finding.filter(|_| modified.kind == "vulnerability")?;
    serde_json::from_value(finding).ok()
}

fn vulnerability(found: Vulnerability, suppressed_in_source: bool) -> Finding {
    let fixed_in = found.fixed_version.filter(|version| !version.is_empty());
    let fix = match (&fixed_in, found.status.as_deref()) {
        (Some(_), _) => FixState::Fixed,
        (None, Some("will_not_fix" | "end_of_life")) => FixState::WontFix,
        (None, Some("affected" | "fix_deferred")) => FixState::None,
        // Before it wrote a status, no version meant no update.
        (None, None) => FixState::None,
        (None, Some(_)) => FixState::Unknown,
    };
    Finding {
        class: Class::Vulnerabilities,
        rule: found.id,
        aliases: found.vendor_ids,
        severity: Severity::of_word(&found.severity),
        fix,
        package: Some(Package {
            name: found.pkg_name,
            version: found.installed_version,
            purl: found.pkg_identifier.purl,
            fixed_in: fixed_in.into_iter().collect(),
        }),
        location: found
            .pkg_path
            .filter(|path| !path.is_empty())
            .map(|path| Location { path, line: None }),
        tools_own_fingerprint: None,
        suppressed_in_source,
        tools: vec!["Trivy".to_owned()],
    }
}

fn secret(found: Secret, target: &str) -> Finding {
    Finding {
        class: Class::Secrets,
        rule: found.rule,
        severity: Severity::of_word(&found.severity).max(Some(Severity::High)),
        location: Some(Location {
            path: target.to_owned(),
            line: found.start_line,
        }),
        ..bare()
    }
}

fn misconfiguration(found: Misconfiguration, target: &str) -> Finding {
    Finding {
        class: Class::Misconfiguration,
        rule: found.avd.filter(|id| !id.is_empty()).unwrap_or(found.id),
        severity: Severity::of_word(&found.severity),
        location: Some(Location {
            path: target.to_owned(),
            line: None,
        }),
        ..bare()
    }
}

fn bare() -> Finding {
    Finding {
        class: Class::Misconfiguration,
        rule: String::new(),
        aliases: Vec::new(),
        severity: None,
        fix: FixState::Unknown,
        package: None,
        location: None,
        tools_own_fingerprint: None,
        suppressed_in_source: false,
        tools: vec!["Trivy".to_owned()],
    }
}
