//! What a person at a terminal reads when an object is turned away: what failed and where, which image, why, and what to
//! do next.

use countersign_policy::Reason;

use super::text::{self, printable};
use super::{Answer, Finding};

/// The longest message; the API server puts it in its answer, its audit log and the events of controllers.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// One image and one policy may not use up the room of the others.
const MAX_BLOCK: usize = 4 * 1024;
const MAX_LINE: usize = 1024;

/// However much there is to say, room is left for what to do.
const MAX_BODY: usize = MAX_BLOCK - MAX_LINE - 64;

/// Kept free for the last lines.
const RESERVE: usize = 512;

const NOT_A_DENIAL: &str = "this is not a denial of the image: whether it may run could not be told, and the same request \
                            may succeed in a moment; if it does not, the cause above is what to look into";

/// The message for everything that keeps the object out: denials first, then what is undecided.
pub(super) fn message(answer: Answer, findings: &[Finding<'_>]) -> String {
    let of = |wanted: Answer| {
        findings
            .iter()
            .filter(move |finding| Answer::to(finding.ruling) == wanted)
    };
    let blocks: Vec<String> = of(Answer::Denied)
        .chain(of(Answer::Undecided))
        .filter_map(block)
        .collect();
    fit(answer, &blocks)
}

/// The message for a request that never came before a policy.
pub(super) fn refusal(answer: Answer, reason: &Reason) -> String {
    let mut block = Block::of(&format!("{}: {}", reason.code(), reason.what()));
    block.circumstances(reason);
    block.advice(next(reason));
    fit(answer, &[block.text])
}

fn block(finding: &Finding<'_>) -> Option<String> {
    let (first, others) = finding.reasons()?;
    let mut block = Block::of(&finding.headline());
    block.line("image", &finding.outcome.image);
    let label = match Answer::to(finding.ruling) {
        Answer::Undecided => "cause",
        Answer::Denied | Answer::Allowed => "reason",
    };
    let mut nexts: Vec<&str> = Vec::new();
    for reason in std::iter::once(first).chain(others) {
        block.line(label, &why(reason));
        block.circumstances(reason);
        let next = next(reason);
        if !nexts.contains(&next) {
            nexts.push(next);
        }
    }
    for next in nexts {
        block.advice(next);
    }
    Some(block.text)
}

fn why(reason: &Reason) -> String {
    match reason.authority() {
        Some(authority) => format!("{}: authority `{authority}`: {}", reason.code(), reason.what()),
        None => format!("{}: {}", reason.code(), reason.what()),
    }
}

/// What the reason itself advises, else what its code does.
fn next(reason: &Reason) -> &str {
    reason.next().unwrap_or_else(|| reason.code().remedy())
}

/// A headline, and labelled lines under it.
struct Block<'a> {
    text: String,
    /// Whether something was left out already; then so is everything after it, but for the advice.
    is_full: bool,
    circumstances: Vec<(&'static str, &'a [String])>,
}

impl<'a> Block<'a> {
    fn of(headline: &str) -> Self {
        Self {
            text: printable(headline, MAX_LINE),
            is_full: false,
            circumstances: Vec::new(),
        }
    }

    /// Who should have signed, where was looked and what was found; authorities of one policy mostly share it, and it is said
    /// once.
    fn circumstances(&mut self, reason: &'a Reason) {
        for circumstance @ (label, lines) in [
            ("expected", reason.expected()),
            ("looked", reason.looked()),
            ("found", reason.found()),
        ] {
            if self.circumstances.contains(&circumstance) {
                continue;
            }
            self.circumstances.push(circumstance);
            for (index, line) in text::first_few(lines).iter().enumerate() {
                self.line(if index == 0 { label } else { "" }, line);
            }
        }
    }

    fn line(&mut self, label: &str, text: &str) {
        let line = labelled(label, text);
        self.is_full |= self.text.len() + line.len() > MAX_BODY;
        if !self.is_full {
            self.text.push_str(&line);
        }
    }

    fn advice(&mut self, next: &str) {
        if std::mem::take(&mut self.is_full) {
            self.text.push_str("\n  …");
        }
        let line = labelled("next", next);
        if self.text.len() + line.len() <= MAX_BLOCK {
            self.text.push_str(&line);
        }
    }
}

fn labelled(label: &str, text: &str) -> String {
    format!("\n  {label:<8} {}", printable(text, MAX_LINE))
}

fn fit(answer: Answer, blocks: &[String]) -> String {
    let mut message = String::new();
    let mut left = blocks.len();
    for block in blocks {
        if message.len() + block.len() + RESERVE > MAX_MESSAGE {
            break;
        }
        message.push_str(if message.is_empty() { "" } else { "\n" });
        message.push_str(block);
        left -= 1;
    }
    if left > 0 {
        message.push_str(&format!("\nand {left} more"));
    }
    if answer == Answer::Undecided {
        message.push('\n');
        message.push_str(NOT_A_DENIAL);
    }
    message
}
