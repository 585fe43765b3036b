//! One value of a document as the API server wrote it, looked at a level at a time and never taken for another shape.

use std::collections::BTreeMap;

use countersign_image::json::{Kept, Object};
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
    #[error("{} must be {expected}, and is {found}", place(.path))]
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

/// As an error names it; the root has no name of its own.
fn place(path: &FieldPath) -> String {
    match path.to_string() {
        root if root.is_empty() => "the document".to_owned(),
        path => format!("`{path}`"),
    }
}

/// A value, and where it is.
///
/// Most of what is looked at is never named, so that where it is stays a way back until somebody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'k, 'p> {
    value: &'k Kept,
    place: Place<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Place<'p> {
    Root,
    Field(&'p Place<'p>, &'static str),
    Element(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn path(&self) -> FieldPath {
        match self {
            Self::Root => FieldPath::root(),
            Self::Field(of, name) => of.path().field(name),
            Self::Element(of, index) => of.path().index(*index),
        }
    }
}

impl<'k> Node<'k, '_> {
    pub(crate) fn root(value: &'k Kept) -> Self {
        Self {
            value,
            place: Place::Root,
        }
    }

    pub(crate) fn path(&self) -> FieldPath {
        self.place.path()
    }

    /// The value, to be looked at later from a root of its own; nothing but an object will do.
    pub(crate) fn object(&self) -> Result<&'k Kept, ShapeError> {
        self.inside().map(|_| self.value)
    }

    /// The named field of this object; `null` is absent, as Go writes what is not set.
    pub(crate) fn field(&self, name: &'static str) -> Result<Option<Node<'k, '_>>, ShapeError> {
        let value = self.inside()?.field(name).filter(|value| !matches!(value, Kept::Null));
        Ok(value.map(|value| Node {
            value,
            place: Place::Field(&self.place, name),
        }))
    }

    /// The field without which this object makes no sense.
    pub(crate) fn needed(&self, name: &'static str) -> Result<Node<'k, '_>, ShapeError> {
        self.field(name)?.ok_or_else(|| self.missing(name))
    }

    pub(crate) fn missing(&self, name: &'static str) -> ShapeError {
        ShapeError::Missing {
            path: self.path().field(name),
        }
    }

    /// The elements of this array, `null`s among them.
    pub(crate) fn elements(&self) -> Result<impl ExactSizeIterator<Item = Node<'k, '_>>, ShapeError> {
        let Kept::Array(array) = self.value else {
            return Err(self.wrong("an array"));
        };
        let elements = array.elements();
        if array.has_more() {
            return Err(ShapeError::TooLong {
                path: self.path(),
                limit: elements.len(),
            });
        }
        let node = |(index, value)| Node {
            value,
            place: Place::Element(&self.place, index),
        };
        Ok(elements.iter().enumerate().map(node))
    }

    pub(crate) fn text(&self) -> Result<&'k str, ShapeError> {
        match self.value {
            Kept::Text(text) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    pub(crate) fn integer(&self) -> Result<i64, ShapeError> {
        match self.value {
            Kept::Integer(integer) => Ok(*integer),
            _ => Err(self.wrong("an integer")),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, ShapeError> {
        match self.value {
            Kept::Boolean(boolean) => Ok(*boolean),
            _ => Err(self.wrong("a boolean")),
        }
    }

    pub(crate) fn texts(&self) -> Result<BTreeMap<String, String>, ShapeError> {
        const EXPECTED: &str = "an object of strings";
        let Kept::Object(object) = self.value else {
            return Err(self.wrong(EXPECTED));
        };
        let texts = object.map().iter().map(|(name, value)| match value {
            Kept::Text(text) => Ok((name.to_string(), text.clone())),
            _ => Err(self.wrong(EXPECTED)),
        });
        texts.collect()
    }

    fn inside(&self) -> Result<&'k Object, ShapeError> {
        match self.value {
            Kept::Object(object) => Ok(object),
            _ => Err(self.wrong("an object")),
        }
    }

    fn wrong(&self, expected: &'static str) -> ShapeError {
        ShapeError::Wrong {
            path: self.path(),
            expected,
            found: shape(self.value),
        }
    }
}

fn shape(value: &Kept) -> &'static str {
    match value {
        Kept::Object(_) => "an object",
        Kept::Array(_) => "an array",
        Kept::Text(_) => "a string",
        Kept::Boolean(_) => "a boolean",
        Kept::Null => "null",
        Kept::Integer(_) | Kept::Number => "a number",
    }
}
