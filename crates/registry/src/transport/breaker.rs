//! A host that fails and fails is left alone for a moment, so that who waits for it waits for nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Failure;
use crate::trouble::Trouble;

/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
/// How long it stays open at first; each failed probe doubles it.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long it stays open at most.
const LONGEST: Duration = Duration::from_secs(30);

/// Counts the failures of one host. Only trouble with the host itself is told to it.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// How often it opened since the last success.
    openings: u32,
    open_until: Option<Instant>,
    probing: bool,
}

/// Held by the one request that finds out whether the host is back.
#[derive(Debug)]
pub(super) struct Probe<'a>(Option<&'a Breaker>);

impl Breaker {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::default()))
    }

    /// Lets a request through, unless the host is left alone at the moment. When that moment is over, one request goes
    /// ahead of all others.
    pub(super) fn pass(&self, now: Instant) -> Result<Probe<'_>, Failure> {
        let mut state = self.state();
        let Some(until) = state.open_until else { return Ok(Probe(None)) };
        if now >= until && !state.probing {
            state.probing = true;
            return Ok(Probe(Some(self)));
        }
        let retry_after = until.saturating_duration_since(now);
        Err(Failure::final_(Trouble::BreakerOpen { failures: state.failures, retry_after }))
    }

    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        *state = State { probing: state.probing, ..State::default() };
    }

    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.state();
        if state.open_until.is_some_and(|until| now < until) {
            // One of those that were on their way when it opened.
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= THRESHOLD {
            let pause = SHORTEST.saturating_mul(1 << state.openings.min(8)).min(LONGEST);
            state.openings = state.openings.saturating_add(1);
            state.open_until = Some(now + pause);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The counters are whole at every instruction.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.0 {
            breaker.state().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.failed(now);
        }
    }

    fn is_open(breaker: &Breaker, now: Instant) -> bool {
        breaker.pass(now).is_err()
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_with_one_success() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        fail(&breaker, THRESHOLD - 1, now);
        assert!(!is_open(&breaker, now));
        breaker.succeeded();
        fail(&breaker, THRESHOLD - 1, now);
        assert!(!is_open(&breaker, now));
        fail(&breaker, 1, now);
        assert!(is_open(&breaker, now));
        let later = now + SHORTEST;
        assert!(!is_open(&breaker, later));
        breaker.succeeded();
        fail(&breaker, THRESHOLD - 1, later);
        assert!(!is_open(&breaker, later));
    }

    #[test]
    fn one_request_finds_out_whether_the_host_is_back() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        fail(&breaker, THRESHOLD, now);
        let later = now + SHORTEST;
        let probe = breaker.pass(later).unwrap();
        assert!(is_open(&breaker, later));
        drop(probe);
        let probe = breaker.pass(later).unwrap();
        breaker.failed(later);
        drop(probe);
        assert!(is_open(&breaker, later + SHORTEST), "a failed probe doubles the pause");
        assert!(!is_open(&breaker, later + SHORTEST * 2));
    }

    #[test]
    fn a_burst_that_fails_counts_as_one_opening() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        fail(&breaker, 1000, now);
        assert!(!is_open(&breaker, now + SHORTEST));
    }

    #[test]
    fn the_pause_has_an_end() {
        let (breaker, mut now) = (Breaker::new(), Instant::now());
        for _ in 0..100 {
            fail(&breaker, THRESHOLD, now);
            now += LONGEST;
            assert!(!is_open(&breaker, now));
        }
        breaker.failed(now);
        assert!(is_open(&breaker, now + LONGEST - Duration::from_millis(1)));
        assert!(!is_open(&breaker, now + LONGEST));
    }
}
