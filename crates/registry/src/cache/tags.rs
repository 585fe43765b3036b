//! What tags mean, for seconds.

use std::fmt;
use std::time::{Duration, Instant};

use countersign_image::{Digest, Repository, Tag};
use moka::sync::Cache;

use super::CacheConfig;
use crate::credential::CredentialScope;
use crate::trouble::Trouble;

/// Most tags that are kept.
const MAX_TAGS: u64 = 100_000;

/// A tag, and who asked what it means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TagKey {
    pub(crate) repository: Repository,
    pub(crate) tag: Tag,
    pub(crate) scope: CredentialScope,
}

#[derive(Clone)]
struct Entry {
    outcome: Result<Digest, Trouble>,
    good_until: Instant,
}

/// Tag to digest. Nothing else is ever keyed by a tag, and an old digest is never an answer: a tag that cannot be
/// resolved now is unresolved.
pub(crate) struct TagCache {
    entries: Cache<TagKey, Entry>,
    known_for: Duration,
    failures: Duration,
}

impl TagCache {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        let longest = config.tags.max(config.failures);
        let entries = Cache::builder().max_capacity(MAX_TAGS).time_to_live(longest).build();
        Self {
            entries,
            known_for: config.tags,
            failures: config.failures,
        }
    }

    pub(crate) fn get(&self, key: &TagKey) -> Option<Result<Digest, Trouble>> {
        self.entries
            .get(key)
            .filter(|entry| Instant::now() < entry.good_until)
            .map(|entry| entry.outcome)
    }

    pub(crate) fn put(&self, key: TagKey, outcome: Result<Digest, Trouble>) {
        let life = if outcome.is_ok() { self.known_for } else { self.failures };
        self.entries.insert(
            key,
            Entry {
                outcome,
                good_until: Instant::now() + life,
            },
        );
    }
}

impl Clone for TagCache {
    fn clone(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            known_for: self.known_for,
            failures: self.failures,
        }
    }
}

impl fmt::Debug for TagCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagCache")
            .field("entries", &self.entries.entry_count())
            .finish()
    }
}
