//! What real scanners write about a project with faults, read as a gate reads it.

use anyhow::{Context, Result, ensure};
use countersign_acceptance::scanners::{SCANS, Sample, Scan};
use countersign_gate::{Class, Completeness, Report, Tools, redacted};

/// What each has to find: a rule and the file that it is in.
fn expected(scan: Scan) -> &'static [(&'static str, &'static str)] {
    match scan {
        Scan::Semgrep | Scan::SemgrepSarif => &[
            ("rules.shell-command-of-a-request", "app/app.py"),
            ("rules.hardcoded-secret", "app/settings.py"),
        ],
        Scan::Bandit => &[("B602", "app/app.py")],
        Scan::Gosec => &[("G701", "main.go")],
        Scan::Gitleaks | Scan::GitleaksSarif => &[("stripe-access-token", "app/settings.py")],
        Scan::SyftCycloneDx | Scan::SyftSpdx => &[],
    }
}

fn class(scan: Scan) -> Class {
    match scan {
        Scan::Semgrep | Scan::SemgrepSarif | Scan::Bandit | Scan::Gosec => Class::Sast,
        Scan::Gitleaks | Scan::GitleaksSarif => Class::Secrets,
        Scan::SyftCycloneDx | Scan::SyftSpdx => Class::Sbom,
    }
}

#[test]
fn what_real_scanners_find_is_read_and_the_secret_is_in_nothing_that_is_kept() -> Result<()> {
    let sample = Sample::new()?;
    let tools = Tools::default();
    let mut repeated = 0;
    for scan in SCANS {
        let bytes = std::fs::read(sample.scan(scan)?).with_context(|| format!("{scan:?} wrote no report"))?;
        let read = |bytes: &[u8]| Report::read(bytes, &tools).with_context(|| format!("{scan:?}"));
        let report = read(&bytes)?;
        ensure!(
            report.classes.iter().eq([&class(scan)]),
            "{scan:?}: {:?}",
            report.classes
        );
        ensure!(
            report.completeness == Completeness::Ran,
            "{scan:?}: {:?}",
            report.completeness
        );
        for (rule, file) in expected(scan) {
            let found = report.findings.iter().any(|finding| {
                let place = finding.location.as_ref().map_or("", |place| place.path.as_str());
                finding.rule == *rule && place.ends_with(file) && finding.severity.is_some()
            });
            ensure!(found, "{scan:?} has not found {rule} in {file}: {:#?}", report.findings);
        }
        if class(scan) == Class::Sbom {
            let components = report.components.unwrap_or_default();
            ensure!(
                components >= 5,
                "{scan:?} lists {components} components, and the sample names five"
            );
        }
        let secret = sample.secret();
        let text = String::from_utf8_lossy(&bytes);
        repeated += usize::from(text.contains(secret));
        if let Some(kept) = redacted(&bytes, &tools)? {
            ensure!(
                !String::from_utf8_lossy(&kept).contains(secret),
                "{scan:?} keeps the secret"
            );
            ensure!(
                read(&kept)? == report,
                "{scan:?} says something else without the secret"
            );
        } else {
            ensure!(!text.contains(secret), "{scan:?} keeps the secret");
        }
    }
    ensure!(
        repeated >= 3,
        "only {repeated} scanners repeat the secret: the test proves little"
    );
    Ok(())
}

#[test]
fn a_secret_that_was_taken_out_is_found_no_more() -> Result<()> {
    let sample = Sample::new()?;
    sample.mend()?;
    let tools = Tools::default();
    let read = |scan| -> Result<Report> { Ok(Report::read(&std::fs::read(sample.scan(scan)?)?, &tools)?) };
    let empty = read(Scan::Gitleaks)?;
    ensure!(
        empty.completeness == Completeness::Unattributed,
        "an empty list is nobody's: {empty:?}"
    );
    let sarif = read(Scan::GitleaksSarif)?;
    ensure!(
        sarif.completeness == Completeness::Ran && sarif.findings.is_empty(),
        "{sarif:?}"
    );
    Ok(())
}
