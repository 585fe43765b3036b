//! The walk over every value of a document, once: what is refused, it refuses; what is wanted, it keeps.
//!
//! Every review and every document out of a registry passes here: keys are borrowed from the text wherever they stand in
//! it as they are, and the way to a value is put together only for a refusal.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::error::{Refusal, malformed};
use super::kept::{Array, Object};
use super::keys::Keys;
use super::{JsonError, Kept, MAX_DEPTH, Wanted};

/// What the keys begin with by which serde_json speaks to itself.
pub(super) const RESERVED: &str = "$serde_json::private::";

/// What is wanted of a value, and where it is kept.
pub(super) type Keep<'k> = Option<(&'static Wanted, &'k mut Kept)>;

/// Walks over the whole of `text`.
pub(super) fn all(text: &str, keep: Keep<'_>) -> Result<(), JsonError> {
    let mut walk = Walk {
        keys: Keys::new(),
        refusal: None,
        way: Vec::new(),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let step = Step {
        walk: &mut walk,
        depth: 0,
        keep,
    };
    let walked = step.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match walk.refusal {
        Some(refusal) => Err(refusal.at(&walk.way)),
        None => walked.map_err(|error| malformed(&error)),
    }
}

struct Walk<'de> {
    keys: Keys<Cow<'de, str>>,
    refusal: Option<Refusal>,
    /// What leads to where it was refused, from the inside out.
    way: Vec<String>,
}

impl Walk<'_> {
    /// The error of a value inside, with where it stands if it is to be told.
    fn out_of<E>(&mut self, place: impl ToString, error: E) -> E {
        if self.refusal.is_some() {
            self.way.push(place.to_string());
        }
        error
    }
}

/// One step of the walk: the value at `depth`.
struct Step<'w, 'k, 'de> {
    walk: &'w mut Walk<'de>,
    depth: usize,
    keep: Keep<'k>,
}

impl Step<'_, '_, '_> {
    /// The depth of what is inside, if it is allowed to have an inside.
    fn inside<E: Error>(&mut self) -> Result<usize, E> {
        if self.depth == MAX_DEPTH {
            self.walk.refusal = Some(Refusal::TooDeep);
            return Err(E::custom("too deep"));
        }
        Ok(self.depth + 1)
    }

    fn keep(self, kept: impl FnOnce() -> Kept) {
        if let Some((_, place)) = self.keep {
            *place = kept();
        }
    }
}

impl<'de> DeserializeSeed<'de> for Step<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let depth = self.inside()?;
        let Self { walk, keep, .. } = self;
        let mut kept = keep.map(|(wanted, place)| {
            *place = Kept::Object(Object::new(wanted));
            place
        });
        let mut seen = walk.keys.enter();
        while let Some(key) = map.next_key_seed(Key)? {
            if !walk.keys.note(&mut seen, key.clone()) {
                walk.refusal = Some(Refusal::Duplicate(key.into_owned()));
                return Err(A::Error::custom("duplicate key"));
            }
            if key.starts_with(RESERVED) {
                walk.refusal = Some(Refusal::Reserved(key.into_owned()));
                return Err(A::Error::custom("reserved key"));
            }
            let keep = match &mut kept {
                Some(Kept::Object(object)) => object.place(&key),
                _ => None,
            };
            let value = Step {
                walk: &mut *walk,
                depth,
                keep,
            };
            if let Err(error) = map.next_value_seed(value) {
                return Err(walk.out_of(key, error));
            }
        }
        walk.keys.leave(&seen);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.inside()?;
        let Self { walk, keep, .. } = self;
        let mut kept = keep.map(|(wanted, place)| (wanted, place, Array::new(wanted)));
        for index in 0_usize.. {
            let wanted = kept.as_ref().and_then(|(wanted, _, array)| array.next(wanted));
            let mut element = wanted.map(|wanted| (wanted, Kept::Null));
            let value = Step {
                walk: &mut *walk,
                depth,
                keep: element.as_mut().map(|(wanted, kept)| (*wanted, kept)),
            };
            match seq.next_element_seed(value) {
                Ok(None) => break,
                Ok(Some(())) => {}
                Err(error) => return Err(walk.out_of(index, error)),
            }
            if let Some((_, _, array)) = &mut kept {
                array.came(element.map(|(_, kept)| kept));
            }
        }
        if let Some((_, place, array)) = kept {
            *place = Kept::Array(array);
        }
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.keep(|| Kept::Boolean(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.keep(|| Kept::Integer(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.keep(|| i64::try_from(value).map_or(Kept::Number, Kept::Integer));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.keep(|| Kept::Number);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(|| Kept::Text(text.to_owned()));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.keep(|| Kept::Null);
        Ok(())
    }
}

/// Reads a key without copying it, where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
