//! In-toto statements: bare, in an envelope, or in a bundle; and cosign's vulnerability predicate by itself. A signature is
//! not looked at here: who reads a signed report as more than its submitter's word has to verify it first.

use countersign_evidence::predicate::{Predicate, TestOutcome, VulnerabilityScan};
use countersign_evidence::{Bundle, BundleContent, Envelope, Statement};

use super::{Class, Completeness, Format, Report, ReportError, Tests, Tool, Tools, sbom};
use crate::finding::{Finding, FixState};
use crate::severity::Severity;

pub(super) fn read(bytes: &[u8], format: Format) -> Result<Report, ReportError> {
    let malformed = |error: &dyn std::fmt::Display| ReportError::malformed(format, &error.to_string());
    if format == Format::CosignVulnerabilities {
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
        let predicate_type = "https://cosign.sigstore.dev/attestation/vuln/v1";
        let predicate = Predicate::of_document(predicate_type, text).map_err(|error| malformed(&error))?;
        return of_predicate(&predicate, format);
    }
    let statement = match format {
        Format::Envelope => {
            let envelope = Envelope::parse(bytes).map_err(|error| malformed(&error))?;
            Statement::parse(envelope.unverified_payload())
        }
        Format::Bundle => {
            let bundle = Bundle::parse(bytes).map_err(|error| malformed(&error))?;
            let BundleContent::Envelope(envelope) = bundle.content() else {
                return Err(ReportError::Unknown);
            };
            Statement::parse(envelope.unverified_payload())
        }
        _ => Statement::parse(bytes),
    };
    let statement = statement.map_err(|error| malformed(&error))?;
    let predicate = statement.typed().map_err(|error| malformed(&error))?;
    let mut report = of_predicate(&predicate, format)?;
    let digests = statement.subjects.iter().flat_map(|subject| &subject.digest);
    let digests = digests.filter_map(|(algorithm, hex)| super::digest_in(&format!("{algorithm}:{hex}")));
    report.subject.digests.extend(digests);
    Ok(report)
}

fn of_predicate(predicate: &Predicate, format: Format) -> Result<Report, ReportError> {
    Ok(match predicate {
        Predicate::Provenance(provenance) => {
            let mut report = Report::of(format, Class::Provenance);
            report.builder = Some(provenance.builder.clone());
            report.time = provenance.finished;
            report.subject.commit = provenance.source.as_ref().and_then(|source| source.commit.clone());
            report
        }
        Predicate::Vulnerabilities(scan) => of_scan(scan, format)?,
        Predicate::Sbom(list) => sbom::of(list, format),
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

fn of_scan(scan: &VulnerabilityScan, format: Format) -> Result<Report, ReportError> {
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
            let inner = Report::read(inner.get().as_bytes(), &Tools::default())?;
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
