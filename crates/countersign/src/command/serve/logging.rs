//! Logs go to standard error: text at a terminal, one JSON object a line elsewhere. Records have standard output to
//! themselves.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::panics;

const VARIABLE: &str = "COUNTERSIGN_LOG";

pub(super) fn start() -> Result<(), Failure> {
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => EnvFilter::try_new(&text).map_err(|_| {
            Failure::misuse(anyhow::anyhow!("`{text}` in {VARIABLE} does not say what to log"))
                .hint("write `error`, `warn`, `info`, `debug`, or such as `info,countersign_registry=debug`")
        })?,
        Err(_) => EnvFilter::new("info"),
    };
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start finds the first in place, and that one will do.
    let _ = if std::io::stderr().is_terminal() {
        logs.with_target(false).try_init()
    } else {
        logs.json().flatten_event(true).try_init()
    };
    panics::log();
    Ok(())
}
