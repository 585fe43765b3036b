//! What another gate would have said of past submissions.

use countersign_gate::simulate::{Past, simulate};
use countersign_gate::{Class, FixState, Severity, Status, ask};

use super::made::*;

#[test]
fn a_candidate_differs_where_it_would_have_said_otherwise() {
    let vulns = |fail: &str| {
        one(&format!(
            "{{id: vulns, class: vulnerabilities, bind: image, fail: {{{fail}}}}}"
        ))
    };
    let old = vulns("fixable: critical");
    let closure = closure(&["linux/amd64"]);
    let facts = facts();
    let (mut bad, clean) = (report(Class::Vulnerabilities), report(Class::Vulnerabilities));
    bad.findings = vec![finding(Some(Severity::High), FixState::Fixed)];
    let (bad, clean) = ([evidence(&bad)], [evidence(&clean)]);
    let (bad, clean) = (facts.submitted(&closure, &bad), facts.submitted(&closure, &clean));
    let outcomes = [ask(&old, &bad, now()), ask(&old, &clean, now())];
    let past = [
        Past {
            submission: "bad",
            submitted: &bad,
            outcomes: &outcomes[0],
            at: now(),
        },
        Past {
            submission: "clean",
            submitted: &clean,
            outcomes: &outcomes[1],
            at: now(),
        },
    ];
    assert_eq!(simulate(&old, &past), [], "the same gate says the same");
    let differences = simulate(&vulns("fixable: high"), &past);
    let [difference] = differences.as_slice() else {
        panic!("{differences:?}");
    };
    assert_eq!(
        (difference.submission.as_str(), difference.opened, difference.would_open),
        ("bad", true, false)
    );
    let status = |outcome: &Option<countersign_gate::Outcome>| outcome.as_ref().map(|outcome| outcome.status);
    let [changed] = difference.checks.as_slice() else {
        panic!("{difference:?}");
    };
    assert_eq!(
        (status(&changed.was), status(&changed.would_be)),
        (Some(Status::Passed), Some(Status::Failed))
    );
    // A check that was not asked then, and one that would not be asked any more.
    let other = simulate(&one("{id: bom, class: sbom, bind: image}"), &past);
    let names: Vec<(&str, bool, bool)> = other[1]
        .checks
        .iter()
        .map(|changed| {
            (
                changed.check.as_str(),
                changed.was.is_some(),
                changed.would_be.is_some(),
            )
        })
        .collect();
    assert_eq!(names, [("vulns", true, false), ("bom", false, true)]);
}
