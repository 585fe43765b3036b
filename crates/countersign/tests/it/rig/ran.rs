//! What a command printed and how it ended.

use std::fmt;

use serde_json::Value;

use super::redaction::Redaction;

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// As printed; what [`fmt::Display`] shows is redacted.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    shown: (String, String),
}

impl Ran {
    pub(super) fn new(code: Option<i32>, stdout: &[u8], stderr: &[u8], redaction: &Redaction) -> Self {
        let (stdout, stderr) = (
            String::from_utf8(stdout.to_vec()).unwrap(),
            String::from_utf8(stderr.to_vec()).unwrap(),
        );
        let shown = redaction.apply(&stdout, &stderr);
        Self {
            code,
            stdout,
            stderr,
            shown,
        }
    }

    /// Itself, if it ended with this code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The one JSON document on standard output; more or less than one is an error.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not one JSON document: {error}\n{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(formatter, "exit code {code}")?,
            None => writeln!(formatter, "killed")?,
        }
        let (stdout, stderr) = &self.shown;
        for (name, text) in [("stdout", stdout), ("stderr", stderr)] {
            if !text.is_empty() {
                write!(formatter, "--- {name}\n{text}")?;
            }
        }
        Ok(())
    }
}
