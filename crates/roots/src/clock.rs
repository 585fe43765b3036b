//! What time it is, as far as trust roots are concerned.

use jiff::Timestamp;

/// What time it is. A judgement of another time rests on roots as they were believed then.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Somebody's clock.
    Running(fn() -> Timestamp),
    /// One moment, which does not pass.
    Standing(Timestamp),
}

impl Clock {
    pub(crate) fn now(self) -> Timestamp {
        match self {
            Self::Running(now) => now(),
            Self::Standing(at) => at,
        }
    }
}
