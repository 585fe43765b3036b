//! Every metric that countersign serves, declared once with its help text, and the only ways to change one.
//!
//! Names begin with `countersign_` (a contract with dashboards and alerts). A label is a closed enum or a word of a
//! fixed catalogue, or the name of one of a few trust roots; never a namespace, an image or a host: the number of series does
//! not depend on what callers send.

mod labels;
mod roots;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_roots::RootFacts;
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use labels::{
    AdmissionLabels, CacheLabels, DoorLabels, EndpointLabels, GenerationLabels, HandshakeLabels, ReasonLabels,
    RegistryLabels, ReloadLabels, VerdictLabels, VersionLabels,
};
pub use labels::{Cache, Door, Endpoint, HandshakeFailure, Lookup, Operation, Outcome, RegistryOutcome, Reload};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the admission histogram, in seconds: a warm answer is below a millisecond, the API server's own limit is thirty seconds.
const ADMISSION_BUCKETS: [f64; 15] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];

/// All metrics of one process. Cheap to clone; every clone counts into the same series.
#[derive(Clone)]
pub struct Metrics(Arc<Series>);

/// The series are many; whoever wants to read them has [`Metrics::text`].
impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

struct Series {
    registry: Registry,
    admission_requests: Family<AdmissionLabels, Counter>,
    admission_duration: Family<EndpointLabels, Histogram, fn() -> Histogram>,
    reasons: Family<ReasonLabels, Counter>,
    images_judged: Family<VerdictLabels, Counter>,
    cache_lookups: Family<CacheLabels, Counter>,
    registry_requests: Family<RegistryLabels, Counter>,
    records_lost: Counter,
    counted_elsewhere: OnceLock<Box<dyn Fn() -> Counted + Send + Sync>>,
    policies: Gauge,
    policy_errors: Gauge,
    policy_set: Family<GenerationLabels, Gauge>,
    policy_reloads: Family<ReloadLabels, Counter>,
    policy_last_reload: Gauge,
    certificate_expiry: Gauge,
    certificate_reloads: Family<ReloadLabels, Counter>,
    connections: Family<DoorLabels, Gauge>,
    handshake_failures: Family<HandshakeLabels, Counter>,
    in_flight: Family<DoorLabels, Gauge>,
    shed: Family<DoorLabels, Counter>,
    overdue: Family<DoorLabels, Counter>,
    panics: Family<DoorLabels, Counter>,
    roots: roots::RootSeries,
}

/// What others count, since the start: the caches, the registry client, the records.
#[derive(Clone, Debug)]
pub struct Counted {
    /// How often a cache gave this answer.
    pub lookups: Vec<(Cache, Lookup, u64)>,
    /// How many requests to registries ended in this way.
    pub registry_requests: Vec<(RegistryOutcome, u64)>,
    /// How many records could not be written.
    pub records_lost: u64,
    /// What is to be said of trust roots at this moment.
    pub roots: (Vec<RootFacts>, Timestamp),
}

/// What is to be said about a set of policies that came into force.
#[derive(Clone, Copy, Debug)]
pub struct PolicySetFacts<'a> {
    /// Policies in force.
    pub policies: usize,
    /// Documents that could not be read, whose last good form or whose refusal is in force.
    pub errors: usize,
    /// The set's identity.
    pub generation: &'a str,
    /// When it came into force.
    pub at: Timestamp,
}

impl Metrics {
    /// Declares every metric, with all series of closed labels at zero, so that a rate over them is defined from the start.
    pub fn new() -> Self {
        let mut series = Series::unregistered();
        let mut registry = Registry::with_prefix("countersign");
        series.register_admission(&mut registry);
        series.register_files(&mut registry);
        series.register_doors(&mut registry);
        series.registry = registry;
        series.start_at_zero();
        Self(Arc::new(series))
    }

    /// From now on what others count is read from there whenever somebody asks. Only the first call counts.
    pub fn follow(&self, counted: impl Fn() -> Counted + Send + Sync + 'static) {
        let _ = self.0.counted_elsewhere.set(Box::new(counted));
    }

    /// Everything in the OpenMetrics text format, [`CONTENT_TYPE`].
    pub fn text(&self) -> String {
        if let Some(counted) = self.0.counted_elsewhere.get() {
            self.0.take_over(&counted());
        }
        let mut text = String::new();
        encode(&mut text, &self.0.registry).expect("writing into a string does not fail");
        text
    }

    /// An admission request was answered.
    pub fn answered(&self, operation: Operation, endpoint: Endpoint, verdict: Outcome, took: Duration) {
        self.0
            .admission_requests
            .get_or_create(&AdmissionLabels {
                operation,
                endpoint,
                verdict,
            })
            .inc();
        self.0
            .admission_duration
            .get_or_create(&EndpointLabels { endpoint })
            .observe(took.as_secs_f64());
    }

    /// A reason with this code, from the catalogue of reasons, was given.
    pub fn reason(&self, code: &'static str) {
        self.0.reasons.get_or_create(&ReasonLabels { code }).inc();
    }

    /// One image was judged.
    pub fn image_judged(&self, verdict: Outcome) {
        self.0.images_judged.get_or_create(&VerdictLabels { verdict }).inc();
    }

    /// A cache was asked.
    pub fn cache(&self, cache: Cache, lookup: Lookup) {
        self.0.cache_lookups.get_or_create(&CacheLabels { cache, lookup }).inc();
    }

    /// A set of policies came into force.
    pub fn policies_loaded(&self, facts: PolicySetFacts<'_>) {
        self.0.policies.set(count(facts.policies));
        self.0.policy_errors.set(count(facts.errors));
        // One generation at a time: the family never holds more than one series.
        self.0.policy_set.clear();
        self.0
            .policy_set
            .get_or_create(&GenerationLabels {
                generation: facts.generation.to_owned(),
            })
            .set(1);
        self.0.policy_last_reload.set(facts.at.as_second());
        self.0
            .policy_reloads
            .get_or_create(&ReloadLabels {
                outcome: Reload::Loaded,
            })
            .inc();
    }

    /// The policies could not be read at all; the set in force stays.
    pub fn policies_refused(&self) {
        self.0
            .policy_reloads
            .get_or_create(&ReloadLabels {
                outcome: Reload::Refused,
            })
            .inc();
    }

    /// A serving certificate came into force.
    pub fn certificate_loaded(&self, not_after: Timestamp) {
        self.0.certificate_expiry.set(not_after.as_second());
        self.0
            .certificate_reloads
            .get_or_create(&ReloadLabels {
                outcome: Reload::Loaded,
            })
            .inc();
    }

    /// A new certificate was refused; the one in force stays.
    pub fn certificate_refused(&self) {
        self.0
            .certificate_reloads
            .get_or_create(&ReloadLabels {
                outcome: Reload::Refused,
            })
            .inc();
    }

    /// Counts a connection as open until the guard is dropped.
    pub fn connection(&self, door: Door) -> Held {
        Held::raise(self.0.connections.get_or_create_owned(&DoorLabels { door }))
    }

    /// A TLS handshake did not end in a connection.
    pub fn handshake_failed(&self, door: Door, cause: HandshakeFailure) {
        self.0
            .handshake_failures
            .get_or_create(&HandshakeLabels { door, cause })
            .inc();
    }

    /// Counts a request as in flight until the guard is dropped.
    pub fn request(&self, door: Door) -> Held {
        Held::raise(self.0.in_flight.get_or_create_owned(&DoorLabels { door }))
    }

    /// A request was turned away because too many were in flight.
    pub fn shed(&self, door: Door) {
        self.0.shed.get_or_create(&DoorLabels { door }).inc();
    }

    /// A request was given up at its deadline.
    pub fn overdue(&self, door: Door) {
        self.0.overdue.get_or_create(&DoorLabels { door }).inc();
    }

    /// Answering a request panicked.
    pub fn panicked(&self, door: Door) {
        self.0.panics.get_or_create(&DoorLabels { door }).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A gauge raised by one for as long as this lives.
#[derive(Debug)]
#[must_use = "the gauge falls when this is dropped"]
pub struct Held(Gauge);

impl Held {
    fn raise(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Series {
    fn take_over(&self, counted: &Counted) {
        let set = |counter: &Counter, value: u64| counter.inner().store(value, Ordering::Relaxed);
        for &(cache, lookup, value) in &counted.lookups {
            set(&self.cache_lookups.get_or_create(&CacheLabels { cache, lookup }), value);
        }
        for &(outcome, value) in &counted.registry_requests {
            set(
                &self.registry_requests.get_or_create(&RegistryLabels { outcome }),
                value,
            );
        }
        set(&self.records_lost, counted.records_lost);
        let (roots, now) = &counted.roots;
        self.roots.tell(roots, *now);
    }

    fn unregistered() -> Self {
        Self {
            registry: Registry::default(),
            admission_requests: Family::default(),
            admission_duration: Family::new_with_constructor(|| Histogram::new(ADMISSION_BUCKETS)),
            reasons: Family::default(),
            images_judged: Family::default(),
            cache_lookups: Family::default(),
            registry_requests: Family::default(),
            records_lost: Counter::default(),
            counted_elsewhere: OnceLock::new(),
            policies: Gauge::default(),
            policy_errors: Gauge::default(),
            policy_set: Family::default(),
            policy_reloads: Family::default(),
            policy_last_reload: Gauge::default(),
            certificate_expiry: Gauge::default(),
            certificate_reloads: Family::default(),
            connections: Family::default(),
            handshake_failures: Family::default(),
            in_flight: Family::default(),
            shed: Family::default(),
            overdue: Family::default(),
            panics: Family::default(),
            roots: roots::RootSeries::default(),
        }
    }

    // The library writes the full stop after a help text and `_total` after a counter's name.
    fn register_admission(&self, to: &mut Registry) {
        to.register(
            "admission_requests",
            "Admission requests answered, by operation, endpoint and verdict",
            self.admission_requests.clone(),
        );
        to.register(
            "admission_duration_seconds",
            "Time from the request's last byte read to its answer, by endpoint",
            self.admission_duration.clone(),
        );
        to.register(
            "reasons",
            "Reasons given in refusals and warnings, by code",
            self.reasons.clone(),
        );
        to.register(
            "images_judged",
            "Distinct images judged, by verdict",
            self.images_judged.clone(),
        );
        to.register(
            "cache_lookups",
            "Cache lookups, by cache and what it answered",
            self.cache_lookups.clone(),
        );
        to.register(
            "registry_requests",
            "Requests sent to image registries, by how they ended",
            self.registry_requests.clone(),
        );
        to.register(
            "records_lost",
            "Decision records that could not be written, because whoever reads them is too slow or gone",
            self.records_lost.clone(),
        );
    }

    fn register_files(&self, to: &mut Registry) {
        to.register("policies", "Policies in force", self.policies.clone());
        to.register(
            "policy_errors",
            "Policy documents that could not be read; what they govern is refused, or their last good form is in force",
            self.policy_errors.clone(),
        );
        to.register(
            "policy_set_info",
            "The generation of the policies in force",
            self.policy_set.clone(),
        );
        to.register(
            "policy_reloads",
            "Attempts to load changed policies, by outcome",
            self.policy_reloads.clone(),
        );
        to.register(
            "policy_last_reload_timestamp_seconds",
            "Unix time at which the policies in force were loaded",
            self.policy_last_reload.clone(),
        );
        to.register(
            "certificate_expiry_timestamp_seconds",
            "Unix time at which the serving certificate in force expires",
            self.certificate_expiry.clone(),
        );
        to.register(
            "certificate_reloads",
            "Attempts to load a changed serving certificate, by outcome",
            self.certificate_reloads.clone(),
        );
        self.roots.register(to);
    }

    fn register_doors(&self, to: &mut Registry) {
        let version: Family<VersionLabels, Gauge> = Family::default();
        version
            .get_or_create(&VersionLabels {
                version: env!("CARGO_PKG_VERSION"),
            })
            .set(1);
        to.register("build_info", "The version that is running", version);
        to.register("connections", "Open connections, by door", self.connections.clone());
        to.register(
            "handshake_failures",
            "TLS handshakes that did not end in a connection, by door and cause",
            self.handshake_failures.clone(),
        );
        to.register(
            "requests_in_flight",
            "Requests being answered, by door",
            self.in_flight.clone(),
        );
        to.register(
            "requests_shed",
            "Requests turned away because too many were in flight, by door",
            self.shed.clone(),
        );
        to.register(
            "requests_overdue",
            "Requests given up at their deadline, by door",
            self.overdue.clone(),
        );
        to.register(
            "requests_panicked",
            "Requests whose answering panicked, by door",
            self.panics.clone(),
        );
    }

    fn start_at_zero(&self) {
        for &verdict in Outcome::ALL {
            drop(self.images_judged.get_or_create(&VerdictLabels { verdict }));
            for &endpoint in Endpoint::ALL {
                for &operation in Operation::ALL {
                    drop(self.admission_requests.get_or_create(&AdmissionLabels {
                        operation,
                        endpoint,
                        verdict,
                    }));
                }
            }
        }
        for &cache in Cache::ALL {
            for &lookup in Lookup::ALL {
                drop(self.cache_lookups.get_or_create(&CacheLabels { cache, lookup }));
            }
        }
        for &outcome in RegistryOutcome::ALL {
            drop(self.registry_requests.get_or_create(&RegistryLabels { outcome }));
        }
        for &outcome in Reload::ALL {
            drop(self.policy_reloads.get_or_create(&ReloadLabels { outcome }));
            drop(self.certificate_reloads.get_or_create(&ReloadLabels { outcome }));
        }
        for &endpoint in Endpoint::ALL {
            drop(self.admission_duration.get_or_create(&EndpointLabels { endpoint }));
        }
        for &door in Door::ALL {
            drop(self.connections.get_or_create(&DoorLabels { door }));
            drop(self.in_flight.get_or_create(&DoorLabels { door }));
            for &cause in HandshakeFailure::ALL {
                drop(self.handshake_failures.get_or_create(&HandshakeLabels { door, cause }));
            }
            drop(self.shed.get_or_create(&DoorLabels { door }));
            drop(self.overdue.get_or_create(&DoorLabels { door }));
            drop(self.panics.get_or_create(&DoorLabels { door }));
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
