//! `JUnit`'s XML, as test runners of every language write it. There is no specification: counted are the test cases
//! themselves, and the sums that a file says of itself are not believed.

use super::xml::{Part, walk};
use super::{Class, Completeness, Format, Report, ReportError, Tests};

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let mut tests = Tests::default();
    // What stands inside of the test case that is open.
    let mut outcome = Outcome::Passed;
    walk(bytes, Format::JUnit, |part, names| {
        match part {
            Part::Open(element) => open(element.name().as_ref(), names, &mut tests, &mut outcome)?,
            Part::Close("testcase") => count(&mut tests, &mut outcome),
            Part::Close(_) | Part::Text(_) => {}
        }
        Ok(())
    })?;
    let mut report = Report::of(Format::JUnit, Class::Tests);
    report.tests = Some(tests);
    if tests.total == 0 {
        report.completeness = Completeness::Failed {
            why: "no test ran".to_owned(),
        };
    }
    Ok(report)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failed,
}

fn open(name: &str, names: &[String], tests: &mut Tests, outcome: &mut Outcome) -> Result<(), ReportError> {
    let parent = names.last().map(String::as_str);
    match (parent, name) {
        (None, "testsuites" | "testsuite") => Ok(()),
        (None, _) => Err(ReportError::Unknown),
        (Some("testcase"), "failure" | "error") => {
            *outcome = Outcome::Failed;
            Ok(())
        }
        (Some("testcase"), "skipped") if *outcome == Outcome::Passed => {
            *outcome = Outcome::Skipped;
            Ok(())
        }
        // A suite that could not be set up has an error of its own, and no test case for it.
        (Some("testsuite"), "error" | "failure") => {
            tests.total += 1;
            tests.failed += 1;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn count(tests: &mut Tests, outcome: &mut Outcome) {
    tests.total += 1;
    match outcome {
        Outcome::Passed => {}
        Outcome::Skipped => tests.skipped += 1,
        Outcome::Failed => tests.failed += 1,
    }
    *outcome = Outcome::Passed;
}
