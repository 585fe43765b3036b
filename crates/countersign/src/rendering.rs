//! Judgements for people: one block an image, one paragraph a policy.

use countersign_evidence::{Evidence, Seen, SeenKind, unverified_summary};
use countersign_policy::{Enforcement, Judgement, Ruling, Verdict};

use crate::printer::Printer;

/// The image and every ruling about it.
pub(crate) fn judgement(judgement: &Judgement, printer: &mut Printer) {
    printer.line(judgement.image());
    for ruling in judgement.rulings().iter() {
        paragraph(ruling, printer);
    }
}

fn paragraph(ruling: &Ruling, printer: &mut Printer) {
    let word = match (ruling.verdict(), ruling.enforcement()) {
        (Verdict::Admit(_), _) => "admitted",
        (_, Enforcement::Warn) => "warned",
        (Verdict::Deny(_), Enforcement::Enforce) => "denied",
        (Verdict::Undecided(_), Enforcement::Enforce) => "undecided",
    };
    match ruling.policy() {
        Some(policy) => printer.line(format!("  {word:<9}  by policy {policy}")),
        None => printer.line(format!("  {word}")),
    }
    for ground in ruling.verdict().grounds() {
        indented(&ground.to_string(), printer);
    }
    for reason in ruling.verdict().reasons() {
        indented(&reason.to_string(), printer);
    }
}

fn indented(text: &str, printer: &mut Printer) {
    for line in text.lines() {
        printer.line(format!("             {line}"));
    }
}

/// Where was looked, what was seen there and what could not be had.
pub(crate) fn evidence(evidence: &Evidence, printer: &mut Printer) {
    printer.line("  looked at");
    for look in &evidence.looked {
        printer.line(format!("             {} in {}: {} found", look.place.describe(&evidence.image), look.repository, look.found));
    }
    for gap in &evidence.gaps {
        printer.line(format!(
            "             {} in {}: not obtained: {}",
            gap.place.describe(&evidence.image),
            gap.repository,
            gap.cause
        ));
    }
    let seen = unverified_summary(evidence);
    if !seen.is_empty() {
        printer.line("  seen there (by itself this proves nothing)");
    }
    for seen in seen {
        printer.line(format!("             {} ({} {})", self::seen(&seen), seen.origin.layout, seen.origin.blob));
    }
}

/// What something that is attached says that it is.
pub(crate) fn seen(seen: &Seen) -> String {
    match &seen.unverified_predicate_type {
        Some(predicate_type) => format!("{} {predicate_type}", kind(seen.kind)),
        None => kind(seen.kind).to_owned(),
    }
}

pub(crate) fn kind(kind: SeenKind) -> &'static str {
    match kind {
        SeenKind::Signature => "signature",
        SeenKind::Attestation => "attestation",
        SeenKind::Unreadable => "unreadable",
    }
}
