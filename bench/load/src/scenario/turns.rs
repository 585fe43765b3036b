//! Two doors or more in turns within one run: what the machine does meanwhile meets all of them alike.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::load::{Measured, Pace, Protocol, Question, Target, drive};
use crate::process::Process;

/// A door that takes its turn.
pub struct Side {
    /// How it is reached.
    pub target: Target,
    /// Whose CPU time is counted.
    pub process: Process,
}

/// What came of one door's turns.
#[derive(Default)]
pub struct Run {
    turns: Vec<Turn>,
}

struct Turn {
    measured: Measured,
    cpu: Duration,
}

/// Asks each side for one turn after the other, so many times.
pub async fn interleave(
    sides: &[Side],
    rounds: usize,
    protocol: Protocol,
    pace: Pace,
    questions: &Arc<[Question]>,
) -> Result<Vec<Run>> {
    let each = vec![Arc::clone(questions); sides.len()];
    interleave_each(sides, rounds, protocol, pace, &each).await
}

/// The same, where each side has questions of its own.
pub async fn interleave_each(
    sides: &[Side],
    rounds: usize,
    protocol: Protocol,
    pace: Pace,
    questions: &[Arc<[Question]>],
) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = sides.iter().map(|_| Run::default()).collect();
    for round in 0..rounds {
        // The order alternates, so that nobody is always the one who comes second.
        let mut order: Vec<usize> = (0..sides.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let Side { target, process } = &sides[number];
            let before = process.cpu()?;
            let measured = drive(target, protocol, pace, &questions[number])
                .await?
                .all_accepted()?;
            let cpu = process.cpu()?.saturating_sub(before);
            runs[number].turns.push(Turn { measured, cpu });
        }
    }
    Ok(runs)
}

impl Run {
    /// Answers a second: the median of the turns.
    #[must_use]
    pub fn rate(&self) -> f64 {
        median(self.turns.iter().map(|turn| turn.measured.rate()).collect())
    }

    /// CPU time for one answer in microseconds, over all turns.
    #[must_use]
    pub fn cpu_each(&self) -> f64 {
        let cpu: Duration = self.turns.iter().map(|turn| turn.cpu).sum();
        cpu.as_secs_f64() * 1e6 / self.answered() as f64
    }

    /// How many answers in all.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.turns.iter().map(|turn| turn.measured.answered()).sum()
    }

    /// The time in milliseconds within which so many of a hundred answers came: the median of the turns.
    #[must_use]
    pub fn percentile(&self, percentile: f64) -> f64 {
        let of_turn = |turn: &Turn| turn.measured.latency.value_at_percentile(percentile) as f64 / 1e6;
        median(self.turns.iter().map(of_turn).collect())
    }

    /// The rate over another's: the median over the rounds, each compared with its neighbour in time.
    #[must_use]
    pub fn rate_over(&self, other: &Self) -> f64 {
        let pairs = self.turns.iter().zip(&other.turns);
        median(
            pairs
                .map(|(own, other)| own.measured.rate() / other.measured.rate())
                .collect(),
        )
    }
}

/// The one in the middle.
#[must_use]
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => numbers[length / 2],
        length => f64::midpoint(numbers[length / 2 - 1], numbers[length / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 100.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 100.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
