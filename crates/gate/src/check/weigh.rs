//! One check, asked of everything that was handed in.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::outcome::{Code, Outcome, Reason, Status};
use super::{Evidence, Submitted};
use crate::document::{Bind, Check, Choice, Coverage, Mode};
use crate::finding::{Finding, FixState, merged};
use crate::report::{Class, Completeness};
use crate::severity::Severity;
use crate::span;

/// How far a clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(300);
/// How many findings a reason names.
const NAMED: usize = 5;

pub(super) fn ask(check: &Check, submitted: &Submitted<'_>, now: Timestamp) -> Outcome {
    let choices = check.choices();
    let of_class = |evidence: &&Evidence<'_>| {
        choices
            .iter()
            .any(|choice| evidence.report.classes.contains(&choice.class))
    };
    let handed_in: Vec<&Evidence<'_>> = submitted.evidence.iter().filter(of_class).collect();
    let mut reasons = Vec::new();
    let mut sound = Vec::new();
    for evidence in &handed_in {
        let against = unsound(check, &choices, evidence, submitted, now);
        if against.is_empty() {
            sound.push(*evidence);
        }
        reasons.extend(against);
    }
    if sound.is_empty() {
        if handed_in.is_empty() {
            reasons.push(missing(&choices));
        }
    } else {
        // What is said against a report is only in the way where no other report is sound.
        reasons.clear();
        reasons.extend(uncovered(check, &sound, submitted));
    }
    // What a report *found* always counts, however old it is or whoever wrote it: if one tool saw it, it is there. Only what
    // is about something else says nothing here.
    let about: Vec<&Evidence<'_>> = handed_in
        .iter()
        .copied()
        .filter(|evidence| is_about(check.bind, evidence, submitted))
        .collect();
    reasons.extend(failed_tests(check, &about));
    reasons.extend(findings(check, &choices, &about));
    Outcome {
        check: check.id.clone(),
        status: status(check, &reasons, handed_in.is_empty(), now),
        reasons,
        slots: handed_in.iter().map(|evidence| evidence.slot.to_owned()).collect(),
    }
}

fn status(check: &Check, reasons: &[Reason], nothing: bool, now: Timestamp) -> Status {
    let warns = check.mode == Mode::Warn || check.enforce_from.is_some_and(|from| now < from);
    match reasons {
        [] => Status::Passed,
        _ if nothing && !check.required => Status::Skipped,
        _ if warns => Status::Warned,
        _ => Status::Failed,
    }
}

fn missing(choices: &[Choice]) -> Reason {
    let wanted: Vec<String> = choices
        .iter()
        .map(|choice| match choice.tools.is_empty() {
            true => choice.class.name().to_owned(),
            false => format!("{} by {}", choice.class.name(), listed(&choice.tools)),
        })
        .collect();
    reason(
        Code::Missing,
        format!("no report was handed in: {} is wanted", wanted.join(" or ")),
    )
}

fn reason(code: Code, what: impl Into<String>) -> Reason {
    Reason {
        code,
        what: what.into(),
    }
}

/// All that speaks against a report, whatever it found.
fn unsound(
    check: &Check,
    choices: &[Choice],
    evidence: &Evidence<'_>,
    submitted: &Submitted<'_>,
    now: Timestamp,
) -> Vec<Reason> {
    let (slot, report) = (evidence.slot, evidence.report);
    let mut against = Vec::new();
    match &report.completeness {
        Completeness::Ran => {}
        Completeness::Failed { why } => against.push(reason(Code::ToolError, format!("`{slot}`: {why}"))),
        Completeness::Unattributed => {
            let what =
                format!("`{slot}` is empty, and does not even say which tool wrote it: hand in SARIF, which does");
            against.push(reason(Code::UnattributedEmpty, what));
        }
    }
    if report.completeness != Completeness::Unattributed && !accepted(choices, evidence) {
        let names: BTreeSet<String> = report.tools.iter().map(|tool| tool.name.clone()).collect();
        let what = format!("`{slot}` is by {}, which this check does not accept", listed(&names));
        against.push(reason(Code::ToolNotAccepted, what));
    }
    if !is_about(check.bind, evidence, submitted) {
        against.push(reason(
            Code::Unbound,
            format!("`{slot}` does not say that it is about {}", check.bind.words()),
        ));
    }
    if evidence.proof < check.min_proof {
        let what = format!(
            "`{slot}` is vouched for as {:?}, and {:?} is wanted",
            evidence.proof, check.min_proof
        );
        against.push(reason(Code::ProofTooWeak, what));
    }
    if evidence.reused && check.bind == Bind::Image {
        against.push(reason(
            Code::EvidenceReused,
            format!("`{slot}` was handed in for another image before"),
        ));
    }
    against.extend(untimely(check, evidence, now));
    against.extend(too_few(check, evidence));
    if !check.builders.is_empty()
        && !report
            .builder
            .as_ref()
            .is_some_and(|builder| check.builders.contains(builder))
    {
        let builder = report.builder.as_deref().unwrap_or("nobody that it names");
        let what = format!(
            "`{slot}`: built by `{}`, who is not believed",
            countersign_image::text::excerpt(builder, 200)
        );
        against.push(reason(Code::BuilderNotAccepted, what));
    }
    against
}

fn accepted(choices: &[Choice], evidence: &Evidence<'_>) -> bool {
    let names: BTreeSet<String> = evidence
        .report
        .tools
        .iter()
        .map(|tool| tool.name.to_ascii_lowercase())
        .collect();
    choices.iter().any(|choice| {
        let listed = |tool: &String| names.contains(&tool.to_ascii_lowercase());
        evidence.report.classes.contains(&choice.class) && (choice.tools.is_empty() || choice.tools.iter().any(listed))
    })
}

fn is_about(bind: Bind, evidence: &Evidence<'_>, submitted: &Submitted<'_>) -> bool {
    let subject = &evidence.report.subject;
    match bind {
        Bind::Image => subject.digests.iter().any(|digest| submitted.closure.names(digest)),
        Bind::Commit => {
            let Some(commit) = submitted.commit else { return false };
            // A report that names a commit is about that one, whoever hands it in.
            subject.commit.as_deref().or(evidence.job_commit) == Some(commit)
        }
    }
}

fn untimely(check: &Check, evidence: &Evidence<'_>, now: Timestamp) -> Vec<Reason> {
    let (slot, report) = (evidence.slot, evidence.report);
    let mut against = Vec::new();
    let skew = SignedDuration::try_from(SKEW).unwrap_or(SignedDuration::ZERO);
    for (time, what) in [
        (report.time, "was made"),
        (report.database_time, "has a database that was made"),
    ] {
        if time.is_some_and(|time| time.duration_since(now) > skew) {
            against.push(reason(Code::InvalidTime, format!("`{slot}` {what} in the future")));
        }
    }
    if let Some(limit) = check.max_age {
        let age = now.duration_since(report.time.unwrap_or(evidence.received));
        if older(age, limit) {
            let what = format!(
                "`{slot}` is {} old, and at most {} is accepted",
                about(age),
                span::written(limit)
            );
            against.push(reason(Code::Stale, what));
        }
    }
    if let Some(limit) = check.max_db_age {
        match report.database_time.map(|time| now.duration_since(time)) {
            Some(age) if !older(age, limit) => {}
            Some(age) => {
                let limit = span::written(limit);
                let what = format!(
                    "the database of `{slot}` is {} old, and at most {limit} is accepted",
                    about(age)
                );
                against.push(reason(Code::DbStale, what));
            }
            None => {
                let what = format!("`{slot}` does not say how old its database is");
                against.push(reason(Code::DbStale, what));
            }
        }
    }
    against
}

fn older(age: SignedDuration, limit: Duration) -> bool {
    Duration::try_from(age).is_ok_and(|age| age > limit)
}

/// An age in the largest unit that leaves it at least two.
fn about(age: SignedDuration) -> String {
    match age.as_hours() {
        hours if hours >= 48 => format!("{} days", hours / 24),
        hours if hours >= 2 => format!("{hours} hours"),
        _ => format!("{} minutes", age.as_mins()),
    }
}

/// The platforms that no sound report is about.
fn uncovered(check: &Check, sound: &[&Evidence<'_>], submitted: &Submitted<'_>) -> Option<Reason> {
    if check.bind != Bind::Image || check.coverage == Coverage::AnyPlatform {
        return None;
    }
    let closure = submitted.closure;
    let covered: BTreeSet<&str> = sound
        .iter()
        .flat_map(|evidence| {
            let digests = evidence.report.subject.digests.iter();
            let named: Vec<&str> = digests.flat_map(|digest| closure.covered_by(digest)).collect();
            // A tool that names the index alone looked at one platform of it, and the job says at which.
            if named.is_empty() {
                evidence.platform.into_iter().collect()
            } else {
                named
            }
        })
        .collect();
    let missing: BTreeSet<String> = closure
        .platforms
        .keys()
        .filter(|platform| !covered.contains(platform.as_str()))
        .cloned()
        .collect();
    (!missing.is_empty()).then(|| {
        reason(
            Code::CoverageMissing,
            format!("no report is about {}", listed(&missing)),
        )
    })
}

/// A report that shows less than there has to be.
fn too_few(check: &Check, evidence: &Evidence<'_>) -> Vec<Reason> {
    let (slot, report) = (evidence.slot, evidence.report);
    let ran = report.tests.map(|tests| tests.total.saturating_sub(tests.skipped));
    let demands = [
        (
            check.min_components.map(|wanted| wanted as u64),
            report.components.unwrap_or(0) as u64,
            "components",
        ),
        (check.min_tests, ran.unwrap_or(0), "tests that ran"),
    ];
    let wanting = demands
        .into_iter()
        .filter(|(wanted, found, _)| wanted.is_some_and(|wanted| *found < wanted));
    let reasons = wanting.map(|(wanted, found, what)| {
        let wanted = wanted.unwrap_or_default();
        reason(
            Code::TooFew,
            format!("`{slot}` has {found} {what}, and {wanted} are wanted"),
        )
    });
    reasons.collect()
}

fn failed_tests(check: &Check, about: &[&Evidence<'_>]) -> Vec<Reason> {
    let Some(accepted) = check.fail.failed else {
        return Vec::new();
    };
    let failed = about
        .iter()
        .filter_map(|evidence| Some((evidence.slot, evidence.report.tests?.failed)));
    let over = failed.filter(|(_, failed)| *failed > accepted);
    over.map(|(slot, failed)| reason(Code::TestsFailed, format!("{failed} tests of `{slot}` failed")))
        .collect()
}

/// What was found and does not pass.
fn findings(check: &Check, choices: &[Choice], about: &[&Evidence<'_>]) -> Option<Reason> {
    let asked = |finding: &&Finding| choices.iter().any(|choice| choice.class == finding.class);
    let all = about.iter().flat_map(|evidence| &evidence.report.findings);
    let found = merged(all.filter(asked).cloned());
    let over: Vec<&Finding> = found.iter().filter(|finding| is_over(check, finding)).collect();
    if over.is_empty() {
        return None;
    }
    let names = over.iter().take(NAMED).map(|finding| {
        let severity = finding.severity.map_or("not ranked", Severity::name);
        let place = match (&finding.package, &finding.location) {
            (Some(package), _) => format!(" in {}", package.name),
            (None, Some(location)) => format!(" in {}", location.path),
            (None, None) => String::new(),
        };
        let silenced = if finding.suppressed_in_source {
            ", which the tool was told to pass over"
        } else {
            ""
        };
        let text = format!("{} ({severity}){place}{silenced}", finding.canonical());
        countersign_image::text::excerpt(&text, 200)
    });
    let names: Vec<String> = names.collect();
    let more = match over.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(reason(
        Code::Findings,
        format!(
            "{} of {} findings do not pass: {}{more}",
            over.len(),
            found.len(),
            names.join(", ")
        ),
    ))
}

fn is_over(check: &Check, finding: &Finding) -> bool {
    let fail = &check.fail;
    let severity = finding.severity.unwrap_or_else(|| fail.of_unknown());
    let at_least = |limit: Option<Severity>| limit.is_some_and(|limit| severity >= limit);
    let by_fix = match (finding.class, finding.fix) {
        (Class::Vulnerabilities, FixState::Fixed) => at_least(fail.fixable),
        (Class::Vulnerabilities, _) => at_least(fail.unfixable),
        _ => false,
    };
    fail.any_finding || at_least(fail.severity_at_least) || by_fix
}

fn listed(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", countersign_image::text::excerpt(name, 60)))
        .collect();
    names.join(", ")
}
