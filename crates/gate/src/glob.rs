//! Patterns of names, as gates and bindings write them: `*` is anything but a `/`, `**` is anything.

use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// The longest pattern, in bytes.
pub const MAX_BYTES: usize = 512;
/// The most patterns of one list.
pub const MAX_PATTERNS: usize = 200;

/// One pattern. It is about the whole name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Byte(u8),
    WithinSegment,
    Anything,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected a pattern of 1 to {MAX_BYTES} printable characters with `*` and `**`, found `{found}`")]
pub struct GlobError {
    found: String,
}

impl Glob {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        // Braces, brackets and question marks mean something in other people's patterns, and would match nothing here.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"{}[]?\\".contains(&byte);
        if text.is_empty() || text.len() > MAX_BYTES || !text.bytes().all(is_plain) {
            return Err(GlobError {
                found: countersign_image::text::excerpt(text, 60),
            });
        }
        let mut parts = Vec::new();
        for byte in text.bytes() {
            match (byte, parts.last()) {
                (b'*', Some(Part::WithinSegment | Part::Anything)) => {
                    parts.pop();
                    parts.push(Part::Anything);
                }
                (b'*', _) => parts.push(Part::WithinSegment),
                (byte, _) => parts.push(Part::Byte(byte)),
            }
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a name is of this pattern. Steps are at most the product of both lengths.
    pub fn matches(&self, name: &str) -> bool {
        // `reached[i]`: the first i parts can have consumed all bytes so far.
        let mut reached = vec![false; self.parts.len() + 1];
        reached[0] = true;
        self.pass_stars(&mut reached);
        for byte in name.bytes() {
            let mut next = vec![false; reached.len()];
            for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match part {
                    Part::Byte(own) => next[at + 1] |= *own == byte,
                    Part::WithinSegment => next[at] |= byte != b'/',
                    Part::Anything => next[at] = true,
                }
            }
            reached = next;
            self.pass_stars(&mut reached);
        }
        reached[self.parts.len()]
    }

    fn pass_stars(&self, reached: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if reached[at] && !matches!(part, Part::Byte(_)) {
                reached[at + 1] = true;
            }
        }
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Lists of patterns, of each of which one has to match. A document writes one list; a floor adds its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globs(Vec<Vec<Glob>>);

impl Globs {
    /// One list; an empty one demands nothing.
    pub fn of(list: Vec<Glob>) -> Self {
        Self(if list.is_empty() { Vec::new() } else { vec![list] })
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is of one pattern of each list.
    pub fn accept(&self, name: &str) -> bool {
        self.0.iter().all(|list| list.iter().any(|glob| glob.matches(name)))
    }

    /// What both accept.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut lists = self.0.clone();
        lists.extend(other.0.iter().filter(|list| !self.0.contains(list)).cloned());
        Self(lists)
    }

    /// Every pattern, as it was written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(Glob::as_str)
    }
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<Glob>::deserialize(deserializer)?;
        if list.is_empty() || list.len() > MAX_PATTERNS {
            return Err(serde::de::Error::custom(format!(
                "expected from 1 to {MAX_PATTERNS} patterns, found {}",
                list.len()
            )));
        }
        Ok(Self(vec![list]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_its_segment_and_two_do_not() {
        for (pattern, name, expected) in [
            ("r.corp/unsigned/**", "r.corp/unsigned/a/b", true),
            ("r.corp/unsigned/**", "r.corp/unsigned", false),
            ("r.corp/unsigned/**", "r.corp/unsignedx/a", false),
            ("r.corp/unsigned/*", "r.corp/unsigned/a", true),
            ("r.corp/unsigned/*", "r.corp/unsigned/a/b", false),
            ("r.corp/*/api", "r.corp/pay/api", true),
            ("r.corp/*/api", "r.corp/pay/x/api", false),
            ("r.corp/**/api", "r.corp/pay/x/api", true),
            ("refs/tags/v*", "refs/tags/v1.2", true),
            ("refs/tags/v*", "refs/tags/v1/../../heads/main", false),
            ("refs/heads/main", "refs/heads/main2", false),
            ("refs/heads/main", "xrefs/heads/main", false),
            ("a.c", "abc", false),
            ("***", "a/b", true),
            ("*", "", true),
        ] {
            assert_eq!(
                Glob::parse(pattern).unwrap().matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn what_others_would_read_otherwise_is_no_pattern() {
        for text in ["", "a b", "a?", "{a,b}", "[ab]", "a\\*", "ä", &"a".repeat(513)] {
            assert!(Glob::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_more_than_its_product() {
        let pattern = Glob::parse(&"*a".repeat(250)).unwrap();
        assert!(
            !pattern.matches(&"a".repeat(10_000).replace("aaaaaaaaaa", "aaaaaaaaab")) || pattern.as_str().len() == 500
        );
    }

    #[test]
    fn of_two_lists_one_of_each_has_to_match() {
        let of = |texts: &[&str]| Globs::of(texts.iter().map(|text| Glob::parse(text).unwrap()).collect());
        let both = of(&["a*", "b*"]).and(&of(&["*x"]));
        for (name, expected) in [("ax", true), ("bx", true), ("a", false), ("cx", false)] {
            assert_eq!(both.accept(name), expected, "{name}");
        }
        assert!(Globs::default().accept("anything"));
    }
}
