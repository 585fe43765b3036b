//! Logs go to standard error: text at a terminal, JSON elsewhere. Records have standard output to themselves.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

pub(super) fn start() {
    let filter = EnvFilter::try_from_env("COUNTERSIGN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start finds the first in place, and that one will do.
    let _ = if std::io::stderr().is_terminal() { logs.try_init() } else { logs.json().try_init() };
}
