//! The work that follows a step: asking the gate, signing, publishing. One piece is one worker's at a time, by a lease; what is
//! stored says how far it came, so that whoever takes it up goes on from there.

mod evaluate;
mod look_after;
mod pieces;
mod publish;
mod sign;
mod weighing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_gate::submission::{State, Step};
use countersign_ledger::Actor;
use countersign_store::{self as store, BlobError, Change, StoreError, TransitionError};
use countersign_wire::Code;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use tokio::task::JoinSet;

pub(crate) use self::look_after::look_after;
use crate::closure::ClosureError;
use crate::door::{Chain, Refusal};
use crate::service::{CameOf, Service, Stepping};

/// Asking the gate.
pub(crate) const EVALUATE: &str = "evaluate";
/// Asking it again, and signing.
pub(crate) const SIGN: &str = "sign";
/// Publishing what is signed.
pub(crate) const PUBLISH: &str = "publish";

/// How long a worker sleeps where nobody rings: work that falls due, and work of other replicas.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Why a piece of work did not come to its end.
#[derive(Debug, Error)]
pub(crate) enum Broken {
    /// It may pass by itself.
    #[error("{what}")]
    Passing {
        /// What happened.
        what: String,
        /// What the submission fails with, once it has not passed for too long.
        code: Code,
    },
    /// It does not pass by itself.
    #[error("{what}")]
    Failed {
        /// What the submission fails with.
        code: Code,
        /// What happened.
        what: String,
    },
    /// Somebody else has taken it up.
    #[error("somebody else has taken this work up")]
    Lost,
}

impl Broken {
    pub(crate) fn failed(code: Code, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed {
            code,
            what: Chain(error).to_string(),
        }
    }

    pub(crate) fn passing(code: Code, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Passing {
            code,
            what: Chain(error).to_string(),
        }
    }

    /// What should not be: what we wrote ourselves cannot be read.
    pub(crate) fn bug(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::failed(Code::Internal, error)
    }

    pub(crate) fn closure(error: ClosureError) -> Self {
        match error.failure() {
            Some(code) => Self::failed(code, &error),
            None => Self::passing(Code::RegistryUnavailable, &error),
        }
    }

    pub(crate) fn blob(error: BlobError) -> Self {
        match error {
            BlobError::Corrupt { .. } | BlobError::Missing { .. } => Self::failed(Code::EvidenceTampered, &error),
            _ => Self::passing(Code::Unavailable, &error),
        }
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::Lost,
            error if error.is_passing() => Self::passing(Code::Unavailable, &error),
            error => Self::bug(&error),
        }
    }
}

impl From<TransitionError> for Broken {
    fn from(error: TransitionError) -> Self {
        match error {
            TransitionError::Store(error) => error.into(),
            // Whoever stepped it elsewhere, a caller or another worker, has made this work void.
            _ => Self::Lost,
        }
    }
}

/// Works until it is dropped.
pub(crate) async fn run(service: Arc<Service>) {
    let owner = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
    let mut workers = JoinSet::new();
    for number in 0..service.settings.limits.workers {
        workers.spawn(worker(Arc::clone(&service), format!("{owner}-{number}")));
    }
    // One that panicked is missed by nobody: its work is taken up once its lease ends, by a worker in its place.
    let mut number = service.settings.limits.workers;
    while workers.join_next().await.is_some() {
        tracing::error!("a worker ended; another takes its place");
        workers.spawn(worker(Arc::clone(&service), format!("{owner}-{number}")));
        number += 1;
    }
}

async fn worker(service: Arc<Service>, owner: String) {
    loop {
        let rung = service.bell.notified();
        match next(&service, &owner).await {
            Ok(Some(work)) => one(&service, work).await,
            Ok(None) => {
                let pause = LOOKS_EVERY.mul_f64(0.75 + fastrand::f64() / 2.0);
                let _ = tokio::time::timeout(pause, rung).await;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the store cannot be asked for work");
                tokio::time::sleep(service.settings.limits.pause(2)).await;
            }
        }
    }
}

/// A time from now on, or the end of time.
pub(crate) fn later(now: Timestamp, after: Duration) -> Timestamp {
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    now.checked_add(after).unwrap_or(Timestamp::MAX)
}

/// What is nearest to its end goes first.
async fn next(service: &Service, owner: &str) -> Result<Option<store::Work>, StoreError> {
    for kind in [PUBLISH, SIGN, EVALUATE] {
        let now = service.now();
        let claimed = service
            .store
            .claim(kind, owner, now, later(now, service.settings.limits.lease))
            .await?;
        if claimed.is_some() {
            return Ok(claimed);
        }
    }
    Ok(None)
}

async fn one(service: &Arc<Service>, work: store::Work) {
    let began = Instant::now();
    let deadline = began + service.settings.limits.work;
    let working = async {
        let submission = service.store.submission(&work.submission).await?;
        let submission = submission.ok_or(Broken::Lost)?;
        match (work.kind.as_str(), submission.state) {
            (EVALUATE, State::Evaluating) => evaluate::evaluate(service, &work, &submission, deadline).await,
            (SIGN, State::Signing) => sign::sign(service, &work, &submission, deadline).await,
            (PUBLISH, State::Publishing) => publish::publish(service, &work, &submission, deadline).await,
            // It was stepped on without this: cancelled, or done by somebody whose lease had ended.
            _ => Ok(service.store.finish(&work.fence).await?),
        }
    };
    let worked = tokio::select! {
        worked = working => worked,
        () = keep_alive(service, &work) => Err(Broken::Lost),
    };
    let ended = match worked {
        // The step that ended it has taken the work with it.
        Ok(()) | Err(Broken::Lost) => Ok(()),
        Err(Broken::Failed { code, what }) => failed(service, &work, code, &what).await,
        Err(Broken::Passing { code, what }) => put_off(service, &work, code, &what).await,
    };
    if let Err(error) = ended {
        tracing::warn!(submission = work.submission, kind = work.kind, error = %error, "work could not be ended; its lease will");
    }
    service.metrics.worked(kind(&work), began.elapsed());
}

fn kind(work: &store::Work) -> &'static str {
    match work.kind.as_str() {
        EVALUATE => EVALUATE,
        SIGN => SIGN,
        PUBLISH => PUBLISH,
        _ => "other",
    }
}

/// Renews the lease; ends where it is lost.
async fn keep_alive(service: &Service, work: &store::Work) {
    let lease = service.settings.limits.lease;
    loop {
        tokio::time::sleep(lease / 3).await;
        match service.store.renew(&work.fence, later(service.now(), lease)).await {
            Ok(()) => {}
            Err(StoreError::Stale) => return,
            Err(error) => tracing::warn!(error = %Chain(&error), "a lease could not be renewed"),
        }
    }
}

async fn put_off(service: &Service, work: &store::Work, code: Code, what: &str) -> Result<(), Broken> {
    let now = service.now();
    let budget = SignedDuration::try_from(service.settings.limits.outages).unwrap_or(SignedDuration::MAX);
    if now.duration_since(work.since) > budget {
        return failed(service, work, code, &format!("{what} (for longer than is waited)")).await;
    }
    let attempt = u32::try_from(work.attempt).unwrap_or(u32::MAX);
    let pause = service.settings.limits.pause(attempt);
    service.metrics.put_off(kind(work));
    tracing::warn!(
        submission = work.submission,
        kind = work.kind,
        attempt,
        again_in = ?pause,
        what,
        "work is put off: what is in the way may pass"
    );
    service
        .store
        .put_off(&work.fence, later(now, pause), code.name())
        .await?;
    Ok(())
}

async fn failed(service: &Service, work: &store::Work, code: Code, what: &str) -> Result<(), Broken> {
    let submission = service.store.submission(&work.submission).await?.ok_or(Broken::Lost)?;
    tracing::error!(
        submission = work.submission,
        kind = work.kind,
        code = code.name(),
        what,
        "work failed"
    );
    // What broke inside is in the log: paths, addresses and what a vault says are nobody's at the door.
    let is_inside = matches!(
        code,
        Code::Internal | Code::Unavailable | Code::EvidenceTampered | Code::KeyRefused | Code::KeyUnavailable
    );
    let detail = if is_inside { code.meaning() } else { what };
    let came = CameOf {
        detail: Some(detail.to_owned()),
        ..CameOf::so_far(&submission)
    };
    let stepping = Stepping {
        from: &submission,
        step: Step::Fail,
        actor: Actor::SERVICE,
        change: Change {
            reason: Some(code.name().to_owned()),
            outcome: Some(came.text()),
            ..Change::default()
        },
        work: None,
        under: Some(&work.fence),
        besides: Vec::new(),
    };
    service.step(stepping, |leaf| leaf).await?;
    Ok(())
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Failed {
            code: refusal.code(),
            what: format!("{refusal:?}"),
        }
    }
}

/// What another gate says of a submission, on everything as it is now and as of when it was submitted.
pub(crate) async fn weigh_again(
    service: &Service,
    submission: &store::Submission,
    candidate: &countersign_gate::Gate,
) -> Result<Vec<countersign_gate::Outcome>, Broken> {
    let deadline = Instant::now() + service.settings.limits.work;
    let weighing = weighing::Weighing::look(service, submission, deadline).await?;
    Ok(weighing.with(|submitted| countersign_gate::ask(candidate, submitted, submission.asked.created)))
}
