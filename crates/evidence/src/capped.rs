//! Lists that somebody else wrote, of which only so many are kept.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The first elements of a list, and how many there were.
#[derive(Clone, Debug)]
pub(crate) struct Capped<T> {
    /// As many as are wanted at most.
    pub(crate) kept: Vec<T>,
    /// How many there were.
    pub(crate) found: usize,
}

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            found: 0,
        }
    }
}

/// Reads a list, or `null` for an empty one: `MOST` of its elements, while those after them are only counted.
pub(crate) fn capped<'de, D, T, const MOST: usize>(deserializer: D) -> Result<Capped<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Visit<T, const MOST: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Visit<T, MOST> {
        type Value = Capped<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E>(self) -> Result<Capped<T>, E> {
            Ok(Capped::default())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Capped<T>, A::Error> {
            let mut kept = Vec::new();
            while kept.len() < MOST {
                match list.next_element()? {
                    Some(element) => kept.push(element),
                    None => {
                        let found = kept.len();
                        return Ok(Capped { kept, found });
                    }
                }
            }
            let mut found = kept.len();
            while list.next_element::<IgnoredAny>()?.is_some() {
                found += 1;
            }
            Ok(Capped { kept, found })
        }
    }

    deserializer.deserialize_any(Visit::<T, MOST>(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Capped<u8>, serde_json::Error> {
        capped::<_, u8, 2>(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted_and_not_kept() {
        for (text, kept, found) in [
            ("null", &[][..], 0),
            ("[]", &[], 0),
            ("[1]", &[1], 1),
            ("[1, 2]", &[1, 2], 2),
            // Not even read as what it should be.
            (r#"[1, 2, {"a": "b"}, 4]"#, &[1, 2], 4),
        ] {
            let read = read(text).unwrap();
            assert_eq!((read.kept.as_slice(), read.found), (kept, found), "{text}");
        }
        for text in ["{}", "1", "[1, \"x\"]", "[1, 2", "[1, 2, "] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
