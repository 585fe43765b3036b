//! One check, asked of everything that was handed in.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::outcome::{Code, Outcome, Reason, Status};
use super::{Evidence, Submitted, findings, image};
use crate::condition;
use crate::document::{Bind, Check, Choice, Coverage, Mode, Proof};
use crate::finding::Finding;
use crate::glob::Globs;
use crate::report::{Class, Completeness, CustomDocument};
use crate::span;

/// How far a clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(300);

/// A check, and what it is asked with.
pub(super) struct Asked<'a> {
    pub(super) check: &'a Check,
    pub(super) trusted: &'a Globs,
    pub(super) submitted: &'a Submitted<'a>,
    pub(super) now: Timestamp,
    choices: Vec<Choice>,
}

pub(super) fn ask(check: &Check, trusted: &Globs, submitted: &Submitted<'_>, now: Timestamp) -> Outcome {
    Asked {
        check,
        trusted,
        submitted,
        now,
        choices: check.choices(),
    }
    .outcome()
}

impl<'a> Asked<'a> {
    fn outcome(&self) -> Outcome {
        let (check, submitted) = (self.check, self.submitted);
        let handed_in: Vec<&Evidence<'_>> = submitted.evidence.iter().filter(|one| self.is_meant(one)).collect();
        let mut reasons = Vec::new();
        let mut sound = Vec::new();
        for evidence in &handed_in {
            let against = unsound(self, evidence);
            if against.is_empty() {
                sound.push(*evidence);
            }
            reasons.extend(against);
        }
        if sound.is_empty() {
            if handed_in.is_empty() && check.asks_for_reports() {
                reasons.push(missing(&self.choices));
            }
        } else {
            // What is said against a report is only in the way where no other report is sound.
            reasons.clear();
            reasons.extend(uncovered(check, &sound, submitted));
            reasons.extend(too_few_kinds(self, &sound));
        }
        // What a report *found* always counts, however old it is or whoever wrote it: if one tool saw it, it is there. Only
        // what is about something else says nothing here.
        let about: Vec<&Evidence<'_>> = match check.asks_for_reports() {
            true => handed_in
                .iter()
                .copied()
                .filter(|evidence| is_about(check.bound(), evidence, submitted))
                .collect(),
            false => submitted
                .evidence
                .iter()
                .filter(|one| is_about_any(one, submitted))
                .collect(),
        };
        reasons.extend(failed_tests(check, &about));
        let found = findings::of(self, &about);
        reasons.extend(found.reasons);
        let shape = image::ask(&check.image, submitted);
        let nothing = check.asks_for_reports() && handed_in.is_empty();
        // Who omits a report is asked all the same for what no report is needed for.
        let skipped = nothing && !check.required && shape.is_empty();
        if nothing && !check.required && !skipped {
            reasons.clear();
        }
        reasons.extend(shape);
        if !nothing {
            reasons.extend(conditions(self, &found.all, &about, &sound));
        }
        Outcome {
            check: check.id.clone(),
            status: status(check, &reasons, skipped, self.now),
            reasons,
            notes: found.notes,
            slots: handed_in.iter().map(|evidence| evidence.slot.to_owned()).collect(),
            sound: sound.iter().map(|evidence| evidence.slot.to_owned()).collect(),
        }
    }

    /// Whether a report is of the kind that is asked for.
    fn is_meant(&self, evidence: &Evidence<'_>) -> bool {
        let of_class = |choice: &Choice| evidence.report.classes.contains(&choice.class);
        let recognised = || {
            evidence.custom.is_some_and(|custom| {
                let mut recognised = self.check.recognise.iter();
                recognised.all(|recognised| recognised.is(custom.predicate_type.as_deref(), &custom.document))
            })
        };
        self.choices
            .iter()
            .any(|choice| of_class(choice) && (choice.class != Class::Custom || recognised()))
    }

    /// Whether a finding is of the kind that is asked for.
    pub(super) fn is_asked(&self, finding: &Finding) -> bool {
        self.choices.is_empty() || self.choices.iter().any(|choice| choice.class == finding.class)
    }
}

/// What the check's conditions say: once of everything, or of each document of an organisation's own.
fn conditions(asked: &Asked<'_>, found: &[Finding], about: &[&Evidence<'_>], sound: &[&Evidence<'_>]) -> Vec<Reason> {
    let check = asked.check;
    if check.conditions.is_empty() {
        return Vec::new();
    }
    let mut variables = condition::variables(asked.submitted, about, found, asked.trusted);
    let documents: Vec<(&str, Option<&CustomDocument>)> = match check.recognise.is_empty() {
        true => vec![("", None)],
        false => sound.iter().map(|evidence| (evidence.slot, evidence.custom)).collect(),
    };
    let mut reasons = Vec::new();
    for (slot, custom) in documents {
        let document = custom.map_or(serde_json::Value::Null, |custom| custom.document.clone());
        variables.insert("document", document);
        let of = if slot.is_empty() {
            String::new()
        } else {
            format!("of `{slot}` ")
        };
        for condition in &check.conditions {
            let text = countersign_image::text::excerpt(condition.text(), 200);
            match condition.holds(&variables) {
                Ok(true) => {}
                Ok(false) => reasons.push(reason(
                    Code::ConditionFailed,
                    format!("{of}it does not hold that `{text}`"),
                )),
                Err(error) => reasons.push(reason(Code::ConditionError, format!("{of}`{text}`: {error}"))),
            }
        }
    }
    reasons
}

/// The alternatives of which no report is sound, where more than one is wanted.
fn too_few_kinds(asked: &Asked<'_>, sound: &[&Evidence<'_>]) -> Option<Reason> {
    let wanted = asked.check.at_least?;
    let is_met = |choice: &&Choice| {
        let one = std::slice::from_ref(*choice);
        sound.iter().any(|evidence| accepted(one, evidence))
    };
    let found = asked.choices.iter().filter(is_met).count();
    let what = format!("{found} of the alternatives have a report, and {wanted} are wanted");
    (found < wanted).then(|| reason(Code::TooFew, what))
}

fn status(check: &Check, reasons: &[Reason], skipped: bool, now: Timestamp) -> Status {
    let warns = check.mode == Mode::Warn || check.enforce_from.is_some_and(|from| now < from);
    match reasons {
        [] => Status::Passed,
        _ if skipped => Status::Skipped,
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

pub(super) fn reason(code: Code, what: impl Into<String>) -> Reason {
    Reason {
        code,
        what: what.into(),
    }
}

/// All that speaks against a report, whatever it found.
fn unsound(asked: &Asked<'_>, evidence: &Evidence<'_>) -> Vec<Reason> {
    let (check, submitted) = (asked.check, asked.submitted);
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
    if report.completeness != Completeness::Unattributed && !accepted(&asked.choices, evidence) {
        let names: BTreeSet<String> = report.tools.iter().map(|tool| tool.name.clone()).collect();
        let what = format!("`{slot}` is by {}, which this check does not accept", listed(&names));
        against.push(reason(Code::ToolNotAccepted, what));
    }
    let version = report.format_version.as_deref();
    let mut lists = check.formats.iter();
    if !lists.all(|list| list.iter().any(|format| format.accepts(report.format, version))) {
        let what = format!(
            "`{slot}` is {} {}, which this check does not accept",
            report.format.name(),
            countersign_image::text::excerpt(version.unwrap_or("of no version"), 40)
        );
        against.push(reason(Code::FormatNotAccepted, what));
    }
    if !is_about(check.bound(), evidence, submitted) {
        against.push(reason(
            Code::Unbound,
            format!("`{slot}` does not say that it is about {}", check.bound().words()),
        ));
    }
    if check.bound() == Bind::Commit
        && let Some(other) = submitted
            .proven_commits()
            .find(|commit| Some(*commit) != submitted.commit)
    {
        let other = countersign_image::text::excerpt(other, 64);
        let what = format!("`{slot}`: by its provenance the image was built from `{other}`, and not from this commit");
        against.push(reason(Code::CommitMismatch, what));
    }
    let proof = proof_of(evidence, submitted, asked.trusted);
    if proof < check.min_proof || proof == Proof::E0 {
        let wanted = check.min_proof.max(Proof::E1);
        let what = format!("`{slot}` is vouched for as {proof:?}, and {wanted:?} is wanted");
        against.push(reason(Code::ProofTooWeak, what));
    }
    if is_replayed(check.bound(), evidence, submitted) {
        against.push(reason(
            Code::EvidenceReused,
            format!("`{slot}` was handed in for another image before"),
        ));
    }
    against.extend(untimely(check, evidence, asked.now));
    against.extend(too_few(check, evidence));
    if !check.builders.is_empty()
        && !report
            .builder
            .as_ref()
            .is_some_and(|builder| check.builders.accept(builder))
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
    let mut choices = choices.iter();
    choices.any(|choice| evidence.report.looked_for(choice.class, &choice.tools))
}

/// Whether the same bytes were handed in before, for what they cannot be about as well. What a tool says of a commit is so for
/// every image of that commit.
fn is_replayed(bind: Bind, evidence: &Evidence<'_>, submitted: &Submitted<'_>) -> bool {
    let is_same_commit = || {
        let names_it = evidence.report.subject.commit.is_some();
        let others = evidence.reused_for;
        names_it || (!others.is_empty() && others.iter().all(|commit| Some(*commit) == submitted.commit))
    };
    evidence.reused && (bind == Bind::Image || !is_same_commit())
}

fn is_about_any(evidence: &Evidence<'_>, submitted: &Submitted<'_>) -> bool {
    [Bind::Image, Bind::Commit]
        .into_iter()
        .any(|bind| is_about(bind, evidence, submitted))
}

pub(super) fn is_about(bind: Bind, evidence: &Evidence<'_>, submitted: &Submitted<'_>) -> bool {
    let subject = &evidence.report.subject;
    let names_image = || subject.digests.iter().any(|digest| submitted.closure.names(digest));
    match bind {
        Bind::Image => names_image(),
        Bind::Commit => {
            let Some(commit) = submitted.commit else { return false };
            match subject.commit.as_deref() {
                // A report that names a commit is about that one, whoever hands it in.
                Some(named) => named == commit,
                // What names images is about one of this commit if it is about this one.
                None if !subject.digests.is_empty() => names_image() && evidence.job_commit == Some(commit),
                None => evidence.job_commit == Some(commit),
            }
        }
    }
}

/// Who vouches for a report about this image or commit: a signature does for its own subject, which is neither where the
/// report names none. Then there is only the job's word, as for any other report.
pub(crate) fn proof_of(evidence: &Evidence<'_>, submitted: &Submitted<'_>, trusted: &Globs) -> Proof {
    // Whoever hands in is of the repository that submits, at its issuer.
    let (subject, issuer) = (&evidence.report.subject, &submitted.source.issuer);
    let is_own_subject = subject.digests.iter().any(|digest| submitted.closure.names(digest))
        || (subject.commit.is_some() && subject.commit.as_deref() == submitted.commit);
    match evidence.proof {
        Proof::E3 if !is_own_subject => {
            let of_job = Evidence {
                proof: Proof::E1,
                ..evidence.clone()
            };
            of_job.proof_where(issuer, trusted)
        }
        _ => evidence.proof_where(issuer, trusted),
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
pub(super) fn about(age: SignedDuration) -> String {
    match age.as_hours() {
        hours if hours >= 48 => format!("{} days", hours / 24),
        hours if hours >= 2 => format!("{hours} hours"),
        _ => format!("{} minutes", age.as_mins()),
    }
}

/// The platforms that no sound report is about.
fn uncovered(check: &Check, sound: &[&Evidence<'_>], submitted: &Submitted<'_>) -> Option<Reason> {
    if check.bound() != Bind::Image || check.coverage == Coverage::AnyPlatform {
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

pub(super) fn listed(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", countersign_image::text::excerpt(name, 60)))
        .collect();
    names.join(", ")
}
