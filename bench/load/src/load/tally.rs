//! What came of the questions.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use super::Answer;
use super::target::{Kind, Question};

/// The longest time that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// What was measured of one drive.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Answers that are no refusals.
    pub accepted: u64,
    /// All others; a scenario that expects none fails at one.
    pub refused: u64,
    /// What the first refusal said.
    pub first_refusal: Option<String>,
    /// From the first question to the last answer.
    pub took: Duration,
    /// Nanoseconds, of the usual questions.
    pub latency: Histogram<u64>,
    /// Nanoseconds, of the others.
    pub other_latency: Histogram<u64>,
}

impl Measured {
    /// Answers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.answered() as f64 / self.took.as_secs_f64()
    }

    /// All answers.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.accepted + self.refused
    }

    /// Itself, if nothing was refused.
    ///
    /// # Errors
    /// Where something was: then something else was measured than was meant to be.
    pub fn all_accepted(self) -> Result<Self> {
        anyhow::ensure!(
            self.refused == 0,
            "{} of {} questions were refused, the first with: {}",
            self.refused,
            self.answered(),
            self.first_refusal.unwrap_or_default()
        );
        Ok(self)
    }
}

/// What is being counted, by the one thread that asks.
pub(super) struct Tally {
    accepted: Cell<u64>,
    refused: Cell<u64>,
    first_refusal: RefCell<Option<String>>,
    usual: RefCell<Histogram<u64>>,
    other: RefCell<Histogram<u64>>,
}

impl Tally {
    pub(super) fn new() -> Result<Self> {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let histogram = || Histogram::new_with_bounds(1_000, longest, 3).context("no histogram");
        Ok(Self {
            accepted: Cell::new(0),
            refused: Cell::new(0),
            first_refusal: RefCell::new(None),
            usual: RefCell::new(histogram()?),
            other: RefCell::new(histogram()?),
        })
    }

    pub(super) fn count(&self, question: &Question, answer: &Answer, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let histogram = match question.kind {
            Kind::Usual => &self.usual,
            Kind::Other => &self.other,
        };
        histogram.borrow_mut().saturating_record(nanoseconds);
        let (status, part) = question.accepted;
        if answer.status == status && holds(&answer.body, part) {
            self.accepted.set(self.accepted.get() + 1);
        } else {
            self.refused.set(self.refused.get() + 1);
            self.first_refusal.borrow_mut().get_or_insert_with(|| {
                let body = String::from_utf8_lossy(&answer.body);
                format!("{} {body}", answer.status)
            });
        }
    }

    pub(super) fn measured(&self, took: Duration) -> Result<Measured> {
        Ok(Measured {
            accepted: self.accepted.get(),
            refused: self.refused.get(),
            first_refusal: self.first_refusal.take(),
            took,
            latency: self.usual.borrow().clone(),
            other_latency: self.other.borrow().clone(),
        })
    }
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}
