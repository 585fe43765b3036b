//! What a request came to, and how it is concluded: answered, counted, written down.

use std::sync::Arc;

use countersign_admission::{Answer, Operation, Outcome, Patch, Response, Review, refuse, respond};
use countersign_policy::{Judgement, Reason, Verdict};

use super::decide::facts;
use super::denials::{Denial, DenialContext, Grievance};
use super::{Circumstances, Door, Phase};
use crate::metrics::{self, Endpoint};
use crate::record::Record;
use crate::record::render::Rulings;

/// What a request came to.
pub(super) struct Decision {
    /// What was judged.
    pub(super) outcomes: Vec<Outcome>,
    /// For each of them in turn, its rulings as they are written down, if they may have been written before.
    pub(super) rulings: Vec<Option<Arc<Rulings>>>,
    /// What is changed in the object.
    pub(super) patch: Option<Patch>,
    /// On what the images that are not admitted were judged.
    pub(super) grievances: Vec<Grievance>,
    /// Why nothing could be judged at all.
    pub(super) refusal: Option<Reason>,
    pub(super) uid: Option<String>,
}

impl Decision {
    pub(super) fn of(review: &Review) -> Self {
        Self {
            outcomes: Vec::new(),
            rulings: Vec::new(),
            patch: None,
            grievances: Vec::new(),
            refusal: None,
            uid: Some(review.uid().to_owned()),
        }
    }

    pub(super) fn refused(reason: Reason, uid: Option<&str>) -> Self {
        let uid = uid.map(ToOwned::to_owned);
        Self {
            outcomes: Vec::new(),
            rulings: Vec::new(),
            patch: None,
            grievances: Vec::new(),
            refusal: Some(reason),
            uid,
        }
    }

    pub(super) fn nothing_to_judge(review: &Review, why: &str) -> Self {
        let judgement = Arc::new(Judgement::nothing_to_judge(review.kind().kind.clone(), why));
        let outcome = Outcome {
            paths: Vec::new(),
            image: String::new(),
            judgement,
        };
        Self {
            outcomes: vec![outcome],
            ..Self::of(review)
        }
    }
}

impl Door {
    pub(super) fn conclude(&self, under: &Circumstances, review: Option<&Review>, mut decision: Decision) -> Response {
        let patch = decision.patch.take();
        let uid = decision.uid.as_deref();
        let response = match &decision.refusal {
            Some(reason) => refuse(uid, reason),
            None => respond(uid.unwrap_or_default(), &decision.outcomes, patch),
        };
        self.count(under, review, &decision, &response);
        let record = Record {
            at: under.at,
            phase: under.phase,
            review,
            uid,
            outcomes: &decision.outcomes,
            rulings: &decision.rulings,
            allowed: response.allowed(),
            code: response.code(),
            refusal: decision.refusal.as_ref().map(|reason| reason.code().as_str()),
            generation: &under.policies.set().generation().to_string(),
            took: under.received.elapsed(),
        };
        self.recorder.record(&record);
        if let (Some(denials), Some(review), false) = (&self.denials, review, response.allowed()) {
            denials.keep(Denial {
                uid: review.uid().to_owned(),
                context: DenialContext::new(under.at, under.policies.set().settings(), facts(review)),
                policies: under.policies.clone(),
                grievances: decision.grievances,
            });
        }
        response
    }

    fn count(&self, under: &Circumstances, review: Option<&Review>, decision: &Decision, response: &Response) {
        let operation = match review.map(Review::operation) {
            Some(Operation::Create) => metrics::Operation::Create,
            Some(Operation::Update) => metrics::Operation::Update,
            Some(Operation::Delete) => metrics::Operation::Delete,
            Some(Operation::Connect) => metrics::Operation::Connect,
            None => metrics::Operation::Unknown,
        };
        let endpoint = match under.phase {
            Phase::Mutate => Endpoint::Mutate,
            Phase::Validate => Endpoint::Validate,
        };
        let verdict = match response.answer() {
            _ if decision.refusal.is_some() => metrics::Outcome::Malformed,
            Answer::Allowed => metrics::Outcome::Admit,
            Answer::Undecided => metrics::Outcome::Undecided,
            Answer::Denied => metrics::Outcome::Deny,
        };
        self.metrics
            .answered(operation, endpoint, verdict, under.received.elapsed());
        for outcome in &decision.outcomes {
            let verdict = outcome.judgement.verdict();
            self.metrics.image_judged(match verdict {
                Verdict::Admit(_) => metrics::Outcome::Admit,
                Verdict::Deny(_) => metrics::Outcome::Deny,
                Verdict::Undecided(_) => metrics::Outcome::Undecided,
            });
            for reason in verdict.reasons() {
                self.metrics.reason(reason.code().as_str());
            }
        }
        if let Some(reason) = &decision.refusal {
            self.metrics.reason(reason.code().as_str());
        }
    }
}
