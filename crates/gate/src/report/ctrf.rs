//! CTRF (`ctrf.io`): tests of every language, as JSON. Counted are the tests themselves; a summary that says something else
//! makes the report one that failed.

use jiff::Timestamp;
use serde::Deserialize;

use super::each::{ALL, each};
use super::{Class, Completeness, Format, Report, ReportError, Tests, Tool, document};

#[derive(Deserialize)]
struct Head {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    tool: Named,
    summary: Summary,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    version: Option<String>,
}

#[derive(Deserialize)]
struct Summary {
    tests: u64,
    #[serde(default)]
    failed: u64,
    /// In milliseconds since 1970.
    #[serde(default)]
    stop: Option<i64>,
}

#[derive(Deserialize)]
struct Test {
    status: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let Head { results } = document(bytes, Format::Ctrf)?;
    let mut report = Report::of(Format::Ctrf, Class::Tests);
    let mut tests = Tests::default();
    each(bytes, Format::Ctrf, &["results", "tests", ALL], |_, test: Test| {
        tests.total += 1;
        match test.status.as_str() {
            "passed" => {}
            "failed" => tests.failed += 1,
            // `skipped`, `pending`, `other`, and what a later version has: nobody says that it passed.
            _ => tests.skipped += 1,
        }
        Ok(())
    })?;
    report.tools.push(Tool {
        name: results.tool.name,
        version: results.tool.version,
    });
    let summary = results.summary;
    report.time = summary.stop.and_then(|at| Timestamp::from_millisecond(at).ok());
    if tests.total == 0 {
        report.completeness = Completeness::Failed {
            why: "no test ran".to_owned(),
        };
    } else if (summary.tests, summary.failed) != (tests.total, tests.failed) {
        report.completeness = Completeness::Failed {
            why: format!(
                "its summary has {} tests of which {} failed, and it lists {} of which {} did",
                summary.tests, summary.failed, tests.total, tests.failed
            ),
        };
    }
    report.tests = Some(tests);
    Ok(report)
}
