//! The exit codes that scripts rely on.

use std::process::ExitCode;

/// How a command ended. Several images: a denial outranks an undecided one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Admitted, or done.
    Done,
    /// Denied, or refused.
    Refused,
    /// The command was used wrongly: arguments, files, configuration.
    Misuse,
    /// No verdict could be reached, or it is still being waited for.
    Undecided,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Misuse => 2,
            Self::Undecided => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// `--help` and `--version` come to us as errors of the argument parser, and are none.
pub(crate) fn of_usage(usage: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's choice; there is nobody left to tell.
    let _ = usage.print();
    if usage.use_stderr() { Exit::Misuse.into() } else { Exit::Done.into() }
}
