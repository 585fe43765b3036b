//! What is told of trust roots.
//!
//! Their names are the only labels that are no closed list: they come out of the configuration and of TrustRoot documents, and
//! there are never more than [`countersign_roots::MAX_ROOTS`].

use std::sync::atomic::Ordering;

use countersign_roots::{Outcome, RootFacts};
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Default)]
pub(super) struct RootSeries {
    usable: Family<RootLabels, Gauge>,
    age: Family<RootLabels, Gauge>,
    expires: Family<RootLabels, Gauge>,
    refreshes: Family<RefreshLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RootLabels {
    root: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefreshLabels {
    root: String,
    outcome: &'static str,
}

impl RootSeries {
    pub(super) fn register(&self, to: &mut Registry) {
        to.register(
            "trust_root_usable",
            "Whether there is a trust root of this name: 1 where there is, 0 where what rests on it is undecided",
            self.usable.clone(),
        );
        to.register(
            "trust_root_age_seconds",
            "Time since the trust root in force was last verified at its source; of the embedded one, since its release",
            self.age.clone(),
        );
        to.register(
            "trust_root_expires_timestamp_seconds",
            "Unix time at which the first of the TUF metadata ends that the trust root in force rests on",
            self.expires.clone(),
        );
        to.register(
            "trust_root_refreshes",
            "Attempts to renew a trust root from its source, by how they ended",
            self.refreshes.clone(),
        );
    }

    /// Roots come and go with the documents that name them, and their series with them.
    pub(super) fn tell(&self, roots: &[RootFacts], now: Timestamp) {
        self.usable.clear();
        self.age.clear();
        self.expires.clear();
        self.refreshes.clear();
        for facts in roots {
            let labels = RootLabels {
                root: facts.name.clone(),
            };
            self.usable.get_or_create(&labels).set(facts.usable.into());
            if let Some(verified) = facts.verified {
                let age = now.duration_since(verified).as_secs();
                self.age.get_or_create(&labels).set(age.max(0));
            }
            if let Some(expires) = facts.expires {
                self.expires.get_or_create(&labels).set(expires.as_second());
            }
            // A root whose source is never asked has no series here.
            for outcome in Outcome::ALL.into_iter().filter(|_| facts.followed) {
                let labels = RefreshLabels {
                    root: facts.name.clone(),
                    outcome: outcome.word(),
                };
                let value = facts.attempts.get(&outcome).copied().unwrap_or_default();
                self.refreshes
                    .get_or_create(&labels)
                    .inner()
                    .store(value, Ordering::Relaxed);
            }
        }
    }
}
