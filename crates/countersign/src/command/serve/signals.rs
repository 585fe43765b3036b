//! Being asked to stop.

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Resolves at the first `SIGTERM` or `SIGINT`. The handlers are in place when this returns.
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let failed = |error| Failure::misuse(anyhow::Error::from(error)).context("signals cannot be received");
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
