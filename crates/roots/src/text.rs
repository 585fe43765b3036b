//! Texts for messages.

use std::error::Error;

/// No more than `limit` characters of what others wrote, without those that a terminal acts upon.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let mut characters = text
        .chars()
        .map(|character| if character.is_control() { '·' } else { character });
    let mut short: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// An error with everything behind it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
