//! Spans of time as gates write them: `30m`, `24h`, `7d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// A span that is no span.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected a number with a unit, such as `30m`, `24h` or `7d`, found `{found}`")]
pub struct SpanError {
    found: String,
}

/// Reads a span.
pub fn parse(text: &str) -> Result<Duration, SpanError> {
    let wrong = || SpanError {
        found: countersign_image::text::excerpt(text, 40),
    };
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let seconds: u64 = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    // Times of ours end in the year 9999, and nothing that is older than a hundred years is looked at.
    let spans = number
        .checked_mul(seconds)
        .filter(|seconds| *seconds <= 100 * 366 * 86_400);
    spans.map(Duration::from_secs).ok_or_else(wrong)
}

pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text).map_err(serde::de::Error::custom))
        .transpose()
}

/// A span as it would be written.
pub fn written(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units
        .into_iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        for (text, expected) in [
            ("30s", Some(30)),
            ("24h", Some(86_400)),
            ("7d", Some(604_800)),
            ("0d", Some(0)),
            ("7", None),
            ("d", None),
            ("", None),
            ("1.5h", None),
            ("-1h", None),
            ("1w", None),
            ("7d ", None),
            ("999999999999d", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(parse(text).ok().map(|span| span.as_secs()), expected, "{text}");
        }
        for text in ["7d", "36h", "90s", "30m", "0s"] {
            assert_eq!(written(parse(text).unwrap()), text);
        }
    }
}
