//! What the service counts. Labels have values from closed lists, so that no caller can make a series of its own.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCode {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAction {
    action: &'static str,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Series>);

#[derive(Debug)]
struct Series {
    registry: Registry,
    entered: Family<OfState, Counter>,
    failed: Family<OfCode, Counter>,
    refused: Family<OfCode, Counter>,
    put_off: Family<OfAction, Counter>,
    worked: Family<OfAction, Histogram, fn() -> Histogram>,
    healed: Counter,
    catalog_refused: Counter,
    tree: Gauge,
    signed: Gauge,
    oldest_work: Gauge<f64, AtomicU64>,
}

fn seconds() -> Histogram {
    Histogram::new([0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0])
}

impl Metrics {
    /// With everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut series = Series {
            registry: Registry::with_prefix("countersign_signing"),
            entered: Family::default(),
            failed: Family::default(),
            refused: Family::default(),
            put_off: Family::default(),
            worked: Family::new_with_constructor(seconds as fn() -> Histogram),
            healed: Counter::default(),
            catalog_refused: Counter::default(),
            tree: Gauge::default(),
            signed: Gauge::default(),
            oldest_work: Gauge::default(),
        };
        let registry = &mut series.registry;
        registry.register(
            "submissions",
            "Submissions that entered a state",
            series.entered.clone(),
        );
        registry.register("failures", "Submissions that failed, by code", series.failed.clone());
        registry.register(
            "refused_tokens",
            "Tokens that were refused, by reason",
            series.refused.clone(),
        );
        registry.register("put_off", "Work that was put off, by kind", series.put_off.clone());
        registry.register(
            "work_seconds",
            "How long a piece of work took, by kind",
            series.worked.clone(),
        );
        registry.register("healed", "Images whose signatures were put back", series.healed.clone());
        registry.register(
            "gates_refused",
            "Looks at the gates that found something that cannot be read",
            series.catalog_refused.clone(),
        );
        registry.register(
            "ledger_entries",
            "Entries of the ledger that are in its tree",
            series.tree.clone(),
        );
        registry.register(
            "ledger_signed",
            "Size of the newest signed checkpoint",
            series.signed.clone(),
        );
        registry.register(
            "oldest_work_seconds",
            "How long the oldest piece of work that is due has waited",
            series.oldest_work.clone(),
        );
        Self(Arc::new(series))
    }

    pub(crate) fn entered(&self, state: &'static str) {
        self.0.entered.get_or_create(&OfState { state }).inc();
    }

    pub(crate) fn failed(&self, code: &'static str) {
        self.0.failed.get_or_create(&OfCode { code }).inc();
    }

    pub(crate) fn token_refused(&self, code: &'static str) {
        self.0.refused.get_or_create(&OfCode { code }).inc();
    }

    pub(crate) fn put_off(&self, action: &'static str) {
        self.0.put_off.get_or_create(&OfAction { action }).inc();
    }

    pub(crate) fn worked(&self, action: &'static str, took: Duration) {
        let of = OfAction { action };
        self.0.worked.get_or_create(&of).observe(took.as_secs_f64());
    }

    pub(crate) fn healed(&self) {
        self.0.healed.inc();
    }

    pub(crate) fn catalog_refused(&self) {
        self.0.catalog_refused.inc();
    }

    pub(crate) fn ledger(&self, size: u64) {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.0.tree.set(size);
        self.0.signed.set(size);
    }

    /// The exposition, in OpenMetrics' text, without the end that closes it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.0.registry).expect("writing into a string does not fail");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Two expositions as one: the first loses the line that ends it.
pub(crate) fn joined(first: &str, second: &str) -> String {
    let first = first.strip_suffix("# EOF\n").unwrap_or(first);
    format!("{first}{second}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_expositions_have_one_end() {
        let one = Metrics::new();
        one.entered("PUBLISHED");
        let both = joined(&one.text(), &Metrics::new().text());
        assert_eq!(both.matches("# EOF").count(), 1);
        assert!(
            both.ends_with("# EOF\n") && both.contains("countersign_signing_submissions_total{state=\"PUBLISHED\"} 1")
        );
    }
}
