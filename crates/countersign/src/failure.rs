//! What is said when a command cannot do its work: the chain of causes once, and what to do next.

use std::fmt;

use crate::exit::Exit;

/// A command's failure, with the exit code it ends with and advice where there is any.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
            hint: None,
        }
    }

    pub(crate) fn misuse(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Misuse, error)
    }

    pub(crate) fn refused(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Refused, error)
    }

    pub(crate) fn undecided(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Undecided, error)
    }

    #[must_use]
    pub(crate) fn context(mut self, what: impl fmt::Display + Send + Sync + 'static) -> Self {
        self.error = self.error.context(what);
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// The whole chain, outermost first; no error repeats its source.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, cause) in self.error.chain().enumerate() {
            if depth > 0 {
                formatter.write_str(": ")?;
            }
            write!(formatter, "{cause}")?;
        }
        Ok(())
    }
}
