//! Verdicts that were reached, under everything that they depended on.
//!
//! Only admissions are kept: a denial is looked at again, so that whoever signs the image meanwhile is let in, and what
//! could not be told must be asked again.

use std::sync::Arc;
use std::time::Duration;

use countersign_image::{Digest, Pinned};
use countersign_policy::{Judgement, Verdict};
use countersign_registry::CredentialScope;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;

/// How long the list of an image's signatures counts as fresh, and with it a verdict that rests on it.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// The most verdicts that are kept.
const CAPACITY: u64 = 20_000;

/// All that a verdict depends on besides time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The image as it was named, which its messages repeat.
    pub(super) written: String,
    pub(super) image: Pinned,
    /// Which policies govern it, as of which generation.
    pub(super) governing: Digest,
    /// Whose credentials the registry was shown.
    pub(super) credentials: CredentialScope,
}

#[derive(Debug)]
pub(super) struct Verdicts(Cache<Key, (Arc<Judgement>, Timestamp)>);

impl Verdicts {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(Duration::from_secs(300)).build())
    }

    pub(super) fn get(&self, key: &Key, now: Timestamp) -> Option<Arc<Judgement>> {
        self.0.get(key).filter(|(_, until)| now < *until).map(|(judgement, _)| judgement)
    }

    /// Keeps an admission until its evidence is no longer fresh, or its earliest ground changes.
    pub(super) fn keep(&self, key: Key, judgement: &Arc<Judgement>, evidence_as_of: Timestamp, stale: bool) {
        if stale || !matches!(judgement.verdict(), Verdict::Admit(_)) {
            return;
        }
        let fresh_until = evidence_as_of.saturating_add(FRESH).unwrap_or(Timestamp::MAX);
        let until = judgement.until().map_or(fresh_until, |until| until.min(fresh_until));
        self.0.insert(key, (Arc::clone(judgement), until));
    }
}
