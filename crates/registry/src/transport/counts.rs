//! How requests to registries ended, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Answer, Failure};
use crate::trouble::Trouble;

/// How often a request to any registry ended in each way, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCounts {
    /// With what was asked for, or the way to it.
    pub found: u64,
    /// With the answer that there is no such thing.
    pub not_found: u64,
    /// With a refusal; the one that says how to log in among them.
    pub denied: u64,
    /// With the wish to be left alone for a while.
    pub throttled: u64,
    /// With the answer that the registry cannot.
    pub unavailable: u64,
    /// Without an answer: no connection, or one that broke off.
    pub unreachable: u64,
    /// Without an answer in time.
    pub timed_out: u64,
    /// With an answer that breaks the protocol or a limit.
    pub content: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; 8]);

impl Counts {
    pub(super) fn count(&self, outcome: &Result<Answer, Failure>) {
        let place = match outcome {
            Ok(answer) => match (answer.outage(), answer.status.as_u16()) {
                (Some(Trouble::Throttled { .. }), _) => 3,
                (Some(_), _) => 4,
                (None, 404 | 410) => 1,
                (None, 401 | 403) => 2,
                (None, status) if status < 400 => 0,
                (None, _) => 4,
            },
            Err(failure) => match failure.trouble {
                Trouble::TimedOut { .. } => 6,
                Trouble::Content(_) => 7,
                _ => 5,
            },
        };
        self.0[place].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> RequestCounts {
        let [
            found,
            not_found,
            denied,
            throttled,
            unavailable,
            unreachable,
            timed_out,
            content,
        ] = [0, 1, 2, 3, 4, 5, 6, 7].map(|place: usize| self.0[place].load(Ordering::Relaxed));
        RequestCounts {
            found,
            not_found,
            denied,
            throttled,
            unavailable,
            unreachable,
            timed_out,
            content,
        }
    }
}
