//! What is wrong with a document, collected while it is read, in the words of policy-controller where it has some.

use std::sync::Arc;

use super::DocumentError;
use super::tree::Mark;

/// The most errors that are kept of one document.
const MAX_FAULTS: usize = 100;
/// The most characters of a value that are repeated in an error.
const MAX_QUOTED: usize = 120;

/// The errors of one document.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

#[derive(Debug)]
struct Fault {
    at: Mark,
    path: String,
    message: String,
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether anything is wrong with a field or in it.
    pub(crate) fn touch(&self, path: &str) -> bool {
        self.0.iter().any(|fault| fault.path.starts_with(path))
    }

    /// `message` names the field itself.
    pub(crate) fn add(&mut self, at: Mark, path: &str, message: String) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault {
                at,
                path: path.to_owned(),
                message,
            });
        }
    }

    /// None of these fields is there, and each would do.
    pub(crate) fn missing(&mut self, at: Mark, paths: &[String]) {
        self.listed(at, "missing field(s)", paths);
    }

    /// None of these fields is there, and exactly one must be.
    pub(crate) fn neither(&mut self, at: Mark, paths: &[String]) {
        self.listed(at, "expected exactly one, got neither", paths);
    }

    /// More than one of these fields is there, and at most one may be.
    pub(crate) fn both(&mut self, at: Mark, paths: &[String]) {
        self.listed(at, "expected exactly one, got both", paths);
    }

    /// This field may not be there.
    pub(crate) fn not_allowed(&mut self, at: Mark, path: &str, why: &str) {
        self.add(at, path, format!("must not set the field(s): {path}; {why}"));
    }

    /// The value cannot be used.
    pub(crate) fn invalid(&mut self, at: Mark, path: &str, value: &str, why: &str) {
        self.add(at, path, format!("invalid value: {}: {path}; {why}", quoted(value)));
    }

    fn listed(&mut self, at: Mark, what: &str, paths: &[String]) {
        let first = paths.first().cloned().unwrap_or_default();
        self.add(at, &first, format!("{what}: {}", paths.join(", ")));
    }

    pub(crate) fn into_errors(self, file: &Arc<str>) -> Vec<DocumentError> {
        let error = |fault: Fault| DocumentError {
            file: file.clone(),
            line: fault.at.line,
            column: fault.at.column,
            path: fault.path,
            message: fault.message,
        };
        self.0.into_iter().map(error).collect()
    }
}

/// A value for an error: on one line, without control characters, and not longer than a line.
pub(crate) fn quoted(value: &str) -> String {
    let mut text: String = value
        .trim_end()
        .chars()
        .take(MAX_QUOTED)
        .flat_map(|character| {
            let plain = !character.is_control();
            let escaped = (!plain).then(|| character.escape_default());
            plain
                .then_some(character)
                .into_iter()
                .chain(escaped.into_iter().flatten())
        })
        .collect();
    if value.trim_end().chars().count() > MAX_QUOTED {
        text.push('…');
    }
    text
}
