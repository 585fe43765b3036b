//! `docs/reasons.md`, written from the catalogue so that it cannot drift.

use std::fmt::Write as _;

use super::ReasonCode;
use super::code::{Entry, Outcome, Shown};

const INTRODUCTION: &str = "\
<!-- Written by `COUNTERSIGN_BLESS=1 cargo test -p countersign-policy`: edit crates/policy/src/reason/catalogue.rs instead. -->

# Reasons

Whenever an image is kept out, the message, the record, the event and the command line give a reason with a code. Codes are
stable: they are never renamed, and never used again for something else. Alerts and dashboards may rely on them.

A reason is one of two kinds:

- **denied** (status 400): the answer is no, and asking again does not change it;
- **undecided** (status 503): something could not be told, and so the answer is no for now. Asking again may help.

With a policy in `mode: warn` the object is let in, and the same words are a warning. `countersign explain IMAGE --policy FILE`
shows the whole reasoning about an image, and `countersign replay` judges again what was gathered before.
";

/// The text of `docs/reasons.md`.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n| code | | |\n|---|---|---|\n");
    for code in ReasonCode::ALL {
        let Entry { outcome, title, .. } = code.entry();
        let anchor = code.as_str().replace('.', "");
        let _ = writeln!(text, "| [`{code}`](#{anchor}) | {} | {title} |", word(outcome));
    }
    for code in ReasonCode::ALL {
        page(&mut text, *code);
    }
    text
}

fn page(text: &mut String, code: ReasonCode) {
    let entry = code.entry();
    let Entry {
        title, meaning, remedy, ..
    } = &entry;
    let outcome = word(entry.outcome);
    let _ = write!(
        text,
        "\n## `{code}`\n\n**{title}** ({outcome}). {meaning}\n\n**What to do:** {remedy}.\n\n"
    );
    let _ = write!(text, "```console\n{}\n```\n", shown(code, &entry));
}

/// What `kubectl` shows, in the layout of a denial.
fn shown(code: ReasonCode, entry: &Entry) -> String {
    let (status, label) = match entry.outcome {
        Outcome::Denied => ("BadRequest", "reason"),
        Outcome::Undecided => ("ServiceUnavailable", "cause"),
    };
    let what = entry.example;
    let what = match entry.shown {
        Shown::Bare => format!("{code}: {what}"),
        Shown::OfPolicy => format!(
            "failed policy: release-images: spec.containers[0].image\n  image    ghcr.io/acme/app:v1@sha256:5f70…\n  \
             {label:<8} {code}: {what}"
        ),
    };
    let next = entry.remedy;
    format!(
        "$ kubectl apply -f app.yaml\nError from server ({status}): error when creating \"app.yaml\": admission webhook \
         \"…\" denied the request: {what}\n  next     {next}"
    )
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Denied => "denied",
        Outcome::Undecided => "undecided",
    }
}
