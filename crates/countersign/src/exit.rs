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
    /// We made a mistake: what Rust's own panics end with.
    Broken,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Misuse => 2,
            Self::Undecided => 3,
            Self::Broken => 101,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
