//! What is said of images: the lists of signatures and referrers with what they lead to.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use countersign_evidence::{Content, Evidence};
use countersign_image::{Digest, Pinned, Repository};
use jiff::Timestamp;
use moka::sync::Cache;

use super::content::ContentCache;
use super::merge::{fill, is_outage};
use super::writer::Writer;
use super::{CacheConfig, persisted};
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
    /// The latest that had no outage in it, with what was answered since.
    whole: Option<Whole>,
    /// Until when the registry is taken to be failing.
    failing_until: Option<Instant>,
}

#[derive(Clone)]
struct Whole {
    evidence: Arc<Evidence>,
    /// The same, marked as old: made once, as verdicts hold for the very evidence that they were reached on.
    stale: Arc<OnceLock<Arc<Evidence>>>,
    /// The last moment at which it counts, if nothing better can be had.
    until: Instant,
}

impl Whole {
    fn new(evidence: &Arc<Evidence>, until: Instant) -> Self {
        Self {
            evidence: Arc::clone(evidence),
            stale: Arc::default(),
            until,
        }
    }

    /// The same evidence, with the mark that it is older than its freshness.
    fn stale(&self) -> &Arc<Evidence> {
        if self.evidence.stale {
            return &self.evidence;
        }
        self.stale.get_or_init(|| {
            Arc::new(Evidence {
                stale: true,
                ..(*self.evidence).clone()
            })
        })
    }
}

/// What the cache says of a key.
pub(crate) enum Known {
    /// As good as asking.
    Fresh(Arc<Evidence>),
    /// As good as asking, and better asked again in the background.
    Ageing(Arc<Evidence>),
    /// Good if nothing better can be had in time.
    Old {
        evidence: Arc<Evidence>,
        /// Whether the registry failed just now, so that nothing better is to be expected.
        failing: bool,
    },
    Nothing,
}

#[derive(Clone)]
pub(crate) struct ListCache {
    entries: Cache<ListKey, Entry>,
    config: Arc<CacheConfig>,
    contents: Arc<ContentCache>,
    disk: Option<Writer>,
}

impl ListCache {
    pub(super) fn new(config: &CacheConfig, contents: Arc<ContentCache>, disk: Option<Writer>) -> Self {
        let entries = Cache::builder()
            .max_capacity(config.memory_bytes)
            .weigher(|_, entry: &Entry| u32::try_from(weight(&entry.evidence)).unwrap_or(u32::MAX))
            .time_to_live(config.stale.max(config.lists))
            .build();
        Self {
            entries,
            config: Arc::new(config.clone()),
            contents,
            disk,
        }
    }

    pub(crate) fn get(&self, key: &ListKey, now: Instant) -> Known {
        let Some(entry) = self.entries.get(key) else {
            return Known::Nothing;
        };
        if now >= entry.good_until {
            return match entry.whole.filter(|whole| now <= whole.until) {
                Some(whole) => Known::Old {
                    evidence: Arc::clone(whole.stale()),
                    failing: entry.failing_until.is_some_and(|until| now < until),
                },
                None => Known::Nothing,
            };
        }
        if now >= entry.renew_from {
            Known::Ageing(entry.evidence)
        } else {
            Known::Fresh(entry.evidence)
        }
    }

    /// Whatever there is, however old, if it still counts. For who has asked in vain.
    pub(crate) fn known(&self, key: &ListKey, now: Instant) -> Option<Arc<Evidence>> {
        match self.get(key, now) {
            Known::Fresh(evidence) | Known::Ageing(evidence) | Known::Old { evidence, .. } => Some(evidence),
            Known::Nothing => None,
        }
    }

    /// Takes from disk what was known before a restart, if memory knows nothing. Whether there was something.
    pub(crate) async fn load(&self, key: &ListKey) -> bool {
        let Some(writer) = &self.disk else { return false };
        if !matches!(self.get(key, Instant::now()), Known::Nothing) {
            return false;
        }
        let (disk, contents, wanted) = (Arc::clone(writer.disk()), Arc::clone(&self.contents), key.clone());
        let read = move || persisted::read(&disk, &wanted, |digest| contents.get_blocking(digest));
        let Some(evidence) = writer.readers().read(read).await else {
            return false;
        };
        let entry = self.loaded(evidence, Instant::now(), Timestamp::now());
        let usable = entry.is_some();
        match entry {
            Some(entry) => self.entries.insert(key.clone(), entry),
            None => self.forget(key),
        }
        usable
    }

    /// What evidence from before a restart is worth, by the one clock that outlives it. Where that clock went backwards
    /// the age is not known: the evidence is not fresh, and as old as it seems young.
    fn loaded(&self, evidence: Arc<Evidence>, now: Instant, at: Timestamp) -> Option<Entry> {
        let age = Duration::try_from(at.duration_since(evidence.as_of).abs()).ok()?;
        let left = self.config.stale.checked_sub(age)?;
        let life = if evidence.as_of <= at {
            self.life(&evidence)
        } else {
            Duration::ZERO
        };
        Some(Entry {
            good_until: now + life.saturating_sub(age),
            renew_from: now + renewed_after(life).saturating_sub(age),
            whole: Some(Whole::new(&evidence, now + left)),
            evidence,
            failing_until: None,
        })
    }

    /// Keeps what was gathered, and gives back what it amounts to together with what was known before.
    pub(crate) fn put(&self, key: &ListKey, evidence: Evidence, now: Instant) -> Arc<Evidence> {
        let before = self.entries.get(key);
        let outage = evidence.gaps.iter().any(|gap| is_outage(&gap.cause));
        let entry = if outage {
            let old = before.as_ref().and_then(|entry| entry.whole.clone());
            let entry = self.with_outage(evidence, before, now);
            if let (Some(old), Some(new)) = (old, &entry.whole)
                && old.evidence.items.iter().any(|item| !new.evidence.items.contains(item))
            {
                // What a place no longer holds is not to come back with a restart.
                self.forget(key);
            }
            entry
        } else {
            let entry = self.whole(evidence, now);
            self.persist(key, &entry.evidence);
            entry
        };
        let evidence = Arc::clone(&entry.evidence);
        self.entries.insert(key.clone(), entry);
        evidence
    }

    /// Waits a while until all that was to be on disk is. Whether it is.
    pub(crate) fn settle(&self, patience: Duration) -> bool {
        self.disk.as_ref().is_none_or(|disk| disk.settle(patience))
    }

    /// What is worth something after a restart is kept on disk. What is not takes the place of what was: a signature that
    /// is gone, or a refusal, is not undone by starting again.
    fn persist(&self, key: &ListKey, evidence: &Arc<Evidence>) {
        if self.life(evidence) < self.config.lists {
            self.forget(key);
        } else if let Some(disk) = &self.disk {
            disk.list(persisted::name(disk.disk(), key), evidence, weight(evidence));
        }
    }

    fn forget(&self, key: &ListKey) {
        if let Some(disk) = &self.disk {
            disk.forget(persisted::name(disk.disk(), key));
        }
    }

    fn life(&self, evidence: &Evidence) -> Duration {
        if evidence.gaps.iter().any(|gap| !gap.cause.is_content()) {
            self.config.failures
        } else if evidence.items.is_empty() {
            self.config.unsigned
        } else {
            self.config.lists
        }
    }

    fn whole(&self, evidence: Evidence, now: Instant) -> Entry {
        let evidence = Arc::new(evidence);
        let life = self.life(&evidence);
        Entry {
            good_until: now + life,
            renew_from: now + renewed_after(life),
            whole: Some(Whole::new(&evidence, now + self.config.stale)),
            evidence,
            failing_until: None,
        }
    }

    fn with_outage(&self, evidence: Evidence, before: Option<Entry>, now: Instant) -> Entry {
        let good_until = now + self.config.failures;
        let failing_until = Some(now + self.config.outage);
        let whole = before.as_ref().and_then(|entry| entry.whole.clone());
        let whole = whole.filter(|whole| now <= whole.until);
        if let Some(entry) = before.filter(|entry| now < entry.good_until && entry.whole.is_some()) {
            // It was asked again before its time, and in vain: it is as good as it was, and asked again a little later.
            return Entry {
                renew_from: now + self.config.lists.mul_f64(0.05),
                failing_until,
                ..entry
            };
        }
        let filled = whole.as_ref().and_then(|old| fill(&evidence, &old.evidence));
        let (evidence, whole) = match whole {
            // Nothing was learnt: what was known is the answer, and verdicts on it hold.
            Some(old) if filled.as_ref().is_some_and(|filled| says_the_same(filled, old.stale())) => {
                (Arc::clone(old.stale()), Some(old))
            }
            old => {
                let evidence = Arc::new(filled.unwrap_or(evidence));
                // What a place has answered replaces what was known of it, for longer than this moment; the age limit stays
                // that of what was known before.
                let whole = old.map(|old| Whole::new(&evidence, old.until));
                (evidence, whole)
            }
        };
        Entry {
            evidence,
            good_until,
            renew_from: good_until,
            whole,
            failing_until,
        }
    }
}

fn renewed_after(life: Duration) -> Duration {
    life.mul_f64(0.8)
}

/// Whether a verdict on one is one on the other.
fn says_the_same(one: &Evidence, other: &Evidence) -> bool {
    one.items == other.items
        && one.gaps == other.gaps
        && one.looked == other.looked
        && one.manifest == other.manifest
        && one.image.reference() == other.image.reference()
        && (one.as_of, one.stale) == (other.as_of, other.stale)
}

/// What evidence takes up, in bytes.
fn weight(evidence: &Evidence) -> u64 {
    const OVERHEAD: u64 = 512;
    let beside = |annotations: &std::collections::BTreeMap<String, String>| {
        let beside: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
        beside as u64
    };
    let content = |content: &Content| match content {
        Content::Simple {
            payload,
            signature,
            annotations,
        } => payload.size() + signature.len() as u64 + beside(annotations),
        Content::Envelope { envelope, annotations } => envelope.size() + beside(annotations),
        Content::Bundle(blob) => blob.size(),
    };
    let items: u64 = evidence
        .items
        .iter()
        .map(|item| OVERHEAD + content(&item.content))
        .sum();
    let rest = (evidence.gaps.len() + evidence.looked.len()) as u64 * OVERHEAD;
    let manifest = evidence.manifest.as_ref().map_or(0, countersign_image::Blob::size);
    OVERHEAD + items + rest + manifest
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
