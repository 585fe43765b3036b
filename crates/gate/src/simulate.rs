//! What another gate would have said of past submissions.

use crate::check::{Outcome, Submitted, ask, opens};
use crate::document::Gate;

/// A submission of the past, with what is needed to weigh it again.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    /// Its name.
    pub submission: &'a str,
    /// What was submitted.
    pub submitted: &'a Submitted<'a>,
    /// What the gate of then said.
    pub outcomes: &'a [Outcome],
    /// When it was weighed: it is weighed again as of then.
    pub at: jiff::Timestamp,
}

/// What would be otherwise for one submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The submission.
    pub submission: String,
    /// Whether the gate of then opened.
    pub opened: bool,
    /// Whether the other gate would open.
    pub would_open: bool,
    /// The checks whose outcome is another one, by name: what it was, if it was asked, and what it would be, if it were.
    pub checks: Vec<Changed>,
}

/// One check whose outcome would be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub check: String,
    /// What came of it then.
    pub was: Option<Outcome>,
    /// What would come of it.
    pub would_be: Option<Outcome>,
}

/// Weighs past submissions under a candidate; those of which everything would be the same are left out.
pub fn simulate(candidate: &Gate, past: &[Past<'_>]) -> Vec<Difference> {
    past.iter().filter_map(|past| difference(candidate, past)).collect()
}

fn difference(candidate: &Gate, past: &Past<'_>) -> Option<Difference> {
    let would_be = ask(candidate, past.submitted, past.at);
    let named = |outcomes: &[Outcome], name: &str| outcomes.iter().find(|outcome| outcome.check == name).cloned();
    let added = would_be
        .iter()
        .filter(|outcome| named(past.outcomes, &outcome.check).is_none());
    let names = past.outcomes.iter().chain(added).map(|outcome| outcome.check.clone());
    let changed = names.filter_map(|check| {
        let (was, would_be) = (named(past.outcomes, &check), named(&would_be, &check));
        let of = |outcome: &Option<Outcome>| {
            outcome.as_ref().map(|outcome| {
                let codes: Vec<_> = outcome.reasons.iter().map(|reason| reason.code).collect();
                (outcome.status, codes)
            })
        };
        (of(&was) != of(&would_be)).then_some(Changed { check, was, would_be })
    });
    let checks: Vec<Changed> = changed.collect();
    let (opened, would_open) = (opens(past.outcomes), opens(&would_be));
    (opened != would_open || !checks.is_empty()).then(|| Difference {
        submission: past.submission.to_owned(),
        opened,
        would_open,
        checks,
    })
}
