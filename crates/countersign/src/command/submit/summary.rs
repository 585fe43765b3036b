//! What came of a submission, for whoever made it: on the terminal, and as Markdown for the page of the job.

use std::fmt::Write as _;

use countersign_wire::{Check, CheckStatus, Reason, State, Submission};

/// What is going on, for somebody who waits.
pub(super) fn doing(state: State) -> &'static str {
    match state {
        State::Received => "handing in",
        State::Evaluating => "the gate looks at the reports",
        State::AwaitingApproval => "waiting for people to approve",
        State::Signing => "the gate is open: signing",
        State::Publishing => "signed: publishing",
        _ => "done",
    }
}

fn outcome(submission: &Submission) -> String {
    let gate = &submission.gate.name;
    match submission.state {
        State::Published if submission.already_published => "PUBLISHED before, under the same gate".to_owned(),
        State::Published => "PUBLISHED: signed and promoted".to_owned(),
        State::Rejected => format!("REJECTED by the gate `{gate}`: nothing was signed"),
        State::Failed => "FAILED: this is no decision about the image; it can be tried again".to_owned(),
        State::Cancelled => "CANCELLED".to_owned(),
        State::Expired => "EXPIRED: it was left lying for too long".to_owned(),
        State::Revoked => "REVOKED: the image must not run any more".to_owned(),
        other => format!("NOT YET: {}", doing(other)),
    }
}

/// What to do next, where there is something to do.
fn next(submission: &Submission) -> Option<String> {
    match submission.state {
        State::Published => submission
            .published
            .as_ref()
            .map(|published| format!("run it as `{}`", published.reference)),
        State::Rejected => Some("mend what the failed checks name, build again, and submit the new digest".to_owned()),
        State::Failed => {
            Some("run the job again once the cause is gone, or ask the platform team to retry it".to_owned())
        }
        State::Cancelled | State::Expired => Some("submit it again".to_owned()),
        State::Revoked => Some("build anew from what is not affected, and submit that".to_owned()),
        _ => Some(format!(
            "it goes on by itself: `/v1/submissions/{}` says later what came of it",
            submission.id
        )),
    }
}

fn image(submission: &Submission) -> String {
    let image = &submission.image;
    format!("{}/{}@{}", image.registry, image.repository, image.digest)
}

fn word(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Passed => "passed",
        CheckStatus::Warned => "warned",
        CheckStatus::Failed => "FAILED",
        CheckStatus::Skipped => "skipped",
        _ => "unknown",
    }
}

/// What the checks do not say.
fn because(submission: &Submission) -> Option<&Reason> {
    let said = submission
        .checks
        .iter()
        .any(|check| check.status == CheckStatus::Failed);
    submission
        .reason
        .as_ref()
        .filter(|reason| !said && !reason.detail.is_empty())
}

/// For the terminal.
pub(crate) fn lines(submission: &Submission) -> Vec<String> {
    let mut lines = vec![
        outcome(submission),
        format!("image       {}", image(submission)),
        format!("submission  {}", submission.id),
        format!("gate        {} ({})", submission.gate.name, submission.environment),
    ];
    let width = submission.checks.iter().map(|check| check.id.len()).max().unwrap_or(0);
    for check in &submission.checks {
        let line = format!(
            "  {:<7} {:width$}  {}",
            word(check.status),
            check.id,
            check.slots.join(", ")
        );
        lines.push(line.trim_end().to_owned());
        let told = check.reasons.iter().chain(&check.notes);
        lines.extend(told.map(|reason| format!("          - {} [{}]", reason.detail, reason.code)));
    }
    if let Some(reason) = because(submission) {
        lines.push(format!("because     {} [{}]", reason.detail, reason.code));
    }
    if let Some(published) = &submission.published {
        lines.push(format!("published   {}", published.reference));
        lines.extend(
            published
                .tags
                .iter()
                .map(|tag| format!("tag         {}:{tag}", published.repository)),
        );
    }
    lines.extend(next(submission).map(|next| format!("next        {next}")));
    lines.iter().map(|line| plain(line)).collect()
}

/// Text that is one line and nothing else, also to a terminal and to a pipeline that takes commands out of its log: what
/// tools say comes from whoever wrote the code that they looked at. No such text begins a line (`::command`), and two `#`
/// never stand together (`##[command]`, `##vso[`).
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '#' && shown.ends_with('#') {
            shown.push(' ');
        }
        shown.push(if is_invisible(c) { ' ' } else { c });
    }
    shown
}

/// Controls, and what turns the direction of text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// For the page of the job. Nothing in it is markup but what is written here: names and details come from tools and from
/// whoever wrote the code that they looked at.
pub(super) fn markdown(submission: &Submission) -> String {
    let mut page = format!("## countersign: {}\n\n", inert(&outcome(submission)));
    let mut line = |text: String| {
        let _ = writeln!(page, "{text}");
    };
    line(format!(
        "Image {}, gate {}, submission {}",
        code(&image(submission)),
        code(&submission.gate.name),
        code(&submission.id)
    ));
    line(String::new());
    if !submission.checks.is_empty() {
        line("| check | outcome | what was found |".to_owned());
        line("|---|---|---|".to_owned());
        for check in &submission.checks {
            line(format!(
                "| {} | {} | {} |",
                inert(&check.id),
                word(check.status),
                found(check)
            ));
        }
        line(String::new());
    }
    if let Some(reason) = because(submission) {
        line(format!("Because: {} ({})\n", inert(&reason.detail), code(&reason.code)));
    }
    if let Some(published) = &submission.published {
        let tags: Vec<String> = published.tags.iter().map(|tag| code(tag)).collect();
        line(format!(
            "Published as {} {}\n",
            code(&published.reference),
            tags.join(" ")
        ));
    }
    if let Some(next) = next(submission) {
        line(format!("**Next:** {}\n", inert(&next)));
    }
    page
}

fn found(check: &Check) -> String {
    let reasons = check.reasons.iter().chain(&check.notes);
    let told: Vec<String> = reasons
        .map(|reason| format!("{} ({})", inert(&reason.detail), code(&reason.code)))
        .collect();
    told.join("<br>")
}

/// Text that is shown as it is: no markup, no link, no mention, one line.
fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '@' => shown.push_str("&#64;"),
            // Addresses become links without any markup.
            ':' => shown.push_str("&#58;"),
            c if is_invisible(c) => shown.push(' '),
            c if c.is_ascii_punctuation() && !".,;%()'\"/".contains(c) => {
                let _ = write!(shown, "&#{};", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// The same as code; a table's bars and backticks would end it, so it is HTML's.
fn code(text: &str) -> String {
    format!("<code>{}</code>", inert(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_is_no_command_of_a_pipeline_or_a_terminal() {
        for text in [
            "\u{1b}[2J\u{1b}]0;x\u{7} gone",
            "a\n::set-output name=x::y",
            "###[error]x ##vso[task.setvariable]",
            "section_start:1:x\r\u{1b}[0K",
            "\u{202e}gnp",
        ] {
            let shown = plain(text);
            assert!(!shown.contains("##") && !shown.chars().any(is_invisible), "{shown:?}");
        }
    }

    #[test]
    fn what_a_tool_says_is_no_markup() {
        for text in [
            "![x](https://evil.example/p.png)",
            "<img src=x onerror=alert(1)>",
            "a | b\n\n# A heading",
            "`code` *bold* [link](javascript:alert(1)) @somebody #1",
            "https://evil.example",
        ] {
            let shown = inert(text);
            assert!(
                !shown.contains(['<', '>', '|', '[', ']', '`', '*', '!', '@', '\n']) && !shown.contains("://"),
                "{shown}"
            );
        }
    }
}
