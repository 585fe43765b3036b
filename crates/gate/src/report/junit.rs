//! `JUnit`'s XML, as test runners of every language write it. There is no specification: counted are the test cases
//! themselves, and the sums that a file says of itself are not believed.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Class, Completeness, Format, Report, ReportError, Tests};

/// How deep elements may nest.
const MAX_DEPTH: usize = 64;

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let malformed = |detail: &str| ReportError::malformed(Format::JUnit, detail);
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().check_end_names = true;
    let mut tests = Tests::default();
    let mut names: Vec<String> = Vec::new();
    // What stands inside of the test case that is open.
    let mut outcome = Outcome::Passed;
    loop {
        match reader.read_event().map_err(|error| malformed(&error.to_string()))? {
            Event::Start(element) => {
                open(&element, &names, &mut tests, &mut outcome)?;
                names.push(element.name().as_ref().to_owned());
                if names.len() > MAX_DEPTH {
                    return Err(malformed("elements nest deeper than 64 levels"));
                }
            }
            Event::Empty(element) => {
                open(&element, &names, &mut tests, &mut outcome)?;
                if element.name().as_ref() == "testcase" {
                    count(&mut tests, &mut outcome);
                }
            }
            Event::End(element) => {
                names.pop();
                if element.name().as_ref() == "testcase" {
                    count(&mut tests, &mut outcome);
                }
            }
            Event::DocType(_) => return Err(ReportError::DocumentType),
            Event::Eof => break,
            _ => {}
        }
    }
    if !names.is_empty() {
        return Err(malformed("it ends within an element"));
    }
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

fn open(
    element: &BytesStart<'_>,
    names: &[String],
    tests: &mut Tests,
    outcome: &mut Outcome,
) -> Result<(), ReportError> {
    let name = element.name();
    let parent = names.last().map(String::as_str);
    match (parent, name.as_ref()) {
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
