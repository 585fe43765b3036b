//! Judgements for people: one block an image, one paragraph a policy.

use countersign_evidence::{Evidence, Seen, unverified_summary};
use countersign_policy::ground::Proof;
use countersign_policy::{Enforcement, Ground, GroundKind, Judgement, Reason, ReasonCode, Ruling, Verdict};

use crate::printer::Printer;

/// Where the text of a paragraph begins.
const INDENT: &str = "             ";
/// How wide an explanation is set.
const WIDTH: usize = 100;

/// How much is said about a reason.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Everything that the door says.
    Whole,
    /// What happened and what was found, where the rest is told of the whole image.
    Core,
}

/// The image and every ruling about it.
pub(crate) fn judgement(judgement: &Judgement, detail: Detail, printer: &mut Printer) {
    printer.line(judgement.image());
    for ruling in judgement.rulings().iter() {
        paragraph(ruling, detail, printer);
    }
}

fn paragraph(ruling: &Ruling, detail: Detail, printer: &mut Printer) {
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
        let text = ground.to_string();
        // The heading names the policy already.
        let heading = ground.policy().map(|policy| format!("policy `{policy}`"));
        let rest = heading.and_then(|heading| text.strip_prefix(&heading));
        let text = rest.and_then(|rest| rest.get(2..)).unwrap_or(&text);
        indented(text.lines(), printer);
        chain(ground, printer);
    }
    for reason in ruling.verdict().reasons() {
        match detail {
            Detail::Whole => indented(reason.to_string().lines(), printer),
            Detail::Core => core(reason, printer),
        }
    }
}

/// The chain of trust behind a ground, a link on each line; of a key that is believed by itself there is none.
fn chain(ground: &Ground, printer: &mut Printer) {
    let proofs: Vec<&Proof> = match ground.kind() {
        GroundKind::Signed(signed) => vec![signed.proof()],
        GroundKind::Attested(attested) => attested.proofs().iter().collect(),
        _ => Vec::new(),
    };
    for proof in proofs {
        let lines = proof.links().lines();
        indented(lines.iter().map(|(link, what)| format!("{link:>11}: {what}")), printer);
    }
}

fn core(reason: &Reason, printer: &mut Printer) {
    indented([reason.headline()], printer);
    for expected in reason.expected() {
        indented([format!("expected: {expected}")], printer);
    }
    for found in reason.found() {
        indented([format!("found: {found}")], printer);
    }
}

/// The page of a code in `docs/reasons.md`.
pub(crate) fn code(code: ReasonCode, printer: &mut Printer) {
    printer.line(format!("  {code}: {}", code.title()));
    indented(wrapped(code.meaning(), WIDTH), printer);
    indented(wrapped(&format!("What to do: {}.", code.remedy()), WIDTH), printer);
}

fn indented<T: AsRef<str>>(lines: impl IntoIterator<Item = T>, printer: &mut Printer) {
    for line in lines {
        printer.line(format!("{INDENT}{}", line.as_ref()));
    }
}

/// Lines of at most `width` characters, broken at blanks; a longer word has a line to itself.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Where was looked, what was seen there and what could not be had.
pub(crate) fn evidence(evidence: &Evidence, printer: &mut Printer) {
    printer.line(format!("  looked, as of {}", evidence.as_of));
    for look in &evidence.looked {
        let place = look.place.describe(&evidence.image);
        let found = if look.found == 0 {
            "nothing".to_owned()
        } else {
            format!("{} found", look.found)
        };
        indented([format!("{place} in {}: {found}", look.repository)], printer);
    }
    for gap in &evidence.gaps {
        let place = gap.place.describe(&evidence.image);
        indented(
            [format!("{place} in {}: not obtained: {}", gap.repository, gap.cause)],
            printer,
        );
    }
    if evidence.looked.is_empty() && evidence.gaps.is_empty() {
        indented(
            ["nowhere: nothing that is attached to the image could change this"],
            printer,
        );
    }
    let seen = unverified_summary(evidence);
    if !seen.is_empty() {
        printer.line("  seen there (unverified: by itself this proves nothing)");
    }
    for each in &seen {
        indented(
            [format!(
                "{} ({} {})",
                self::seen(each),
                each.origin.layout,
                each.origin.blob
            )],
            printer,
        );
    }
}

/// What something that is attached says that it is.
pub(crate) fn seen(seen: &Seen) -> String {
    match &seen.unverified_predicate_type {
        Some(predicate_type) => format!("{} {predicate_type}", seen.kind.word()),
        None => seen.kind.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks_only() {
        assert_eq!(wrapped("one two  three\nfour", 8), ["one two", "three", "four"]);
        assert_eq!(
            wrapped("öö öö a-very-long-word b", 5),
            ["öö öö", "a-very-long-word", "b"]
        );
        assert!(wrapped(" \n", 5).is_empty());
    }
}
