//! Waiting for a condition, and for no longer than it may take.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const BETWEEN: Duration = Duration::from_millis(40);

/// How long anything on this machine may take that is expected to happen at once; two busy cores are slow.
pub const SOON: Duration = Duration::from_secs(60);

/// Asks until there is an answer. An error of the question ends the wait; `None` means not yet.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            bail!("waited {} s for {what}, in vain", limit.as_secs());
        }
        thread::sleep(BETWEEN);
    }
}
