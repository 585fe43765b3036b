//! What the service is told, beside its parts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use countersign_gate::{Tools, Verifier};
use countersign_image::Repository;

/// What the service is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://host[:port]` as pipelines reach it.
    pub public_url: String,
    /// Who decides, as verification summaries name it.
    pub verifier: Verifier,
    /// The registries that images may come from and go to, as images name them.
    pub registries: BTreeSet<String>,
    /// What tools look for.
    pub tools: Tools,
    /// The ledger's name.
    pub origin: String,
    /// Where a copy of the ledger is kept, if anywhere.
    pub mirror: Option<PathBuf>,
    /// Where the newest checkpoint is kept apart from the store, if anywhere.
    pub anchor: Option<PathBuf>,
    /// How much is taken on.
    pub limits: Limits,
}

/// How much is taken on, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most submissions of one repository that are not over.
    pub open_per_repository: u64,
    /// The most reports that are taken in at once.
    pub uploads: usize,
    /// The most submissions that are worked on at once.
    pub workers: usize,
    /// How long a submission may lie unsealed.
    pub unsealed: Duration,
    /// How long a submission may take in all, where its gate says nothing.
    pub total: Duration,
    /// How long outages are sat out before a submission fails.
    pub outages: Duration,
    /// How often what was published is looked at.
    pub heal_every: Duration,
    /// How long a piece of work is one worker's alone, between two signs of life.
    pub lease: Duration,
    /// How long one piece of work may take: what is asked of registries and vaults in one go.
    pub work: Duration,
    /// The pause after the first trouble; each further one is twice as long, up to `longest_pause`.
    pub first_pause: Duration,
    /// The longest pause between two attempts.
    pub longest_pause: Duration,
    /// How often leaves are gathered into the ledger's tree.
    pub integrate_every: Duration,
}

impl Limits {
    /// What is right for most.
    #[must_use]
    pub fn standard() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            open_per_repository: 50,
            uploads: 8,
            workers: 2 * cores,
            unsealed: Duration::from_secs(60 * 60),
            total: Duration::from_secs(7 * 24 * 60 * 60),
            outages: Duration::from_secs(24 * 60 * 60),
            heal_every: Duration::from_secs(15 * 60),
            lease: Duration::from_secs(30),
            work: Duration::from_secs(120),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            integrate_every: Duration::from_millis(200),
        }
    }

    /// The pause before the next attempt: twice as long each time, and a random part less, so that those who fell together do not
    /// come back together.
    #[must_use]
    pub fn pause(&self, attempt: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << attempt.min(16));
        let longest = doubled.min(self.longest_pause);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

impl Settings {
    /// Whether images of this repository may be looked at, and written to.
    #[must_use]
    pub fn speaks_to(&self, repository: &Repository) -> bool {
        self.registries.contains(repository.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_are_never_the_same() {
        let limits = Limits::standard();
        for (attempt, longest) in [(0, 1), (3, 8), (6, 60), (40, 60)] {
            let longest = Duration::from_secs(longest);
            let pauses: Vec<Duration> = (0..50).map(|_| limits.pause(attempt)).collect();
            assert!(pauses.iter().all(|pause| *pause <= longest && *pause >= longest / 2));
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "no jitter");
        }
    }
}
