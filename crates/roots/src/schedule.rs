//! When a repository is asked again.

use std::time::Duration;

/// When a repository is asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long after a success.
    pub every: Duration,
    /// How long after the first failure; twice that after the next one, and so on.
    pub first_retry: Duration,
    /// The longest wait after a failure, unless `every` is shorter.
    pub longest_retry: Duration,
}

impl Schedule {
    /// Public-good's timestamp is signed anew every few days and its keys change a few times a year: four times a day is
    /// often, and an outage of a week is survived.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            every: Duration::from_hours(6),
            first_retry: Duration::from_mins(1),
            longest_retry: Duration::from_hours(1),
        }
    }

    /// How long to wait after so many failures in a row. `chance` is in `0.0..1.0`: a tenth more or less, so that a fleet that
    /// was started at once does not ask at once for ever.
    pub(crate) fn wait(&self, failures: u32, chance: f64) -> Duration {
        let wait = match failures.checked_sub(1) {
            None => self.every,
            Some(doublings) => {
                let factor = 2_u32.saturating_pow(doublings.min(20));
                self.first_retry
                    .saturating_mul(factor)
                    .min(self.longest_retry)
                    .min(self.every)
            }
        };
        wait.mul_f64(0.9 + chance.clamp(0.0, 1.0) / 5.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ_by_a_fifth() {
        let schedule = Schedule::standard();
        let minutes = |failures| schedule.wait(failures, 0.5).as_secs_f64() / 60.0;
        for (failures, expected) in [
            (0, 360.0),
            (1, 1.0),
            (2, 2.0),
            (3, 4.0),
            (6, 32.0),
            (7, 60.0),
            (u32::MAX, 60.0),
        ] {
            assert!(
                (minutes(failures) - expected).abs() < 0.001,
                "{failures}: {}",
                minutes(failures)
            );
        }
        assert_eq!(schedule.wait(1, 0.0), Duration::from_secs(54));
        assert_eq!(schedule.wait(1, 1.0), Duration::from_secs(66));
        let hasty = Schedule {
            every: Duration::from_secs(10),
            ..schedule
        };
        assert!(
            hasty.wait(9, 1.0) <= Duration::from_secs(11),
            "no failure is waited for longer than a success"
        );
    }
}
