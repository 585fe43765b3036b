//! The answer: where verdicts become `allowed` or not. Enforce and warn differ here, and nowhere else.

mod audit;
mod denial;
mod text;
mod warning;
mod wire;

use std::sync::Arc;

use countersign_policy::{Enforcement, Judgement, Reason, ReasonCode, Ruling, Verdict};

pub use self::denial::MAX_MESSAGE;
pub use self::warning::{MAX_WARNING, MAX_WARNINGS};
pub use self::wire::Response;
use crate::{FieldPath, Patch};

/// What came of one image, and where the object names it. A request without an image has one without a path
/// ([`Judgement::nothing_to_judge`]).
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Every field that names the image.
    pub paths: Vec<FieldPath>,
    /// The image, as the object names it.
    pub image: String,
    /// What the policies say; shared with whoever keeps it for the next request.
    pub judgement: Arc<Judgement>,
}

/// What the API server is told, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// The object may be stored.
    Allowed,
    /// It may not, as something could not be told: status 503.
    Undecided,
    /// It may not: status 400.
    Denied,
}

impl Answer {
    /// The verdict that it stands for: `admit`, `undecided`, `deny`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "admit",
            Self::Undecided => "undecided",
            Self::Denied => "deny",
        }
    }

    /// What one ruling alone amounts to. The only way to [`Answer::Allowed`].
    fn to(ruling: &Ruling) -> Self {
        match (ruling.verdict(), ruling.enforcement()) {
            (Verdict::Admit(_), Enforcement::Enforce | Enforcement::Warn) => Self::Allowed,
            (Verdict::Deny(_) | Verdict::Undecided(_), Enforcement::Warn) => Self::Allowed,
            (Verdict::Undecided(_), Enforcement::Enforce) => Self::Undecided,
            (Verdict::Deny(_), Enforcement::Enforce) => Self::Denied,
        }
    }
}

/// Answers a request. The worst ruling decides; the patch goes with an object that is allowed, and with no other.
///
/// No outcomes are no grounds, and refused: whoever has nothing to judge says so in an outcome.
pub fn respond(uid: &str, outcomes: &[Outcome], patch: Option<Patch>) -> Response {
    let mut findings = findings(outcomes);
    let Some(answer) = findings.iter().map(|finding| Answer::to(finding.ruling)).max() else {
        return refuse(Some(uid), &without_verdict());
    };
    findings.sort_by_key(Finding::place);
    let message = match answer {
        Answer::Allowed => String::new(),
        Answer::Undecided | Answer::Denied => denial::message(answer, &findings),
    };
    Response {
        uid: uid.to_owned(),
        answer,
        message,
        warnings: warning::warnings(&findings),
        audit: audit::annotations(answer, &findings),
        patch: patch.filter(|patch| answer == Answer::Allowed && !patch.is_empty()),
    }
}

/// Refuses a request that never came before a policy. Whether that is a denial or undecided is the code's to say. Without
/// a uid the answer is still a review, though the API server will only say that it does not match.
pub fn refuse(uid: Option<&str>, reason: &Reason) -> Response {
    let answer = match reason.code().outcome() {
        countersign_policy::Outcome::Denied => Answer::Denied,
        countersign_policy::Outcome::Undecided => Answer::Undecided,
    };
    Response {
        uid: uid.unwrap_or_default().to_owned(),
        answer,
        message: denial::refusal(answer, reason),
        warnings: Vec::new(),
        audit: audit::refusal(answer, reason),
        patch: None,
    }
}

fn without_verdict() -> Reason {
    Reason::new(ReasonCode::ServerFault, "the request was answered without a verdict")
}

/// What one policy says of one image.
#[derive(Clone, Copy)]
struct Finding<'a> {
    outcome: &'a Outcome,
    ruling: &'a Ruling,
}

fn findings(outcomes: &[Outcome]) -> Vec<Finding<'_>> {
    let mut findings = Vec::new();
    for outcome in outcomes {
        findings.extend(
            outcome
                .judgement
                .rulings()
                .iter()
                .map(|ruling| Finding { outcome, ruling }),
        );
    }
    findings
}

impl<'a> Finding<'a> {
    /// Policy by policy, and field by field within one.
    fn place(&self) -> (Option<&'a str>, Option<&'a FieldPath>) {
        (self.ruling.policy(), self.outcome.paths.iter().min())
    }

    /// Its reasons, with the first one apart; nothing if it admits.
    fn reasons(&self) -> Option<(&'a Reason, Vec<&'a Reason>)> {
        let mut reasons = self.ruling.verdict().reasons();
        Some((reasons.next()?, reasons.collect()))
    }

    /// What fails, and where; policy-controller's words, for those who search their logs for them.
    fn headline(&self) -> String {
        let paths = text::first_few(&self.paths()).join(", ");
        let paths = if paths.is_empty() { paths } else { format!(": {paths}") };
        match (self.ruling.policy(), self.ruling.verdict()) {
            (Some(policy), Verdict::Undecided(_)) => format!("undecided policy: {policy}{paths}"),
            (Some(policy), _) => format!("failed policy: {policy}{paths}"),
            (None, Verdict::Undecided(_)) => format!("undecided{paths}"),
            (None, _) => format!("{}{paths}", self.title()),
        }
    }

    fn title(&self) -> &'static str {
        match self.reasons().map(|(first, _)| first.code()) {
            Some(ReasonCode::PolicyNoneMatched) => "no matching policies",
            Some(ReasonCode::ImageUnpinned) => "must be an image digest",
            _ => "not admitted",
        }
    }

    fn paths(&self) -> Vec<String> {
        let mut paths: Vec<&FieldPath> = self.outcome.paths.iter().collect();
        paths.sort_unstable();
        paths.dedup();
        paths.into_iter().map(ToString::to_string).collect()
    }
}
