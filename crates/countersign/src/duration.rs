//! Durations as people write them on a command line: `250ms`, `10s`, `5m`, `24h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

#[derive(Debug, thiserror::Error)]
#[error("expected a number with a unit such as `250ms`, `10s`, `5m` or `24h`, found `{found}`")]
pub(crate) struct DurationError {
    found: String,
}

pub(crate) fn parse(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError { found: text.to_owned() };
    let unit_at = text
        .find(|character: char| !character.is_ascii_digit())
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(wrong)
}

/// The same in the configuration file, where the reader adds line and column to the error.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text).map_err(serde::de::Error::custom))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("10s", Some(10_000)),
            ("5m", Some(300_000)),
            ("24h", Some(86_400_000)),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(parse(text).ok().map(|found| found.as_millis()), expected, "{text}");
        }
    }
}
