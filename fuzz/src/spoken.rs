//! What every error promises: a text that can be shown to anybody.

use std::error::Error;

use countersign_image::text::prints;

/// The longest text of one error, in bytes. What is quoted in it may be hostile, and is cut.
const MAX_TEXT: usize = 4096;

/// Holds an error and all its sources to their promise: bounded, one line, and nothing in it that a terminal obeys.
#[track_caller]
pub(crate) fn refusal(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        line(&error.to_string());
        next = error.source();
    }
}

/// The same for a text that is no error.
#[track_caller]
pub(crate) fn line(text: &str) {
    assert!(text.len() <= MAX_TEXT, "a text of {} bytes: {text:.200}", text.len());
    assert!(text.chars().all(prints), "a text with what does not print: {text:?}");
}

/// A text of several lines, each of which prints.
#[track_caller]
pub(crate) fn lines(text: &str) {
    assert!(
        text.chars().all(|character| character == '\n' || prints(character)),
        "a text with what does not print: {text:?}"
    );
}
