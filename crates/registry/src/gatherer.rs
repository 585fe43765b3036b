//! The way to evidence that the door and the command line share: a client, and caches where there are any.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use countersign_evidence::{Evidence, Gap, GapCause};
use countersign_image::{Digest, Pinned, Reference, Repository};
use jiff::Timestamp;
use moka::sync::Cache;
use tracing::debug;

use crate::cache::{
    self, CacheConfig, CacheError, ContentCache, Known, LAST_MOMENT, ListCache, ListKey, TagCache, TagKey,
};
use crate::client::Client;
use crate::credential::Credentials;
use crate::flight::Flights;
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
    gathering: Flights<ListKey, Landed>,
    names: Names,
    longest_flight: Duration,
    /// How long a registry that failed is taken to be failing.
    outage: Duration,
    patience: Duration,
    tag_counts: Counts,
    evidence_counts: Counts,
}

/// What a flight brought.
#[derive(Clone, Debug)]
struct Landed {
    evidence: Arc<Evidence>,
    /// Whether the registry was asked for it, and not only the disk.
    asked: bool,
}

/// How often the caches knew what was asked, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheCounts {
    /// Tags.
    pub tags: LookupCounts,
    /// Evidence.
    pub evidence: LookupCounts,
}

/// What one cache answered, how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupCounts {
    /// It was at hand and fresh.
    pub hits: u64,
    /// The registry was asked.
    pub misses: u64,
    /// Somebody was asking already.
    pub shared: u64,
    /// The registry could not be reached, and what was known from before was used.
    pub stale: u64,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    shared: AtomicU64,
    stale: AtomicU64,
}

impl Counts {
    fn read(&self) -> LookupCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LookupCounts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            shared: read(&self.shared),
            stale: read(&self.stale),
        }
    }

    /// Counts who found the answer at hand.
    fn at_hand(&self, stale: bool) {
        one_more(if stale { &self.stale } else { &self.hits });
    }

    /// Counts who asked, or found somebody asking since `began` already.
    fn asked(&self, began: Instant, arrived: Instant) {
        one_more(if began < arrived { &self.shared } else { &self.misses });
    }
}

fn one_more(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Gatherer {
    /// Asks the registries every time.
    pub fn uncached(client: Client) -> Self {
        Self { client, caches: None }
    }

    /// Asks through caches, one flight per key.
    pub fn cached(client: Client, config: CacheConfig) -> Result<Self, CacheError> {
        let config = &config;
        let (contents, lists) = cache::open(config)?;
        let caches = Caches {
            tags: TagCache::new(config),
            lists,
            contents,
            resolving: Flights::new(),
            gathering: Flights::new(),
            names: Names::new(),
            longest_flight: config.flight,
            outage: config.outage,
            patience: config.patience,
            tag_counts: Counts::default(),
            evidence_counts: Counts::default(),
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

    /// How often the caches knew what was asked; nothing without caches.
    pub fn counts(&self) -> Option<CacheCounts> {
        let caches = self.caches.as_ref()?;
        Some(CacheCounts {
            tags: caches.tag_counts.read(),
            evidence: caches.evidence_counts.read(),
        })
    }

    /// Waits at most `patience` until all that is to be kept on disk is there. Whether it is. Blocks the thread.
    pub fn settle(&self, patience: Duration) -> bool {
        self.caches.as_ref().is_none_or(|caches| caches.lists.settle(patience))
    }

    /// The digest that a name is known to mean, without asking anybody.
    pub fn known_digest(&self, reference: &Reference, credentials: &Credentials) -> Option<Digest> {
        if let Some(digest) = reference.digest() {
            return Some(*digest);
        }
        let caches = self.caches.as_ref()?;
        let digest = caches.tags.get(&self.tag_key(reference, credentials))?.ok()?;
        caches.tag_counts.at_hand(false);
        Some(digest)
    }

    fn tag_key(&self, reference: &Reference, credentials: &Credentials) -> TagKey {
        TagKey {
            repository: reference.repository().clone(),
            tag: reference.effective_tag(),
            scope: self.client.credential_scope(credentials, reference.repository()),
        }
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
        let key = self.tag_key(reference, credentials);
        if let Some(outcome) = caches.tags.get(&key) {
            caches.tag_counts.at_hand(false);
            return outcome;
        }
        let arrived = Instant::now();
        let joined = caches.resolving.join(&key, || {
            let (client, tags, key) = (self.client.clone(), caches.tags.clone(), key.clone());
            let (reference, credentials, until) =
                (reference.clone(), credentials.clone(), arrived + caches.longest_flight);
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
        let (arrival, began) = joined?;
        caches.tag_counts.asked(began, arrived);
        match tokio::time::timeout_at(deadline.into(), arrival).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => Err(Trouble::Unreachable {
                detail: BROKE_OFF.to_owned(),
            }),
            Err(_) => Err(self.client.trouble_since(reference.repository(), began, arrived)),
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
            Some(caches) => {
                let evidence = self.gather_cached(caches, image, request, credentials, deadline).await;
                caches.names.told(evidence, image)
            }
            None => Arc::new(gather(&self.client, image, request, credentials, deadline).await),
        }
    }

    /// What is known of an image without asking anybody. What is older than its freshness counts only while every registry
    /// that it came from fails: whoever keeps us from asking must not make us believe what is no longer so.
    pub fn known(&self, image: &Pinned, request: &GatherRequest, credentials: &Credentials) -> Option<Arc<Evidence>> {
        let caches = self.caches.as_ref()?;
        let key = ListKey::of(&self.client, image, request, credentials);
        let now = Instant::now();
        let evidence = match caches.lists.get(&key, now) {
            Known::Fresh(evidence) | Known::Ageing(evidence) => evidence,
            Known::Old { evidence, .. } if self.all_fail(caches, image, request, now) => evidence,
            Known::Old { .. } | Known::Nothing => return None,
        };
        caches.evidence_counts.at_hand(evidence.stale);
        Some(caches.names.told(evidence, image))
    }

    fn all_fail(&self, caches: &Caches, image: &Pinned, request: &GatherRequest, now: Instant) -> bool {
        let since = now.checked_sub(caches.outage).unwrap_or(now);
        let fails = |repository| self.client.failed_since(repository, since);
        let own = request.places.is_empty() || request.manifest;
        (!own || fails(image.repository())) && request.places.iter().all(|place| fails(&place.repository))
    }

    /// Begins to gather what somebody will ask for in a moment, unless it is known. Nobody waits for it, so that it is left
    /// undone where much else is under way; and without caches nobody would find it.
    pub fn begin(&self, image: &Pinned, request: &GatherRequest, credentials: &Credentials) {
        let Some(caches) = &self.caches else { return };
        let key = ListKey::of(&self.client, image, request, credentials);
        if matches!(
            caches.lists.get(&key, Instant::now()),
            Known::Nothing | Known::Old { .. }
        ) {
            self.fly_unasked(caches, &key, image, credentials);
        }
    }

    /// What is fresh is the answer. Who has something older waits for something better, but not for long, and not at all
    /// where the registry failed just now. Who has nothing waits to the end.
    async fn gather_cached(
        &self,
        caches: &Arc<Caches>,
        image: &Pinned,
        request: &GatherRequest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Arc<Evidence> {
        let arrived = Instant::now();
        let key = ListKey::of(&self.client, image, request, credentials);
        let counts = &caches.evidence_counts;
        let known = match caches.lists.get(&key, arrived) {
            Known::Fresh(evidence) => Some(evidence),
            Known::Ageing(evidence)
            | Known::Old {
                evidence,
                failing: true,
            } => {
                // Nobody waits for this one: it is for the next who asks.
                self.fly_unasked(caches, &key, image, credentials);
                Some(evidence)
            }
            Known::Old { failing: false, .. } | Known::Nothing => None,
        };
        if let Some(evidence) = known {
            counts.at_hand(evidence.stale);
            return evidence;
        }
        let older = || caches.lists.known(&key, Instant::now());
        let flying = caches
            .gathering
            .join(&key, || self.flight(caches, &key, image, credentials));
        let (arrival, began) = match flying {
            Ok(flight) => flight,
            Err(full) => {
                return older()
                    .unwrap_or_else(|| Arc::new(nothing(image, request, |_| Trouble::from(full).gap_cause())));
            }
        };
        let last = deadline.checked_sub(LAST_MOMENT).unwrap_or(deadline);
        // Counted from the flight's beginning: that it takes long already is known to all who come later.
        let patience = last.min(began + caches.patience);
        let mut landed = tokio::time::timeout_at(patience.into(), arrival.clone()).await;
        if landed.is_err() && older().is_none() {
            landed = tokio::time::timeout_at(last.into(), arrival).await;
        }
        if let Ok(Some(Landed { evidence, asked })) = &landed {
            if evidence.stale || !asked {
                counts.at_hand(evidence.stale);
            } else {
                counts.asked(began, arrived);
            }
            return Arc::clone(evidence);
        }
        if let Some(evidence) = older() {
            counts.at_hand(evidence.stale);
            return evidence;
        }
        counts.asked(began, arrived);
        let cause = |repository: &Repository| match landed {
            Ok(_) => GapCause::Unreachable {
                detail: BROKE_OFF.to_owned(),
            },
            Err(_) => self.client.trouble_since(repository, began, arrived).gap_cause(),
        };
        Arc::new(nothing(image, request, cause))
    }

    fn fly_unasked(&self, caches: &Caches, key: &ListKey, image: &Pinned, credentials: &Credentials) {
        let flight = || self.flight(caches, key, image, credentials);
        if !caches.gathering.begin(key, flight) {
            debug!(%image, "too much is under way: what nobody waits for is not begun");
        }
    }

    fn flight(
        &self,
        caches: &Caches,
        key: &ListKey,
        image: &Pinned,
        credentials: &Credentials,
    ) -> impl Future<Output = Landed> + Send + use<> {
        let (client, lists, contents) = (self.client.clone(), caches.lists.clone(), Arc::clone(&caches.contents));
        let (key, image, credentials) = (key.clone(), image.clone(), credentials.clone());
        let until = Instant::now() + caches.longest_flight;
        async move {
            let loaded = lists.load(&key).await;
            let known = match lists.get(&key, Instant::now()) {
                Known::Fresh(evidence) => Some(evidence),
                Known::Ageing(evidence) if loaded => Some(evidence),
                _ => None,
            };
            if let Some(evidence) = known {
                return Landed { evidence, asked: false };
            }
            let evidence = gather_through(&client, Some(&contents), &image, &key.request, &credentials, until).await;
            Landed {
                evidence: lists.put(&key, evidence, Instant::now()),
                asked: true,
            }
        }
    }
}

const BROKE_OFF: &str = "the request broke off inside this program";

/// Most spellings under which evidence is told that another one led to.
const MAX_NAMES: u64 = 1000;
/// How long such a spelling is remembered after it was asked for the last time.
const NAME_LIFE: Duration = Duration::from_secs(60);

/// Evidence that another spelling of the same image led to is told under the name that was asked for: the very same
/// evidence to all who ask for it so, as verdicts hold for the evidence that they were reached on.
#[derive(Debug)]
struct Names(Cache<String, Named>);

#[derive(Clone, Debug)]
struct Named {
    of: Weak<Evidence>,
    evidence: Arc<Evidence>,
}

impl Names {
    fn new() -> Self {
        let names = Cache::builder().max_capacity(MAX_NAMES).time_to_idle(NAME_LIFE);
        Self(names.build())
    }

    fn told(&self, evidence: Arc<Evidence>, image: &Pinned) -> Arc<Evidence> {
        // A name that was resolved and one that carries its digest already are written alike.
        let written = image.written();
        if evidence.image.written() == written {
            return evidence;
        }
        if let Some(named) = self.0.get(&written)
            && named.of.as_ptr() == Arc::as_ptr(&evidence)
        {
            return named.evidence;
        }
        let named = Named {
            of: Arc::downgrade(&evidence),
            evidence: Arc::new(Evidence {
                image: image.clone(),
                ..(*evidence).clone()
            }),
        };
        let evidence = Arc::clone(&named.evidence);
        self.0.insert(written, named);
        evidence
    }
}

/// What is known of an image when the time is up: that every place was not looked at.
fn nothing(image: &Pinned, request: &GatherRequest, cause: impl Fn(&Repository) -> GapCause) -> Evidence {
    let gap = |(repository, place)| Gap {
        cause: cause(&repository),
        repository,
        place,
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use countersign_evidence::Layouts;

    use super::*;

    fn request() -> GatherRequest {
        GatherRequest {
            places: Vec::new(),
            signatures: true,
            attestations: false,
            layouts: Layouts::ALL,
            manifest: false,
        }
    }

    /// Whoever may create objects names as many images as they like, one after the other.
    #[tokio::test]
    async fn a_flood_of_images_that_nobody_waits_for_is_not_all_under_way() {
        let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::new(crate::ClientConfig::default()).unwrap();
        let gatherer = Gatherer::cached(client, CacheConfig::standard()).unwrap();
        let name = Reference::parse(&format!("{}/app", hangs.local_addr().unwrap())).unwrap();
        for number in 0..3000_u32 {
            let image = name.resolved(Digest::sha256(&number.to_be_bytes()));
            gatherer.begin(&image, &request(), &Credentials::anonymous());
        }
        let flights = &gatherer.caches.as_ref().unwrap().gathering;
        assert_eq!(flights.under_way(), 2048);
    }
}
