//! Reading a document as a stream: what is wanted of it is taken as it passes, and never more of it is held than one
//! element of one list.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Format, MAX_FINDINGS, ReportError};
use crate::finding::Finding;

/// Stands for every element of a list in a path.
pub(super) const ALL: &str = "*";

/// Takes every value at `path`, with the places in the lists that lead to it. Where a list is missing or `null`, as Go
/// writes an empty one, there is none.
pub(super) fn each<T: DeserializeOwned>(
    bytes: &[u8],
    format: Format,
    path: &[&str],
    mut take: impl FnMut(&[usize], T) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut refused = None;
    let mut taken = |places: &[usize], value: T| match take(places, value) {
        Ok(()) => true,
        Err(error) => {
            refused = Some(error);
            false
        }
    };
    let mut places = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let walked = Way {
        path,
        places: &mut places,
        take: &mut taken,
        of: PhantomData,
    }
    .deserialize(&mut deserializer);
    match (refused, walked) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(ReportError::malformed(format, &error.to_string())),
        (None, Ok(())) => Ok(()),
    }
}

struct Way<'a, T> {
    path: &'a [&'a str],
    places: &'a mut Vec<usize>,
    take: &'a mut dyn FnMut(&[usize], T) -> bool,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Way<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            let value = T::deserialize(deserializer)?;
            return if (self.take)(self.places, value) {
                Ok(())
            } else {
                Err(D::Error::custom("no more is taken"))
            };
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Way<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path {
            [ALL, ..] => f.write_str("a list"),
            [name, ..] => write!(f, "an object with `{name}`"),
            [] => f.write_str("a value"),
        }
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first().filter(|(wanted, _)| **wanted != ALL) else {
            return Err(A::Error::custom("invalid type: map, expected a list"));
        };
        while let Some(is_wanted) = map.next_key_seed(Is(wanted))? {
            if is_wanted {
                map.next_value_seed(Way {
                    path: rest,
                    places: &mut *self.places,
                    take: &mut *self.take,
                    of: PhantomData,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((_, rest)) = self.path.split_first().filter(|(wanted, _)| **wanted == ALL) else {
            return Err(A::Error::custom("invalid type: sequence, expected an object"));
        };
        let depth = self.places.len();
        for place in 0_usize.. {
            self.places.push(place);
            let element = list.next_element_seed(Way {
                path: rest,
                places: &mut *self.places,
                take: &mut *self.take,
                of: PhantomData,
            })?;
            self.places.truncate(depth);
            if element.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Whether a key is this one.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// What a list holds, collected up to a limit.
pub(super) fn list<T: DeserializeOwned>(
    bytes: &[u8],
    format: Format,
    path: &[&str],
    what: &'static str,
) -> Result<Vec<T>, ReportError> {
    let mut list = Vec::new();
    each(bytes, format, path, |_, value| {
        if list.len() == super::MAX_PARTS {
            return Err(ReportError::TooManyParts {
                what,
                limit: super::MAX_PARTS,
            });
        }
        list.push(value);
        Ok(())
    })?;
    Ok(list)
}

/// The same of a document of whatever format.
pub(crate) fn list_in<T: DeserializeOwned>(bytes: &[u8], path: &[&str]) -> Result<Vec<T>, ReportError> {
    list(bytes, Format::Sarif, path, "elements")
}

/// Keeps a finding, if there is room for one.
pub(super) fn keep(findings: &mut Vec<Finding>, finding: Finding) -> Result<(), ReportError> {
    if findings.len() == MAX_FINDINGS {
        return Err(ReportError::TooManyFindings { limit: MAX_FINDINGS });
    }
    findings.push(finding);
    Ok(())
}

/// How many elements a list has. Something else than a list is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count(pub usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = usize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
                let mut count = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(count)
            }
        }
        deserializer.deserialize_seq(Elements).map(Self)
    }
}
