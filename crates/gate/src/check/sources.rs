//! Whose submissions a gate opens for.

use super::outcome::{Code, Outcome, Reason, Status};
use super::weigh::{listed, reason};
use crate::document::Sources;
use crate::facts::{Runner, Source};

/// What speaks against who submits; nothing where nothing does.
pub(super) fn ask(sources: &Sources, source: &Source) -> Option<Outcome> {
    let mut reasons: Vec<Reason> = Vec::new();
    if !sources.issuers.is_empty() && !sources.issuers.contains(&source.issuer) {
        let what = format!(
            "the job's token is of `{}`, and {} is believed",
            excerpt(&source.issuer),
            listed(&sources.issuers)
        );
        reasons.push(reason(Code::SourceNotAccepted, what));
    }
    let reference = source.reference.as_deref();
    if !sources.refs.is_empty() && !reference.is_some_and(|reference| sources.refs.accept(reference)) {
        let accepted: Vec<&str> = sources.refs.texts().collect();
        let what = format!(
            "it was built from `{}`, and the gate opens for {}",
            excerpt(reference.unwrap_or("nothing that the token names")),
            accepted.join(", ")
        );
        reasons.push(reason(Code::RefNotAccepted, what));
    }
    // Who does not say whose machine it is has not said that it is its own.
    if sources.forbid_self_hosted_runners && source.runner != Runner::Hosted {
        let what = format!(
            "the job's runner is {}, and one of the issuer's own is wanted",
            source.runner.name()
        );
        reasons.push(reason(Code::RunnerNotAccepted, what));
    }
    (!reasons.is_empty()).then(|| Outcome {
        check: "sources".to_owned(),
        status: Status::Failed,
        reasons,
        notes: Vec::new(),
        slots: Vec::new(),
        sound: Vec::new(),
    })
}

fn excerpt(text: &str) -> String {
    countersign_image::text::excerpt(text, 200)
}
