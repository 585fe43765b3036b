//! A document copied as it passes, without what was found in it.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Deserializer, Serialize, Serializer};

use super::collect::{is_prose, is_taken};
use super::{Sought, mark};

/// Writes a document without its secrets.
pub(super) fn without(document: &[u8], sought: &Sought, clean: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    let value = Passing {
        from: RefCell::new(Some(&mut deserializer)),
        sought,
        goes: Goes::Secrets,
    };
    value.serialize(&mut serde_json::Serializer::new(clean))
}

/// What happens to the texts of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    /// All of it.
    Whole,
    /// Secrets, and the lines that hold them.
    WithLines,
    /// Secrets.
    Secrets,
}

impl Goes {
    fn of(name: &str) -> Self {
        match name {
            _ if is_taken(name) => Self::Whole,
            _ if is_prose(name) => Self::WithLines,
            _ => Self::Secrets,
        }
    }
}

/// A value that is read when it is written.
struct Passing<'f, D> {
    from: RefCell<Option<D>>,
    sought: &'f Sought,
    goes: Goes,
}

impl<'de, D: Deserializer<'de>> Serialize for Passing<'_, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let from = self
            .from
            .borrow_mut()
            .take()
            .ok_or_else(|| S::Error::custom("a value passes once"))?;
        let write = Write {
            to: serializer,
            sought: self.sought,
            goes: self.goes,
        };
        from.deserialize_any(write).map_err(S::Error::custom)
    }
}

struct Write<'f, S> {
    to: S,
    sought: &'f Sought,
    goes: Goes,
}

impl<'de, S: Serializer> Visitor<'de> for Write<'_, S> {
    type Value = S::Ok;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<S::Ok, E> {
        self.to.serialize_bool(value).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<S::Ok, E> {
        self.to.serialize_i64(value).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<S::Ok, E> {
        self.to.serialize_u64(value).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<S::Ok, E> {
        self.to.serialize_f64(value).map_err(E::custom)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<S::Ok, E> {
        self.to.serialize_unit().map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<S::Ok, E> {
        let clean = match self.goes {
            Goes::Whole => Some(mark(text)),
            Goes::WithLines => self.sought.without(text, true),
            Goes::Secrets => self.sought.without(text, false),
        };
        self.to
            .serialize_str(clean.as_deref().unwrap_or(text))
            .map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<S::Ok, A::Error> {
        let mut to = self.to.serialize_seq(None).map_err(A::Error::custom)?;
        while list
            .next_element_seed(Element {
                to: &mut to,
                sought: self.sought,
                goes: self.goes,
            })?
            .is_some()
        {}
        to.end().map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S::Ok, A::Error> {
        let mut to = self.to.serialize_map(None).map_err(A::Error::custom)?;
        while let Some(name) = map.next_key::<String>()? {
            // Another name would make another document of it.
            if self.sought.is_in_name(&name) {
                return Err(A::Error::custom("a secret is the name of a field, or in one"));
            }
            to.serialize_key(&name).map_err(A::Error::custom)?;
            map.next_value_seed(Field {
                to: &mut to,
                sought: self.sought,
                goes: Goes::of(&name),
            })?;
        }
        to.end().map_err(A::Error::custom)
    }
}

struct Element<'t, 'f, T> {
    to: &'t mut T,
    sought: &'f Sought,
    goes: Goes,
}

impl<'de, T: serde::ser::SerializeSeq> DeserializeSeed<'de> for Element<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value = Passing {
            from: RefCell::new(Some(deserializer)),
            sought: self.sought,
            goes: self.goes,
        };
        self.to.serialize_element(&value).map_err(D::Error::custom)
    }
}

struct Field<'t, 'f, T> {
    to: &'t mut T,
    sought: &'f Sought,
    goes: Goes,
}

impl<'de, T: serde::ser::SerializeMap> DeserializeSeed<'de> for Field<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value = Passing {
            from: RefCell::new(Some(deserializer)),
            sought: self.sought,
            goes: self.goes,
        };
        self.to.serialize_value(&value).map_err(D::Error::custom)
    }
}
