//! One value of an object as the API server wrote it, read a level at a time and never taken for another shape.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::FieldPath;

/// A field is not there, or not of the shape that Kubernetes gives it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A field without which the object cannot be judged is absent, `null` or empty.
    #[error("`{path}` is missing")]
    Missing {
        /// The field.
        path: FieldPath,
    },
    /// A field holds something else.
    #[error("`{path}` must be {expected}, and is {found}")]
    Wrong {
        /// The field.
        path: FieldPath,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A list has more elements than are read.
    #[error("`{path}` has more than {limit} elements")]
    TooLong {
        /// The list.
        path: FieldPath,
        /// How many are read.
        limit: usize,
    },
}

/// A value, still as bytes, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    raw: &'a RawValue,
    path: FieldPath,
}

impl<'a> Node<'a> {
    pub(crate) fn root(raw: &'a RawValue) -> Self {
        Self::at(raw, FieldPath::root())
    }

    pub(crate) fn at(raw: &'a RawValue, path: FieldPath) -> Self {
        Self { raw, path }
    }

    pub(crate) fn path(&self) -> &FieldPath {
        &self.path
    }

    /// That this is an object; what is in it is not looked at.
    pub(crate) fn is_object(&self) -> Result<(), ShapeError> {
        const EXPECTED: &str = "an object";
        if shape(self.raw) == EXPECTED {
            Ok(())
        } else {
            Err(self.wrong(EXPECTED))
        }
    }

    /// The named fields of this object, in the order of the names; `null` is absent, as Go writes what is not set.
    pub(crate) fn fields<const N: usize>(&self, names: [&'static str; N]) -> Result<[Option<Self>; N], ShapeError> {
        let found = self.read("an object", Wanted { names })?;
        let mut nodes = std::array::from_fn(|_| None);
        for ((node, raw), name) in nodes.iter_mut().zip(found).zip(names) {
            *node = raw.filter(|raw| raw.get() != "null").map(|raw| Self {
                raw,
                path: self.path.field(name),
            });
        }
        Ok(nodes)
    }

    /// The one field without which this object makes no sense.
    pub(crate) fn field(&self, name: &'static str) -> Result<Self, ShapeError> {
        let [node] = self.fields([name])?;
        node.ok_or_else(|| ShapeError::Missing {
            path: self.path.field(name),
        })
    }

    /// The elements of this array, `null`s among them.
    pub(crate) fn elements(&self, limit: usize) -> Result<Vec<Self>, ShapeError> {
        let elements = self
            .read("an array", Elements { limit })?
            .ok_or_else(|| ShapeError::TooLong {
                path: self.path.clone(),
                limit,
            })?;
        let node = |(index, raw)| Self {
            raw,
            path: self.path.index(index),
        };
        Ok(elements.into_iter().enumerate().map(node).collect())
    }

    pub(crate) fn text(&self) -> Result<String, ShapeError> {
        serde_json::from_str(self.raw.get()).map_err(|_| match shape(self.raw) {
            // JSON lets half of a surrogate pair stand in a string; Unicode, and Kubernetes, do not.
            "a string" => self.wrong("Unicode"),
            _ => self.wrong("a string"),
        })
    }

    pub(crate) fn integer(&self) -> Result<i64, ShapeError> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.wrong("an integer"))
    }

    pub(crate) fn texts(&self) -> Result<BTreeMap<String, String>, ShapeError> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.wrong("an object of strings"))
    }

    fn read<V: Visitor<'a>>(&self, expected: &'static str, visitor: V) -> Result<V::Value, ShapeError> {
        serde_json::Deserializer::from_str(self.raw.get())
            .deserialize_any(visitor)
            .map_err(|_| self.wrong(expected))
    }

    fn wrong(&self, expected: &'static str) -> ShapeError {
        ShapeError::Wrong {
            path: self.path.clone(),
            expected,
            found: shape(self.raw),
        }
    }
}

fn shape(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Picks fields out of an object without building the rest of it.
struct Wanted<const N: usize> {
    names: [&'static str; N],
}

impl<'a, const N: usize> Visitor<'a> for Wanted<N> {
    type Value = [Option<&'a RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = [None; N];
        while let Some(position) = map.next_key_seed(Position(&self.names))? {
            match position.and_then(|position| found.get_mut(position)) {
                Some(slot) => *slot = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Reads a key as its position among the wanted names.
struct Position<'n>(&'n [&'static str]);

impl<'a> DeserializeSeed<'a> for Position<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Position<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

/// Collects the elements of an array; `None` if there are more than the limit.
struct Elements {
    limit: usize,
}

impl<'a> Visitor<'a> for Elements {
    type Value = Option<Vec<&'a RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        let mut elements = Vec::new();
        while elements.len() < self.limit {
            match list.next_element()? {
                Some(element) => elements.push(element),
                None => return Ok(Some(elements)),
            }
        }
        let mut over = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            over = true;
        }
        Ok((!over).then_some(elements))
    }
}
