//! The way to evidence that the door and the command line share: a client, and caches where there are any.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign_evidence::{Evidence, Gap, GapCause};
use countersign_image::{Digest, Pinned, Reference};
use jiff::Timestamp;

use crate::cache::{CacheConfig, CacheError, ContentCache, Known, LAST_MOMENT, ListCache, ListKey, TagCache, TagKey};
use crate::client::Client;
use crate::credential::Credentials;
use crate::flight::{Arrival, Flights};
use crate::gather::{GatherRequest, gather, gather_through};
use crate::trouble::Trouble;

/// Resolves and gathers. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Gatherer {
    client: Client,
    caches: Option<Arc<Caches>>,
}

#[derive(Debug)]
struct Caches {
    tags: TagCache,
    lists: ListCache,
    contents: Arc<ContentCache>,
    resolving: Flights<TagKey, Result<Digest, Trouble>>,
    gathering: Flights<ListKey, Arc<Evidence>>,
    longest_flight: Duration,
    patience: Duration,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    fresh: AtomicU64,
    stale: AtomicU64,
    gathered: AtomicU64,
}

/// How often the caches knew the evidence, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheCounts {
    /// The evidence was at hand and fresh.
    pub fresh: u64,
    /// The registry could not be reached, and older evidence was used.
    pub stale: u64,
    /// The registry was asked, or somebody was asking already.
    pub gathered: u64,
}

impl Gatherer {
    /// Asks the registries every time.
    pub fn uncached(client: Client) -> Self {
        Self { client, caches: None }
    }

    /// Asks through caches, one flight per key.
    pub fn cached(client: Client, config: CacheConfig) -> Result<Self, CacheError> {
        let config = &config;
        let caches = Caches {
            tags: TagCache::new(config),
            lists: ListCache::new(config),
            contents: Arc::new(ContentCache::open(config)?),
            resolving: Flights::new(),
            gathering: Flights::new(),
            longest_flight: config.flight,
            patience: config.patience,
            counts: Counts::default(),
        };
        Ok(Self {
            client,
            caches: Some(Arc::new(caches)),
        })
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How often the caches knew the evidence; nothing without caches.
    pub fn counts(&self) -> Option<CacheCounts> {
        let counts = &self.caches.as_ref()?.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Some(CacheCounts {
            fresh: read(&counts.fresh),
            stale: read(&counts.stale),
            gathered: read(&counts.gathered),
        })
    }

    /// The digest that a name means now.
    pub async fn resolve(
        &self,
        reference: &Reference,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Digest, Trouble> {
        let Some(caches) = &self.caches else {
            return self.client.resolve(reference, credentials, deadline).await;
        };
        if let Some(digest) = reference.digest() {
            return Ok(*digest);
        }
        let key = TagKey {
            repository: reference.repository().clone(),
            tag: reference.effective_tag(),
            scope: self.client.credential_scope(credentials, reference.repository()),
        };
        if let Some(outcome) = caches.tags.get(&key) {
            return outcome;
        }
        let began = Instant::now();
        let arrival = caches.resolving.join(&key, || {
            let (client, tags, key) = (self.client.clone(), caches.tags.clone(), key.clone());
            let (reference, credentials, until) =
                (reference.clone(), credentials.clone(), began + caches.longest_flight);
            async move {
                // A flight may have landed between the look into the cache and this one's start.
                if let Some(outcome) = tags.get(&key) {
                    return outcome;
                }
                let outcome = client.resolve(&reference, &credentials, until).await;
                tags.put(key, outcome.clone());
                outcome
            }
        });
        match tokio::time::timeout_at(deadline.into(), arrival).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => Err(Trouble::Unreachable {
                detail: BROKE_OFF.to_owned(),
            }),
            Err(_) => Err(Trouble::TimedOut { after: began.elapsed() }),
        }
    }

    /// Everything that is said about an image. Always returns; what could not be obtained is a gap.
    pub async fn gather(
        &self,
        image: &Pinned,
        request: &GatherRequest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Arc<Evidence> {
        match &self.caches {
            Some(caches) => named(
                self.gather_cached(caches, image, request, credentials, deadline).await,
                image,
            ),
            None => Arc::new(gather(&self.client, image, request, credentials, deadline).await),
        }
    }

    /// Begins to gather what somebody will ask for in a moment, unless it is known. Nobody waits for it, and without caches
    /// nobody would find it.
    pub fn begin(&self, image: &Pinned, request: &GatherRequest, credentials: &Credentials) {
        let Some(caches) = &self.caches else { return };
        let key = ListKey::of(&self.client, image, request, credentials);
        if matches!(caches.lists.get(&key, Instant::now()), Known::Nothing | Known::Old(_)) {
            drop(self.fly(caches, &key, image, credentials));
        }
    }

    async fn gather_cached(
        &self,
        caches: &Arc<Caches>,
        image: &Pinned,
        request: &GatherRequest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Arc<Evidence> {
        let began = Instant::now();
        let key = ListKey::of(&self.client, image, request, credentials);
        let fly = || self.fly(caches, &key, image, credentials);
        let old = match caches.lists.get(&key, began) {
            Known::Fresh(evidence) => {
                caches.counts.fresh.fetch_add(1, Ordering::Relaxed);
                return evidence;
            }
            Known::Ageing(evidence) => {
                // Nobody waits for this one: it is for the next who asks.
                drop(fly());
                caches.counts.fresh.fetch_add(1, Ordering::Relaxed);
                return evidence;
            }
            Known::Old(evidence) => Some(evidence),
            Known::Nothing => None,
        };
        caches.counts.gathered.fetch_add(1, Ordering::Relaxed);
        let mut until = deadline.checked_sub(LAST_MOMENT).unwrap_or(deadline);
        if old.is_some() {
            until = until.min(began + caches.patience);
        }
        let cause = match tokio::time::timeout_at(until.into(), fly()).await {
            Ok(Some(evidence)) => {
                if evidence.stale {
                    caches.counts.stale.fetch_add(1, Ordering::Relaxed);
                }
                return evidence;
            }
            Ok(None) => GapCause::Unreachable {
                detail: BROKE_OFF.to_owned(),
            },
            Err(_) => GapCause::TimedOut { after: began.elapsed() },
        };
        match old {
            Some(evidence) => {
                caches.counts.stale.fetch_add(1, Ordering::Relaxed);
                evidence
            }
            None => Arc::new(nothing(image, request, &cause)),
        }
    }

    fn fly(
        &self,
        caches: &Arc<Caches>,
        key: &ListKey,
        image: &Pinned,
        credentials: &Credentials,
    ) -> Arrival<Arc<Evidence>> {
        caches.gathering.join(key, || {
            let (client, lists, contents) = (self.client.clone(), caches.lists.clone(), Arc::clone(&caches.contents));
            let (key, image, credentials) = (key.clone(), image.clone(), credentials.clone());
            let until = Instant::now() + caches.longest_flight;
            async move {
                if let Known::Fresh(evidence) = lists.get(&key, Instant::now()) {
                    return evidence;
                }
                let evidence =
                    gather_through(&client, Some(&contents), &image, &key.request, &credentials, until).await;
                lists.put(&key, evidence, Instant::now())
            }
        })
    }
}

const BROKE_OFF: &str = "the request broke off inside this program";

/// Evidence that another spelling of the same image led to is told under the name that was asked for.
fn named(evidence: Arc<Evidence>, image: &Pinned) -> Arc<Evidence> {
    if evidence.image.reference() == image.reference() {
        return evidence;
    }
    Arc::new(Evidence {
        image: image.clone(),
        ..(*evidence).clone()
    })
}

/// What is known of an image when the time is up: that every place was not looked at.
fn nothing(image: &Pinned, request: &GatherRequest, cause: &GapCause) -> Evidence {
    let gap = |(repository, place)| Gap {
        repository,
        place,
        cause: cause.clone(),
    };
    Evidence {
        image: image.clone(),
        items: Vec::new(),
        gaps: request.look_in(image).into_iter().map(gap).collect(),
        looked: Vec::new(),
        manifest: None,
        as_of: Timestamp::now(),
        stale: false,
    }
}
