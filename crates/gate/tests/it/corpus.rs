//! Reports of other people's tools, counted as their collectors counted them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use countersign_gate::{Class, Completeness, Format, Report, ReportError, Severity, Tools};

/// The corpus; or nothing, and one line that says how much does not run without it.
#[expect(clippy::disallowed_methods, reason = "a test may be told where the corpus is")]
fn root() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = PathBuf::from(std::env::var("COUNTERSIGN_CORPUS").unwrap_or_else(|_| beside.to_owned()));
    if root.is_dir() {
        return Some(root.join("scanners"));
    }
    // Not `eprintln!`: what a test that passes prints is swallowed.
    let _ = writeln!(std::io::stderr(), "corpus not found: {} cases did not run", CASES.len());
    None
}

struct Case {
    file: &'static str,
    format: Option<Format>,
    class: Class,
    /// How many findings have which severity; `?` is none.
    findings: &'static [(&'static str, usize)],
    components: Option<usize>,
    ran: bool,
}

const fn case(
    file: &'static str,
    format: Format,
    class: Class,
    findings: &'static [(&'static str, usize)],
    ran: bool,
) -> Case {
    Case {
        file,
        format: Some(format),
        class,
        findings,
        components: None,
        ran,
    }
}

const CASES: &[Case] = &[
    case(
        "trivy__scheme_2_many_vulns.json",
        Format::Trivy,
        Class::Vulnerabilities,
        &[("critical", 1), ("high", 1), ("medium", 3)],
        true,
    ),
    case(
        "trivy__scheme_2_no_vuln.json",
        Format::Trivy,
        Class::Vulnerabilities,
        &[],
        true,
    ),
    case(
        "grype__check_all_fields.json",
        Format::Grype,
        Class::Vulnerabilities,
        &[("critical", 2), ("high", 3), ("info", 1)],
        true,
    ),
    case(
        "grype__chainguard-ruby-test.json",
        Format::Grype,
        Class::Vulnerabilities,
        &[("high", 3)],
        true,
    ),
    case(
        "semgrep__high-medium-low-severities.json",
        Format::Semgrep,
        Class::Sast,
        &[("low", 3)],
        false,
    ),
    case("semgrep__empty.json", Format::Semgrep, Class::Sast, &[], false),
    case(
        "codeql-sarif__codeQL-output.sarif",
        Format::Sarif,
        Class::Sast,
        &[("high", 11), ("info", 57), ("medium", 4)],
        true,
    ),
    case(
        "mixed-sarif__issue_10191.json",
        Format::Sarif,
        Class::Sast,
        &[("high", 35), ("medium", 42)],
        true,
    ),
    case(
        "in-toto-vuln__certify-novuln.json",
        Format::Statement,
        Class::Vulnerabilities,
        &[],
        false,
    ),
    Case {
        components: Some(1),
        ..case("cyclonedx__log4j.json", Format::CycloneDx, Class::Sbom, &[], true)
    },
    Case {
        components: Some(3),
        ..case("spdx__small-spdx.json", Format::Spdx, Class::Sbom, &[], true)
    },
    Case {
        format: None,
        ..case(
            "cyclonedx__invalid-cyclonedx.json",
            Format::CycloneDx,
            Class::Sbom,
            &[],
            true,
        )
    },
    Case {
        format: None,
        ..case("spdx__invalid-spdx.json", Format::Spdx, Class::Sbom, &[], true)
    },
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read the corpus")]
fn reports_are_recognised_and_counted_as_their_collectors_did() {
    let Some(root) = root() else { return };
    for case in CASES {
        let file = case.file;
        let report = Report::read(&std::fs::read(root.join(file)).unwrap(), &Tools::default());
        let Some(format) = case.format else {
            assert!(
                matches!(report, Err(ReportError::Malformed { .. })),
                "{file}: {report:?}"
            );
            continue;
        };
        let report = report.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(report.format, format, "{file}");
        assert!(report.classes.iter().eq([&case.class]), "{file}: {:?}", report.classes);
        assert_eq!(report.components, case.components, "{file}");
        assert_eq!(
            report.completeness == Completeness::Ran,
            case.ran,
            "{file}: {:?}",
            report.completeness
        );
        let mut counts = BTreeMap::new();
        for finding in &report.findings {
            *counts.entry(finding.severity.map_or("?", Severity::name)).or_insert(0) += 1;
        }
        assert_eq!(counts, case.findings.iter().copied().collect(), "{file}");
    }
}
