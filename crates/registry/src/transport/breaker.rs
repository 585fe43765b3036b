//! A host that fails and fails is left alone for a moment, so that who waits for it waits for nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Failure;
use crate::trouble::Trouble;

/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
/// How long it stays open at first; each failed probe doubles it.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long it stays open at most: a host that is back is asked again before who was told to retry loses patience.
const LONGEST: Duration = Duration::from_secs(10);

/// Counts the failures of one host. Only trouble with the host itself is told to it.
#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
    /// Told when a probe has ended.
    probed: Notify,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// How often it opened since the last success.
    openings: u32,
    /// Until when it is open, and what opened it.
    open_until: Option<(Instant, Trouble)>,
    probing: bool,
}

/// Held by the one request that finds out whether the host is back.
#[derive(Debug)]
pub(super) struct Probe<'a>(Option<&'a Breaker>);

enum Admitted<'a> {
    Through(Probe<'a>),
    AfterProbe,
    Not(Trouble),
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
            probed: Notify::new(),
        }
    }

    /// Lets a request through, unless the host is left alone at the moment. When that moment is over, one request goes
    /// ahead, and the others wait for how it fares.
    pub(super) async fn pass(&self) -> Result<Probe<'_>, Failure> {
        loop {
            let probed = self.probed.notified();
            tokio::pin!(probed);
            // From here on no end of a probe is missed.
            probed.as_mut().enable();
            match self.admit(Instant::now()) {
                Admitted::Through(probe) => return Ok(probe),
                Admitted::Not(trouble) => return Err(Failure::final_(trouble)),
                Admitted::AfterProbe => probed.await,
            }
        }
    }

    fn admit(&self, now: Instant) -> Admitted<'_> {
        let mut state = self.state();
        match &state.open_until {
            None => Admitted::Through(Probe(None)),
            Some((until, cause)) if now < *until => Admitted::Not(Trouble::BreakerOpen {
                failures: state.failures,
                retry_after: until.saturating_duration_since(now),
                cause: Box::new(cause.clone()),
            }),
            Some(_) if state.probing => Admitted::AfterProbe,
            Some(_) => {
                state.probing = true;
                Admitted::Through(Probe(Some(self)))
            }
        }
    }

    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        *state = State {
            probing: state.probing,
            ..State::default()
        };
    }

    pub(super) fn failed(&self, now: Instant, cause: &Trouble) {
        let mut state = self.state();
        if state.open_until.as_ref().is_some_and(|(until, _)| now < *until) {
            // One of those that were on their way when it opened.
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= THRESHOLD {
            let pause = SHORTEST.saturating_mul(1 << state.openings.min(8)).min(LONGEST);
            state.openings = state.openings.saturating_add(1);
            state.open_until = Some((now + pause, cause.clone()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The counters are whole at every instruction.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.0 {
            breaker.state().probing = false;
            breaker.probed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> Trouble {
        Trouble::Unavailable { status: 500 }
    }

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.failed(now, &down());
        }
    }

    fn is_open(breaker: &Breaker, now: Instant) -> bool {
        !matches!(breaker.admit(now), Admitted::Through(_))
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
        let probe = breaker.admit(later);
        assert!(matches!(breaker.admit(later), Admitted::AfterProbe));
        drop(probe);
        let probe = breaker.admit(later);
        assert!(
            matches!(probe, Admitted::Through(_)),
            "a probe that came to nothing makes way for another"
        );
        breaker.failed(later, &down());
        drop(probe);
        assert!(is_open(&breaker, later + SHORTEST), "a failed probe doubles the pause");
        assert!(!is_open(&breaker, later + SHORTEST * 2));
    }

    #[tokio::test]
    async fn who_comes_during_a_probe_waits_for_it() {
        let breaker = Breaker::new();
        fail(&breaker, THRESHOLD, Instant::now().checked_sub(SHORTEST).unwrap());
        let probe = breaker.pass().await.unwrap();
        let waiting = breaker.pass();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        breaker.succeeded();
        drop(probe);
        assert!(waiting.await.is_ok());
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
        breaker.failed(now, &down());
        assert!(is_open(&breaker, now + LONGEST - Duration::from_millis(1)));
        assert!(!is_open(&breaker, now + LONGEST));
    }
}
