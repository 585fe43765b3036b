//! What the registry client, its caches, the recorder and the trust roots count, in the terms of the metrics.

use countersign_registry::{CacheCounts, Gatherer, LookupCounts, RequestCounts};
use countersign_roots::TrustRootStore;
use jiff::Timestamp;

use crate::metrics::{Cache, Counted, Lookup, RegistryOutcome};
use crate::record::Recorder;

pub(crate) fn counted(
    gatherer: &Gatherer,
    recorder: &Recorder,
    roots: Option<&TrustRootStore>,
    now: Timestamp,
) -> Counted {
    let lookups = gatherer.counts().map(|CacheCounts { tags, evidence }| {
        let of = |cache, counts: LookupCounts| {
            [
                (cache, Lookup::Hit, counts.hits),
                (cache, Lookup::Miss, counts.misses),
                (cache, Lookup::Shared, counts.shared),
                (cache, Lookup::Stale, counts.stale),
            ]
        };
        [of(Cache::Tags, tags), of(Cache::Evidence, evidence)].concat()
    });
    let RequestCounts {
        found,
        not_found,
        denied,
        throttled,
        unavailable,
        unreachable,
        timed_out,
        content,
    } = gatherer.client().request_counts();
    Counted {
        lookups: lookups.unwrap_or_default(),
        registry_requests: vec![
            (RegistryOutcome::Found, found),
            (RegistryOutcome::NotFound, not_found),
            (RegistryOutcome::Denied, denied),
            (RegistryOutcome::Throttled, throttled),
            (RegistryOutcome::Unavailable, unavailable),
            (RegistryOutcome::Unreachable, unreachable),
            (RegistryOutcome::TimedOut, timed_out),
            (RegistryOutcome::Content, content),
        ],
        records_lost: recorder.lost(),
        roots: (roots.map(TrustRootStore::facts).unwrap_or_default(), now),
    }
}
