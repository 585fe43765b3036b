//! The page of states, made from the table that decides.

use std::fmt::Write as _;

use super::{State, Step, Who};

/// `docs/submission-states.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# The states of a submission\n\nMade from the code: `COUNTERSIGN_BLESS=1 cargo test -p countersign-gate` writes it again.\n\n\
         A submission is REJECTED by a decision: bring other evidence, or another image. It is FAILED by an outage: nobody said no, and `retry` \
         goes on. Each step is one transaction with its entry in the ledger. \
         What was on its way to the registry once may be out: it is not taken back and not turned away, but revoked.\n\n\
         | state | what it means | steps away from it | |\n|---|---|---|---|\n",
    );
    for state in State::ALL {
        let end = match (state.is_terminal(), state.is_settled()) {
            (true, _) => "the end",
            (_, true) => "nobody need wait",
            _ => "on its way",
        };
        let steps = away(*state);
        // Writing to a string does not fail.
        writeln!(page, "| `{}` | {} | {steps} | {end} |", state.name(), state.meaning()).ok();
    }
    page.push_str("\n| step | who |\n|---|---|\n");
    let mut named = "";
    for step in Step::all().filter(|step| std::mem::replace(&mut named, step.name()) != step.name()) {
        let who = match step.who() {
            Who::Submitter => "the job that submitted, or another of its repository",
            Who::Service => "the service, at its own work",
            Who::Person => "a person with that role",
        };
        writeln!(page, "| `{}` | {who} |", step.name()).ok();
    }
    page
}

fn away(state: State) -> String {
    let steps = Step::all().filter_map(|step| {
        let told = match step {
            Step::Retry { failed_in } => format!("`retry` (it failed in {})", failed_in.name()),
            _ => format!("`{}`", step.name()),
        };
        let next = |may_be_out| state.after(step, may_be_out).ok().map(State::name);
        match (next(false), next(true)) {
            (None, None) => None,
            (Some(next), Some(out)) if next == out => Some(format!("{told} → {next}")),
            (Some(next), Some(out)) => Some(format!("{told} → {next}, or {out} if something may be out")),
            (Some(next), None) => Some(format!("{told} → {next}, unless something may be out")),
            (None, Some(out)) => Some(format!("{told} → {out}, if something may be out")),
        }
    });
    let steps: Vec<String> = steps.collect();
    if steps.is_empty() {
        "none".to_owned()
    } else {
        steps.join(", ")
    }
}
