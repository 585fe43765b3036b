//! What is said of images: the lists of signatures and referrers with what they lead to.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_evidence::{Content, Evidence};
use countersign_image::{Digest, Pinned, Repository};
use moka::sync::Cache;

use super::CacheConfig;
use super::merge::{fill, is_outage};
use crate::client::Client;
use crate::credential::{CredentialScope, Credentials};
use crate::gather::GatherRequest;

/// An image as referred to, what was wanted of it, and who asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ListKey {
    pub(crate) repository: Repository,
    pub(crate) digest: Digest,
    pub(crate) request: GatherRequest,
    /// For the image's repository and for each place, in order.
    pub(crate) scopes: Vec<CredentialScope>,
}

impl ListKey {
    pub(crate) fn of(client: &Client, image: &Pinned, request: &GatherRequest, credentials: &Credentials) -> Self {
        let repositories =
            std::iter::once(image.repository()).chain(request.places.iter().map(|place| &place.repository));
        Self {
            repository: image.repository().clone(),
            digest: *image.digest(),
            request: request.clone(),
            scopes: repositories
                .map(|repository| client.credential_scope(credentials, repository))
                .collect(),
        }
    }
}

/// What is known of an image.
#[derive(Clone)]
struct Entry {
    evidence: Arc<Evidence>,
    good_until: Instant,
    /// From when on it is fetched again behind the back of who uses it.
    renew_from: Instant,
    /// The latest that had no outage in it, and when that was.
    whole: Option<(Arc<Evidence>, Instant)>,
}

/// What the cache says of a key.
pub(crate) enum Known {
    /// As good as asking.
    Fresh(Arc<Evidence>),
    /// As good as asking, and better asked again in the background.
    Ageing(Arc<Evidence>),
    /// Good if nothing better can be had in time.
    Old(Arc<Evidence>),
    Nothing,
}

#[derive(Clone)]
pub(crate) struct ListCache {
    entries: Cache<ListKey, Entry>,
    config: Arc<CacheConfig>,
}

impl ListCache {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        let entries = Cache::builder()
            .max_capacity(config.memory_bytes)
            .weigher(|_, entry: &Entry| weight(&entry.evidence))
            .time_to_live(config.stale.max(config.lists))
            .build();
        Self {
            entries,
            config: Arc::new(config.clone()),
        }
    }

    pub(crate) fn get(&self, key: &ListKey, now: Instant) -> Known {
        let Some(entry) = self.entries.get(key) else {
            return Known::Nothing;
        };
        if now >= entry.good_until {
            return match entry.whole {
                Some((evidence, read)) if self.may_be_stale(read, now) => Known::Old(stale(&evidence)),
                _ => Known::Nothing,
            };
        }
        if now >= entry.renew_from {
            Known::Ageing(entry.evidence)
        } else {
            Known::Fresh(entry.evidence)
        }
    }

    /// Keeps what was gathered, and gives back what it amounts to together with what was known before.
    pub(crate) fn put(&self, key: &ListKey, evidence: Evidence, now: Instant) -> Arc<Evidence> {
        let before = self.entries.get(key);
        let outage = evidence.gaps.iter().any(|gap| is_outage(&gap.cause));
        let entry = if outage {
            self.with_outage(evidence, before, now)
        } else {
            self.whole(evidence, now)
        };
        let evidence = Arc::clone(&entry.evidence);
        self.entries.insert(key.clone(), entry);
        evidence
    }

    fn whole(&self, evidence: Evidence, now: Instant) -> Entry {
        let evidence = Arc::new(evidence);
        let life = if evidence.gaps.iter().any(|gap| !gap.cause.is_content()) {
            self.config.failures
        } else if evidence.items.is_empty() {
            self.config.unsigned
        } else {
            self.config.lists
        };
        Entry {
            good_until: now + life,
            renew_from: now + life.mul_f64(0.8),
            whole: Some((Arc::clone(&evidence), now)),
            evidence,
        }
    }

    fn with_outage(&self, evidence: Evidence, before: Option<Entry>, now: Instant) -> Entry {
        let good_until = now + self.config.failures;
        let whole = before.as_ref().and_then(|entry| entry.whole.clone());
        let whole = whole.filter(|(_, read)| self.may_be_stale(*read, now));
        if let Some(entry) = before.filter(|entry| now < entry.good_until && entry.whole.is_some()) {
            // It was asked again before its time, and in vain: it is as good as it was, and asked again a little later.
            return Entry {
                renew_from: now + self.config.lists.mul_f64(0.05),
                ..entry
            };
        }
        let filled = whole.as_ref().and_then(|(old, _)| fill(&evidence, old));
        Entry {
            evidence: Arc::new(filled.unwrap_or(evidence)),
            good_until,
            renew_from: good_until,
            whole,
        }
    }

    fn may_be_stale(&self, read: Instant, now: Instant) -> bool {
        now.saturating_duration_since(read) <= self.config.stale
    }
}

/// The same evidence, with the mark that it is older than its freshness.
fn stale(evidence: &Arc<Evidence>) -> Arc<Evidence> {
    if evidence.stale {
        Arc::clone(evidence)
    } else {
        Arc::new(Evidence {
            stale: true,
            ..(**evidence).clone()
        })
    }
}

fn weight(evidence: &Evidence) -> u32 {
    const OVERHEAD: u64 = 512;
    let content = |content: &Content| match content {
        Content::Simple {
            payload,
            signature,
            annotations,
        } => {
            let beside: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
            payload.size() + (signature.len() + beside) as u64
        }
        Content::Envelope(blob) | Content::Bundle(blob) => blob.size(),
    };
    let items: u64 = evidence
        .items
        .iter()
        .map(|item| OVERHEAD + content(&item.content))
        .sum();
    let rest = (evidence.gaps.len() + evidence.looked.len()) as u64 * OVERHEAD;
    let manifest = evidence.manifest.as_ref().map_or(0, countersign_image::Blob::size);
    u32::try_from(OVERHEAD + items + rest + manifest).unwrap_or(u32::MAX)
}

impl fmt::Debug for ListCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListCache")
            .field("entries", &self.entries.entry_count())
            .finish()
    }
}

/// How much earlier than its deadline a waiter gives up, to have time for what is known from before.
pub(crate) const LAST_MOMENT: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
