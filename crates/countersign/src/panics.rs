//! What happens when we are wrong ourselves: a panic never looks like a verdict.
//!
//! It ends with an exit code of its own, which no script takes for `admitted`, and with a request to report it.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};

use crate::exit::Exit;
use crate::failure::Failure;

/// The message, the place and, where `RUST_BACKTRACE` asks for it, the way there.
pub(crate) fn report_briefly() {
    set_hook(Box::new(|panic| {
        let mut text = format!(
            "countersign made a mistake at {}: {}\n",
            place(panic),
            message(panic.payload())
        );
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text.push_str(&format!("{backtrace}\n"));
        }
        // Whoever closed standard error does not want to know.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }));
}

/// For a door, whose standard error is a stream of logs, and which answers the next request all the same.
pub(crate) fn log() {
    set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        tracing::error!(
            place = place(panic),
            message = message(panic.payload()),
            %backtrace,
            "countersign made a mistake"
        );
    }));
}

/// Runs a command; its panic is a failure like no other.
pub(crate) fn caught(command: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    // Nothing that the command had in its hands is looked at after a panic.
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|payload| {
        Err(Failure::new(Exit::Broken, anyhow::anyhow!("{}", message(&*payload)))
            .context("countersign made a mistake, and nothing was decided")
            .hint(
                "please report it, with the command and with what it prints with RUST_BACKTRACE=1 in its environment",
            ))
    })
}

fn place(panic: &PanicHookInfo<'_>) -> String {
    panic
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it left no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_with_an_exit_code_of_its_own() {
        let failure = caught(|| panic!("index {} is out of bounds", 7)).expect_err("it panicked");
        assert_eq!(failure.exit().code(), 101);
        assert_eq!(
            failure.to_string(),
            "countersign made a mistake, and nothing was decided: index 7 is out of bounds"
        );
    }

    #[test]
    fn what_does_not_panic_is_passed_on() {
        assert_eq!(caught(|| Ok(Exit::Undecided)).expect("it ended").code(), 3);
    }
}
