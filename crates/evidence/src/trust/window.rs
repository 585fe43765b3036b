//! Spans of time in which a key, an authority or a log is believed.

use std::fmt;

use jiff::Timestamp;

/// A closed interval of time: both ends are inside. An end that is missing is open.
///
/// `trusted_root.json` must say when a window begins (protobuf-specs: "start … MUST be set"); a TrustRoot document need not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first moment that is inside.
    pub start: Option<Timestamp>,
    /// The last moment that is inside.
    pub end: Option<Timestamp>,
}

impl Window {
    /// The window without ends.
    pub const ALWAYS: Self = Self { start: None, end: None };

    /// Whether a moment is inside.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (Some(start), Some(end)) => write!(f, "{start} to {end}"),
            (Some(start), None) => write!(f, "{start} on"),
            (None, Some(end)) => write!(f, "the beginning to {end}"),
            (None, None) => f.write_str("the beginning on"),
        }
    }
}
