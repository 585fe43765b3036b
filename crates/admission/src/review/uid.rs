//! The uid of a review that cannot be read as a whole: without it the API server discards the answer, and whoever asked
//! learns nothing of what is wrong.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::MAX_UID;

/// The uid, if one can be made out before the text breaks. Two different ones are none.
pub(super) fn of(body: &[u8]) -> Option<String> {
    let mut found = Found::Nothing;
    let probe = Probe {
        way: &["request", "uid"],
        found: &mut found,
    };
    // The caller has an error about the text already; what was seen before that is all that is wanted.
    let _ = probe.deserialize(&mut serde_json::Deserializer::from_slice(body));
    match found {
        Found::One(uid) if !uid.is_empty() && uid.len() <= MAX_UID => Some(uid),
        _ => None,
    }
}

enum Found {
    Nothing,
    One(String),
    Several,
}

/// Follows the names of the way through objects to a string, and notes it.
struct Probe<'f> {
    way: &'static [&'static str],
    found: &'f mut Found,
}

impl<'a> DeserializeSeed<'a> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.way.is_empty() {
            deserializer.deserialize_str(self)
        } else {
            deserializer.deserialize_map(self)
        }
    }
}

impl<'a> Visitor<'a> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a review")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.way.split_first() {
                Some((name, way)) if *name == key => map.next_value_seed(Probe {
                    way,
                    found: &mut *self.found,
                })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, uid: &str) -> Result<(), E> {
        *self.found = match self.found {
            Found::Nothing => Found::One(uid.to_owned()),
            Found::One(_) | Found::Several => Found::Several,
        };
        Ok(())
    }
}
