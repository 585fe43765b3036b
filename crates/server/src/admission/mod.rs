//! An admission, from the review's bytes to the answer's: the one path that every decision takes.

mod decide;
mod decision;
mod denials;
mod door;
mod fault;
mod kept_roots;
mod pin;
mod verdicts;
mod waiting;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_admission::{Question, Response, Review, question};
use countersign_registry::{CredentialScope, Credentials, Gatherer};
use futures_util::FutureExt as _;
use jiff::Timestamp;

pub use self::decide::facts;
use self::decision::Decision;
pub use self::denials::{DenialContext, Denials, DenialsError};
pub use self::door::router;
pub use self::kept_roots::KeptRootError;
use self::verdicts::Verdicts;
use self::waiting::Waiting;
use crate::metrics::Metrics;
use crate::policies::{PolicyFiles, Snapshot};
use crate::record::Recorder;

/// How long is waited at the end for a cache's disk.
const DISK_PATIENCE: Duration = Duration::from_secs(5);

/// Which of the two webhooks was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Pins tags to digests; judges nothing, as other webhooks may still change the object.
    Mutate,
    /// Judges what will be stored; resolves nothing.
    Validate,
}

/// Everything that a decision needs, shared by all requests.
#[derive(Debug)]
pub struct Door {
    policies: Arc<PolicyFiles>,
    gatherer: Gatherer,
    credentials: Credentials,
    /// A hash of them, which every verdict is kept under.
    credential_scope: CredentialScope,
    verdicts: Verdicts,
    waiting: Waiting,
    recorder: Recorder,
    denials: Option<Denials>,
    metrics: Metrics,
    clock: fn() -> Timestamp,
}

/// What a door is made of.
#[derive(Debug)]
pub struct DoorParts {
    /// The policies in force.
    pub policies: Arc<PolicyFiles>,
    /// Where evidence comes from.
    pub gatherer: Gatherer,
    /// What registries are shown.
    pub credentials: Credentials,
    /// Where decisions are written down.
    pub recorder: Recorder,
    /// Where the evidence of the latest denials is kept, if anywhere.
    pub denials: Option<Denials>,
    /// What is counted.
    pub metrics: Metrics,
    /// The one clock.
    pub clock: fn() -> Timestamp,
}

impl Door {
    /// A door, ready to answer.
    #[must_use]
    pub fn new(parts: DoorParts) -> Self {
        let DoorParts {
            policies,
            gatherer,
            credentials,
            recorder,
            denials,
            metrics,
            clock,
        } = parts;
        Self {
            policies,
            gatherer,
            credential_scope: credentials.scope_hash(),
            credentials,
            verdicts: Verdicts::new(),
            waiting: Waiting::new(),
            recorder,
            denials,
            metrics,
            clock,
        }
    }

    /// One admission:
    /// 1. parse the review, keeping its uid even where it is refused;
    /// 2. take the policies in force and the time, once;
    /// 3. find every image use with its field path;
    /// 4. pin (`/mutate`) or judge (`/validate`) each distinct image, concurrently, under the request's deadline;
    /// 5. respond: the worst verdict wins;
    /// 6. write one record.
    ///
    /// Whatever panics on the way, the answer is a review, and refuses.
    pub async fn answer(&self, phase: Phase, body: Bytes, received: Instant, deadline: Instant) -> Response {
        let uid = OnceLock::new();
        let answered = AssertUnwindSafe(self.conclude_on(phase, body, received, deadline, &uid)).catch_unwind();
        let Ok(response) = answered.await else {
            return self.refuse_for_fault(phase, received, uid.into_inner());
        };
        response
    }

    /// `uid` is set as soon as it is known.
    async fn conclude_on(
        &self,
        phase: Phase,
        body: Bytes,
        received: Instant,
        deadline: Instant,
        uid: &OnceLock<String>,
    ) -> Response {
        let review = Review::parse(body);
        let known = match &review {
            Ok(review) => Some(review.uid()),
            Err(error) => error.uid.as_deref(),
        };
        if let Some(known) = known {
            uid.get_or_init(|| known.to_owned());
        }
        let circumstances = self.circumstances(phase, received);
        let review = match review {
            Ok(review) => review,
            Err(error) => {
                let refused = Decision::refused(error.reason(), error.uid.as_deref());
                return self.conclude(&circumstances, None, refused);
            }
        };
        let decision = match question(&review) {
            Err(error) => Decision::refused(error.reason(), Some(review.uid())),
            Ok(Question::NothingToJudge(why)) => Decision::nothing_to_judge(&review, &why.to_string()),
            Ok(Question::Uses(uses)) => match phase {
                Phase::Mutate => self.pin(&review, &uses, circumstances.policies.set(), deadline).await,
                Phase::Validate => self.judge(&review, &uses, &circumstances, deadline).await,
            },
        };
        self.conclude(&circumstances, Some(&review), decision)
    }

    fn circumstances(&self, phase: Phase, received: Instant) -> Circumstances {
        Circumstances {
            phase,
            policies: self.policies.current(),
            at: (self.clock)(),
            received,
        }
    }

    /// Writes down what is waiting to be, and takes no more.
    pub fn close(&self) {
        if !self.gatherer.settle(DISK_PATIENCE) {
            tracing::warn!("the cache's disk is too slow: some of what is known will be asked for again");
        }
        self.recorder.close();
        if let Some(denials) = &self.denials {
            denials.close();
        }
    }
}

/// Under what a decision is made, from its beginning to its end.
struct Circumstances {
    phase: Phase,
    policies: Arc<Snapshot>,
    at: Timestamp,
    received: Instant,
}
