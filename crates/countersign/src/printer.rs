//! Everything that the commands say goes through here, so that `-o json` and pipes stay clean.
//!
//! Standard output has the result: lines for people, or exactly one JSON document, also where the command fails. Standard
//! error has the rest: errors, hints, notes, and progress at a terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::failure::Failure;

/// How results are printed.
// The names speak for themselves in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// The version that every JSON document of ours names; fields are only ever added.
pub(crate) const API_VERSION: &str = "countersign.dev/v1alpha1";

pub(crate) struct Printer {
    format: Format,
    progress: bool,
    documented: bool,
}

impl Printer {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            progress: io::stderr().is_terminal(),
            documented: false,
        }
    }

    /// A line of the result, for people; silent where a JSON document is asked for.
    pub(crate) fn line(&mut self, line: impl Display) {
        if self.format == Format::Text {
            write_out(&format!("{line}\n"));
        }
    }

    /// The result as it is, for people and pipes: a key, a completion script.
    pub(crate) fn raw(&mut self, text: &str) {
        if self.format == Format::Text {
            write_out(text);
        }
    }

    /// The result as the one document, for programs; silent for people.
    pub(crate) fn document(&mut self, kind: &str, mut fields: Value) {
        if self.format == Format::Text || self.documented {
            return;
        }
        let document = fields.as_object_mut().expect("a result document is a JSON object");
        document.insert("apiVersion".into(), json!(API_VERSION));
        document.insert("kind".into(), json!(kind));
        self.documented = true;
        write_out(&format!("{fields:#}\n"));
    }

    /// Where things stand, for somebody who waits at a terminal; silent in a pipe.
    pub(crate) fn progress(&mut self, line: impl Display) {
        if self.progress {
            write_error(&format!("{line}\n"));
        }
    }

    /// Something the person should know that is not the result.
    pub(crate) fn note(&mut self, line: impl Display) {
        write_error(&format!("{line}\n"));
    }

    pub(crate) fn failure(&mut self, failure: &Failure) {
        write_error(&format!("error: {failure}\n"));
        if let Some(advice) = failure.advice() {
            write_error(&format!("hint: {advice}\n"));
        }
        self.failure_document(failure);
    }

    /// The failure as the one document, where none was printed before it.
    pub(crate) fn failure_document(&mut self, failure: &Failure) {
        self.document(
            "Failure",
            json!({ "exit": failure.exit().code(), "message": failure.to_string(), "hint": failure.advice() }),
        );
    }
}

// A reader that closed the pipe has seen enough: writing to it is not an error of ours.
fn write_out(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn write_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
