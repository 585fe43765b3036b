//! Being killed at a step that a test names. What a release build does here is nothing.

/// The variable that names the step.
#[cfg(debug_assertions)]
const VARIABLE: &str = "COUNTERSIGN_DIES_AT";

/// Ends the process as SIGKILL does, where the environment names this step.
#[cfg(debug_assertions)]
pub(crate) fn at(step: &str) {
    if std::env::var(VARIABLE).is_ok_and(|named| named == step) {
        tracing::warn!(step, "killed, as the environment asks");
        // Nothing is flushed, nobody is told, no destructor runs.
        let _ = std::process::Command::new("kill")
            .args(["-KILL", &std::process::id().to_string()])
            .status();
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn at(_step: &str) {}
