//! In-toto statements: bare, in an envelope, or in a bundle; and cosign's vulnerability predicate by itself. A signature is
//! not looked at here: who reads a signed report as more than its submitter's word has to verify it first.

use std::collections::BTreeSet;

use countersign_evidence::Statement;
use countersign_evidence::predicate::{Predicate, Provenance, TestOutcome, VulnerabilityScan};

use super::carrier::Carrier;
use super::{Class, Completeness, Format, Report, ReportError, Tests, Tool, Tools, sbom};
use crate::finding::{Finding, FixState};
use crate::severity::Severity;

pub(super) fn read(bytes: &[u8], format: Format, tools: &Tools) -> Result<Report, ReportError> {
    let malformed = |error: &dyn std::fmt::Display| ReportError::malformed(format, &error.to_string());
    if format == Format::CosignVulnerabilities {
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
        let predicate_type = "https://cosign.sigstore.dev/attestation/vuln/v1";
        let predicate = Predicate::of_document(predicate_type, text).map_err(|error| malformed(&error))?;
        return of_predicate(&predicate, format, tools);
    }
    let statement = match format {
        Format::Envelope | Format::Bundle => Carrier::read(bytes, format)?.unverified_statement()?,
        _ => Statement::parse(bytes).map_err(|error| malformed(&error))?,
    };
    let mut report = of_statement(&statement, format, tools)?;
    for (algorithm, hex) in statement.subjects.iter().flat_map(|subject| &subject.digest) {
        if report.commit_is_subject() && matches!(algorithm.as_str(), "gitCommit" | "sha1") {
            report.subject.commit = Some(hex.clone());
        }
        report
            .subject
            .digests
            .extend(super::digest_in(&format!("{algorithm}:{hex}")));
    }
    Ok(report)
}

fn of_statement(statement: &Statement, format: Format, tools: &Tools) -> Result<Report, ReportError> {
    let malformed = |error: &dyn std::fmt::Display| ReportError::malformed(format, &error.to_string());
    let predicate = statement.predicate.get();
    // A list of contents may be long, and is counted as it passes.
    let list = |inner: Format| sbom::read(predicate.as_bytes(), inner).map(|report| Report { format, ..report });
    let of_type = |family: &str| {
        let rest = statement.predicate_type.strip_prefix(family);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"))
    };
    if of_type("https://spdx.dev/Document") {
        return list(Format::Spdx);
    }
    if of_type("https://cyclonedx.org/bom") {
        return list(Format::CycloneDx);
    }
    if statement.predicate_type.ends_with("/ai-review/v1") {
        let said = serde_json::from_str(predicate).map_err(|error| malformed(&error))?;
        let mut report = Report::of(format, Class::AiReview);
        super::ai::review(&said, &statement.predicate_type, &mut report);
        return Ok(report);
    }
    let predicate = statement.typed().map_err(|error| malformed(&error))?;
    of_predicate(&predicate, format, tools)
}

impl Report {
    /// Whether it is about a commit where its statement's subject is one.
    fn commit_is_subject(&self) -> bool {
        self.subject.commit.is_none() && !self.classes.contains(&Class::Provenance)
    }
}

fn of_predicate(predicate: &Predicate, format: Format, tools: &Tools) -> Result<Report, ReportError> {
    Ok(match predicate {
        Predicate::Provenance(provenance) => {
            let mut report = Report::of(format, Class::Provenance);
            report.builder = Some(provenance.builder.clone());
            report.time = provenance.finished;
            report.source = provenance.source.as_ref().map(|source| source.repository.clone());
            let of_source = provenance.source.as_ref().and_then(|source| source.commit.clone());
            report.subject.commit = of_source.or_else(|| only_commit(provenance));
            report
        }
        Predicate::Vulnerabilities(scan) => of_scan(scan, format, tools)?,
        Predicate::Vex(_) => Report::of(format, None),
        Predicate::Tests(result) => {
            let mut report = Report::of(format, Class::Tests);
            let count = |list: &[String]| list.len() as u64;
            let failed = count(&result.failed_tests);
            let total = count(&result.passed_tests) + count(&result.warned_tests) + failed;
            report.tests = Some(Tests {
                total,
                // A run that failed has failed, also where it does not name the test.
                failed: failed.max(u64::from(result.result == TestOutcome::Failed)),
                skipped: 0,
            });
            report
        }
        _ => return Err(ReportError::Unknown),
    })
}

/// The one commit among what a build used, where the build type does not say which of it is the source.
fn only_commit(provenance: &Provenance) -> Option<String> {
    let commits: BTreeSet<&String> = provenance
        .materials
        .iter()
        .filter_map(|material| material.digest.get("gitCommit"))
        .collect();
    match commits.into_iter().collect::<Vec<_>>()[..] {
        [commit] => Some(commit.clone()),
        _ => None,
    }
}

fn of_scan(scan: &VulnerabilityScan, format: Format, tools: &Tools) -> Result<Report, ReportError> {
    let mut report = Report::of(format, Class::Vulnerabilities);
    report.tools.push(Tool {
        name: scan.scanner.uri.clone(),
        version: scan.scanner.version.clone(),
    });
    report.time = scan.finished;
    report.database_time = scan.scanner.database.last_update;
    match (&scan.findings, &scan.report) {
        (Some(findings), _) => {
            let tool = &scan.scanner.uri;
            report.findings = findings.iter().map(|finding| of_finding(finding, tool)).collect();
        }
        // Cosign's predicate keeps the scanner's own report whole.
        (None, Some(inner)) => {
            let inner = Report::read(inner.get().as_bytes(), tools)?;
            if inner.classes.is_empty() {
                return Err(ReportError::malformed(
                    format,
                    "`scanner.result` is no report of a scan",
                ));
            }
            report.findings = inner.findings;
            report.subject = inner.subject;
            report.completeness = inner.completeness;
            report.database_time = report.database_time.or(inner.database_time);
        }
        (None, None) => {
            report.completeness = Completeness::Failed {
                why: "the scan does not say what it found".to_owned(),
            };
        }
    }
    Ok(report)
}

fn of_finding(finding: &countersign_evidence::predicate::Finding, tool: &str) -> Finding {
    let scores = finding.severity.iter().map(|score| match score.score.parse() {
        Ok(number) => Severity::of_score(number),
        Err(_) => Severity::of_word(&score.score),
    });
    Finding {
        class: Class::Vulnerabilities,
        rule: finding.id.clone(),
        aliases: Vec::new(),
        severity: scores.max().flatten(),
        fix: FixState::Unknown,
        package: None,
        location: None,
        tools_own_fingerprint: None,
        suppressed_in_source: false,
        tools: vec![tool.to_owned()],
    }
}
