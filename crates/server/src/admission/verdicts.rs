//! Verdicts that were reached, under everything that they depended on.
//!
//! An admission holds for as long as its evidence is fresh. Any other verdict holds for the very evidence that it was
//! reached on: whoever signs the image meanwhile is let in, what could not be told is asked again, and yet a flood of
//! requests for an image with hundreds of worthless signatures verifies each of them once.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use countersign_evidence::Evidence;
use countersign_image::Digest;
use countersign_policy::{Judgement, Verdict};
use countersign_registry::CredentialScope;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::record::render::Rulings;

/// How long the list of an image's signatures counts as fresh, and with it a verdict that rests on it.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// The most verdicts that are kept.
const CAPACITY: u64 = 20_000;

/// All that a verdict depends on besides evidence and time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The image as it was named, which its messages repeat. It carries the digest.
    pub(super) written: Box<str>,
    /// Which policies govern it, as of which generation.
    pub(super) governing: Digest,
    /// Whose credentials the registry was shown.
    pub(super) credentials: CredentialScope,
}

#[derive(Debug, Clone)]
struct Kept {
    judgement: Arc<Judgement>,
    rulings: Arc<Rulings>,
    /// What it was reached on. It may be forgotten meanwhile, and then is never taken for another one.
    evidence: Weak<Evidence>,
    /// Until when it needs no looking at the evidence, if it is an admission.
    fresh_until: Option<Timestamp>,
}

/// One of each is somebody's turn.
type Turns = Arc<[Arc<Mutex<()>>]>;

/// How many different images are judged at the same time at most, where each is little work.
const LIGHT_TURNS: usize = 256;

/// How much work a judgement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is done where the request is answered.
    Light,
    /// It would hold up other requests there.
    Heavy,
}

/// Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Verdicts {
    kept: Cache<Key, Kept>,
    /// At what is much work: no more at once than there are processors.
    heavy: Turns,
    /// At what is little work: only the same waits for the same, but for a rare neighbour.
    light: Turns,
    hasher: RandomState,
}

impl Verdicts {
    pub(super) fn new() -> Self {
        let turns = |count: usize| (0..count).map(|_| Arc::default()).collect();
        Self {
            kept: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(Duration::from_secs(300))
                .build(),
            heavy: turns(std::thread::available_parallelism().map_or(2, usize::from)),
            light: turns(LIGHT_TURNS),
            hasher: RandomState::new(),
        }
    }

    /// An admission whose evidence is still fresh.
    pub(super) fn fresh(&self, key: &Key, now: Timestamp) -> Option<(Arc<Judgement>, Arc<Rulings>)> {
        let kept = self.kept.get(key)?;
        kept.fresh_until.filter(|until| now < *until)?;
        Some((kept.judgement, kept.rulings))
    }

    /// What was reached on this very evidence.
    pub(super) fn on(&self, evidence: &Arc<Evidence>, key: &Key, now: Timestamp) -> Option<Arc<Judgement>> {
        let kept = self.kept.get(key)?;
        let still_true = kept.judgement.until().is_none_or(|until| now < until);
        (still_true && kept.evidence.as_ptr() == Arc::as_ptr(evidence)).then_some(kept.judgement)
    }

    /// Keeps a verdict: an admission until its evidence is no longer fresh, or its earliest ground changes.
    pub(super) fn keep(&self, key: Key, judgement: &Arc<Judgement>, evidence: &Arc<Evidence>) {
        let admits = !evidence.stale && matches!(judgement.verdict(), Verdict::Admit(_));
        let fresh_until = admits.then(|| {
            let fresh_until = evidence.as_of.saturating_add(FRESH).unwrap_or(Timestamp::MAX);
            judgement.until().map_or(fresh_until, |until| until.min(fresh_until))
        });
        let (judgement, evidence) = (Arc::clone(judgement), Arc::downgrade(evidence));
        self.kept.insert(
            key,
            Kept {
                judgement,
                rulings: Arc::default(),
                evidence,
                fresh_until,
            },
        );
    }

    /// Waits for a turn at judging: one at a time of the same.
    pub(super) async fn turn(&self, key: &Key, weight: Weight) -> OwnedMutexGuard<()> {
        let turns = match weight {
            Weight::Light => &self.light,
            Weight::Heavy => &self.heavy,
        };
        let number = self.hasher.hash_one(key) % turns.len() as u64;
        let turn = usize::try_from(number).map_or(&turns[0], |number| &turns[number]);
        Arc::clone(turn).lock_owned().await
    }
}
