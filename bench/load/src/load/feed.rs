//! Whose turn it is, and when.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::Semaphore;

use super::Pace;

/// Gives out turns to whoever is free.
pub(super) struct Feed {
    began: Instant,
    next: Cell<u64>,
    pace: Pace,
    /// One for each turn that has come, in the open loop.
    due: Arc<Semaphore>,
}

/// One question's turn.
pub(super) struct Turn {
    pub(super) number: usize,
    /// From when on its answer is waited for.
    pub(super) since: Instant,
}

impl Feed {
    /// For so many askers.
    pub(super) fn start(pace: Pace, askers: usize) -> Result<Self> {
        let feed = Self {
            began: Instant::now(),
            next: Cell::new(0),
            pace,
            due: Arc::new(Semaphore::new(0)),
        };
        if let Pace::Rate { times, .. } = pace {
            let (due, began) = (Arc::clone(&feed.due), feed.began);
            // The runtime's timer counts milliseconds, which is as long as a warm answer takes; a thread's sleep does not.
            std::thread::Builder::new()
                .name("pace".to_owned())
                .spawn(move || {
                    for number in 0..times {
                        let wait = (began + offset(pace, number)).saturating_duration_since(Instant::now());
                        if !wait.is_zero() {
                            std::thread::sleep(wait);
                        }
                        due.add_permits(1);
                    }
                    // Everyone who still waits is to find that it is over.
                    due.add_permits(askers);
                })
                .context("the pace's thread did not start")?;
        }
        Ok(feed)
    }

    /// The next turn, once it is due; nothing once all is asked.
    pub(super) async fn next(&self) -> Option<Turn> {
        match self.pace {
            Pace::For(duration) => (self.began.elapsed() < duration).then(|| self.turn(Instant::now()))?,
            Pace::Times(times) => (self.next.get() < times).then(|| self.turn(Instant::now()))?,
            Pace::Rate { times, .. } => {
                self.due.acquire().await.ok()?.forget();
                let number = self.next.get();
                (number < times).then(|| self.turn(self.began + offset(self.pace, number)))?
            }
        }
    }

    fn turn(&self, since: Instant) -> Option<Turn> {
        let number = self.next.replace(self.next.get() + 1);
        Some(Turn {
            number: usize::try_from(number).ok()?,
            since,
        })
    }

    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }
}

/// When a turn of the open loop is due, counted from the beginning.
fn offset(pace: Pace, number: u64) -> Duration {
    match pace {
        Pace::Rate { a_second, .. } => Duration::from_nanos(number.saturating_mul(1_000_000_000) / a_second.max(1)),
        Pace::For(_) | Pace::Times(_) => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_due_at_even_distances() {
        let pace = Pace::Rate {
            a_second: 400,
            times: 10,
        };
        assert_eq!(offset(pace, 0), Duration::ZERO);
        assert_eq!(offset(pace, 4), Duration::from_millis(10));
    }

    /// An asker that is late is late since its question was due, not since it came to ask it.
    #[tokio::test]
    async fn a_turn_that_is_taken_late_counts_from_when_it_was_due() {
        let pace = Pace::Rate {
            a_second: 1000,
            times: 3,
        };
        let feed = Feed::start(pace, 1).unwrap();
        // All three are due when the first is asked for.
        while feed.due.available_permits() < 4 {
            tokio::task::yield_now().await;
        }
        for number in 0..3_u64 {
            let turn = feed.next().await.unwrap();
            assert_eq!(turn.since, feed.began + Duration::from_millis(number));
        }
        assert!(feed.next().await.is_none());
    }
}
