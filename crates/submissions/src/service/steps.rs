//! Steps from one state to the next. Each is one transaction in the store, one entry of the ledger, one line in the log and
//! one count.

use countersign_gate::submission::{State, Step, evidence_set_digest};
use countersign_ledger::{Actor, EventType, Record};
use countersign_store::{self as store, Change, TransitionError};
use countersign_wire::{self as wire, Code};
use jiff::{SignedDuration, Timestamp};

use super::intake::image_of;
use super::records::{Job, job, record};
use super::{Happened, Service};
use crate::door::Refusal;
use crate::work;

/// A step with all that is written down with it.
pub(crate) struct Stepping<'a> {
    pub(crate) from: &'a store::Submission,
    pub(crate) step: Step,
    pub(crate) actor: Actor,
    pub(crate) change: Change,
    /// What follows.
    pub(crate) work: Option<&'static str>,
    /// The work that this step ends: whoever lost its lease steps nowhere.
    pub(crate) under: Option<&'a store::Fence>,
    /// What else is written down in the same transaction.
    pub(crate) besides: Vec<Record>,
}

impl Service {
    /// Steps on.
    pub(crate) async fn step(
        &self,
        stepping: Stepping<'_>,
        more: impl FnOnce(Happened) -> Happened,
    ) -> Result<store::Submission, TransitionError> {
        let Stepping {
            from,
            step,
            actor,
            change,
            work,
            under,
            besides,
        } = stepping;
        let now = self.now();
        let to = from.state.after(step, from.may_be_out)?;
        let gate = change.gate.as_ref().map_or(from.gate_digest, |(_, digest)| *digest);
        let code = change.reason.clone();
        let leaf = record(EventType::StateChanged, actor, now)
            .submission(&from.asked.id)
            .image(&image_of(from))
            .states(Some(from.state.name()), to.name())
            .gate(gate);
        let leaf = match &code {
            Some(code) => leaf.reason(code),
            None => leaf,
        };
        let work = work.map(|kind| store::NewWork {
            kind: kind.to_owned(),
            due: now,
        });
        let records = std::iter::once(more(leaf).done()).chain(besides).collect();
        let stepped = self
            .store
            .transition(from, step, change, now, records, work, under)
            .await?;
        self.metrics.entered(to.name());
        if to == State::Failed {
            self.metrics
                .failed(code.as_deref().and_then(failure).unwrap_or("unknown"));
        }
        tracing::info!(
            submission = from.asked.id,
            from = from.state.name(),
            to = to.name(),
            code,
            version = stepped.version,
            "a submission stepped on"
        );
        self.bell.notify_waiters();
        Ok(stepped)
    }

    pub(crate) async fn seal(&self, caller: &Job, id: &str) -> Result<wire::Submission, Refusal> {
        let submission = self.visible(caller, id).await?;
        if submission.evidence_set.is_some() && submission.state != State::Received {
            return self.told(&submission).await;
        }
        let rows = self.store.evidence(id).await?;
        let set = evidence_set_digest(rows.iter().map(|row| (row.slot.as_str(), row.sha256)));
        let stepping = Stepping {
            from: &submission,
            step: Step::Seal,
            actor: job(caller),
            change: Change {
                evidence_set: Some(set),
                deadline: Some(self.given_up(&submission)),
                ..Change::default()
            },
            work: Some(work::EVALUATE),
            under: None,
            besides: Vec::new(),
        };
        let sealed = self.step(stepping, |leaf| leaf.object("evidence_set", set)).await;
        self.stepped(sealed).await
    }

    /// When a submission has taken too long.
    pub(crate) fn given_up(&self, submission: &store::Submission) -> Timestamp {
        let total = SignedDuration::try_from(self.settings.limits.total).unwrap_or(SignedDuration::MAX);
        submission.asked.created + total
    }

    pub(crate) async fn cancel(&self, caller: &Job, id: &str) -> Result<wire::Submission, Refusal> {
        let submission = self.visible(caller, id).await?;
        let stepping = Stepping {
            from: &submission,
            step: Step::Cancel,
            actor: job(caller),
            change: Change::default(),
            work: None,
            under: None,
            besides: Vec::new(),
        };
        let cancelled = self.step(stepping, |leaf| leaf).await;
        self.stepped(cancelled).await
    }

    pub(crate) async fn retry(&self, caller: &Job, id: &str) -> Result<wire::Submission, Refusal> {
        let submission = self.visible(caller, id).await?;
        let Some(failed_in) = submission.failed_in else {
            return Err(Refusal::with(Code::WrongState, "only what failed is tried again"));
        };
        let step = Step::Retry { failed_in };
        let next = submission
            .state
            .after(step, submission.may_be_out)
            .map_err(|error| Refusal::with(Code::WrongState, error))?;
        let stepping = Stepping {
            from: &submission,
            step,
            actor: job(caller),
            change: Change {
                deadline: Some(self.given_up(&submission)),
                ..Change::default()
            },
            work: Some(if next == State::Evaluating {
                work::EVALUATE
            } else {
                work::SIGN
            }),
            under: None,
            besides: Vec::new(),
        };
        let again = self.step(stepping, |leaf| leaf).await;
        self.stepped(again).await
    }

    async fn stepped(&self, stepped: Result<store::Submission, TransitionError>) -> Result<wire::Submission, Refusal> {
        match stepped {
            Ok(submission) => self.told(&submission).await,
            Err(TransitionError::NotFrom(error)) => Err(Refusal::with(Code::WrongState, error)),
            Err(TransitionError::Lost) => Err(Refusal::with(Code::WrongState, "somebody else was faster; look again")),
            Err(TransitionError::Store(error)) => Err(error.into()),
            Err(error) => Err(Refusal::internal(&error)),
        }
    }
}

/// A code as the metrics know it.
fn failure(code: &str) -> Option<&'static str> {
    Code::ALL.iter().map(|known| known.name()).find(|known| *known == code)
}
