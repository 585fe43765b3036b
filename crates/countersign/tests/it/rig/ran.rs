//! What a command printed and how it ended.

use std::fmt;

use serde_json::Value;

use super::redaction::Redaction;

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// As printed; what [`fmt::Display`] shows is redacted.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    shown: [String; 3],
}

impl Ran {
    pub(super) fn new(words: &str, code: Option<i32>, stdout: &[u8], stderr: &[u8], redaction: &mut Redaction) -> Self {
        let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        let shown = redaction.apply([words, &stdout, &stderr]);
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

/// As in a terminal, with standard error last and the exit code where it is not 0.
impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [words, stdout, stderr] = &self.shown;
        writeln!(formatter, "$ countersign {words}")?;
        write!(formatter, "{stdout}")?;
        for line in stderr.lines() {
            writeln!(formatter, "2> {line}")?;
        }
        match self.code {
            Some(0) => Ok(()),
            Some(code) => writeln!(formatter, "[exit code {code}]"),
            None => writeln!(formatter, "[killed]"),
        }
    }
}
