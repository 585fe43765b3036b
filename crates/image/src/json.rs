//! Strict JSON, for bytes that nobody vouches for.
//!
//! JSON readers disagree about documents that say something twice: one takes the first of two equal keys, another the
//! last. What was signed, judged and run must be read the same way by everybody, so such documents are refused, wherever
//! in them the second key is.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::text::excerpt;

/// How deep objects and arrays may nest.
pub const MAX_DEPTH: usize = 64;

/// What the keys begin with by which serde_json speaks to itself.
const RESERVED: &str = "$serde_json::private::";

/// The most characters of a document that an error repeats.
const MAX_QUOTED: usize = 120;

/// Reads a document, refusing what lenient readers disagree about: duplicate keys at any depth (also in parts that `T`
/// does not know), keys that only our own reader obeys, data after the document, nesting beyond [`MAX_DEPTH`], bytes that
/// are not UTF-8.
///
/// The caller bounds the size: this reads all of it twice.
pub fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let mut walk = Walk::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let walked = Step {
        walk: &mut walk,
        depth: 0,
    }
    .deserialize(&mut deserializer)
    .and_then(|()| deserializer.end());
    if let Some(refusal) = walk.refusal {
        return Err(refusal);
    }
    walked.map_err(|error| malformed(&error))?;
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

/// Reads a document again that [`strict`] has accepted, as another type.
pub(crate) fn again<T: DeserializeOwned>(accepted: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(accepted).map_err(|error| malformed(&error))
}

/// For `#[serde(deserialize_with)]`: Go writes an empty list or map as `null`.
pub fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Why bytes are not a strict JSON document of the wanted shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A byte sequence is not UTF-8.
    #[error("the document is not UTF-8 after byte {at}")]
    NotUtf8 {
        /// How many bytes before it are.
        at: usize,
    },
    /// One object has a key twice.
    #[error("key `{key}` appears twice in {}", place(.path))]
    DuplicateKey {
        /// The key, shortened.
        key: String,
        /// The object that has it, as a JSON pointer (RFC 6901), shortened; empty for the document itself.
        path: String,
    },
    /// A key that our own reader takes for an instruction: the text under it would be read as a document of its own, by us
    /// and by nobody else, and by nobody strictly.
    #[error("key `{key}` in {} is reserved", place(.path))]
    ReservedKey {
        /// The key, shortened.
        key: String,
        /// The object that has it, as a JSON pointer (RFC 6901), shortened; empty for the document itself.
        path: String,
    },
    /// Objects and arrays nest too deep.
    #[error("the document nests deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document is not JSON, is not whole, is followed by something, or is not of the shape that was wanted.
    #[error("{detail} at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, shortened.
        detail: String,
    },
}

fn place(path: &str) -> String {
    if path.is_empty() {
        "the document".to_owned()
    } else {
        format!("`{path}`")
    }
}

fn shorten(text: &str) -> String {
    excerpt(text, MAX_QUOTED)
}

fn malformed(error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    // The position is a field of its own.
    let detail = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    JsonError::Malformed {
        line,
        column,
        detail: shorten(detail),
    }
}

/// A walk over every value of a document. Its refusal is kept here, because the deserializer's error is only a text.
///
/// Every review and every document out of a registry passes here: keys are borrowed from the text wherever they stand in
/// it as they are, and the pointer is written only for a refusal.
#[derive(Default)]
struct Walk<'de> {
    /// What leads to where the walk is.
    path: Vec<Place<'de>>,
    refusal: Option<JsonError>,
}

/// Where a value stands in the one around it.
enum Place<'de> {
    Key(Cow<'de, str>),
    Index(usize),
}

impl Walk<'_> {
    fn duplicate(&self, key: &str) -> JsonError {
        JsonError::DuplicateKey {
            key: shorten(key),
            path: self.place(),
        }
    }

    fn reserved(&self, key: &str) -> JsonError {
        JsonError::ReservedKey {
            key: shorten(key),
            path: self.place(),
        }
    }

    fn place(&self) -> String {
        let mut pointer = String::new();
        for place in &self.path {
            pointer.push('/');
            match place {
                Place::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Place::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        shorten(&pointer)
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

/// The keys of one object so far.
#[derive(Default)]
struct Seen<'de> {
    /// Most objects have a handful, and looking at each is quicker than a tree.
    first: Vec<Cow<'de, str>>,
    /// Whoever means harm sends thousands.
    rest: BTreeSet<Cow<'de, str>>,
}

impl<'de> Seen<'de> {
    const FIRST: usize = 16;

    fn contains(&self, key: &str) -> bool {
        self.first.iter().any(|seen| seen == key) || self.rest.contains(key)
    }

    fn insert(&mut self, key: Cow<'de, str>) {
        if self.first.len() < Self::FIRST {
            self.first.push(key);
        } else {
            self.rest.insert(key);
        }
    }
}

/// One step of the walk: the value at `depth`.
struct Step<'w, 'de> {
    walk: &'w mut Walk<'de>,
    depth: usize,
}

impl Step<'_, '_> {
    /// The depth of what is inside, if it is allowed to have an inside.
    fn inside<E: serde::de::Error>(&mut self) -> Result<usize, E> {
        if self.depth == MAX_DEPTH {
            self.walk.refusal.get_or_insert(JsonError::TooDeep { limit: MAX_DEPTH });
            return Err(E::custom("too deep"));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Step<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let depth = self.inside()?;
        let mut seen = Seen::default();
        while let Some(key) = map.next_key_seed(Key)? {
            if seen.contains(&key) {
                let refusal = self.walk.duplicate(&key);
                self.walk.refusal.get_or_insert(refusal);
                return Err(A::Error::custom("duplicate key"));
            }
            if key.starts_with(RESERVED) {
                let refusal = self.walk.reserved(&key);
                self.walk.refusal.get_or_insert(refusal);
                return Err(A::Error::custom("reserved key"));
            }
            self.walk.path.push(Place::Key(key));
            map.next_value_seed(Step { walk: self.walk, depth })?;
            if let Some(Place::Key(key)) = self.walk.path.pop() {
                seen.insert(key);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.inside()?;
        for index in 0_usize.. {
            self.walk.path.push(Place::Index(index));
            if seq.next_element_seed(Step { walk: self.walk, depth })?.is_none() {
                break;
            }
            self.walk.path.pop();
        }
        self.walk.path.pop();
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn refusal(text: &str) -> JsonError {
        strict::<Value>(text.as_bytes()).unwrap_err()
    }

    fn duplicate(key: &str, path: &str) -> JsonError {
        JsonError::DuplicateKey {
            key: key.into(),
            path: path.into(),
        }
    }

    #[test]
    fn a_key_that_appears_twice_is_refused_wherever_it_is() {
        #[derive(Debug, Deserialize)]
        struct Known {
            #[expect(dead_code, reason = "the shape is what matters")]
            a: u8,
        }
        assert_eq!(refusal(r#"{"a":1,"a":1}"#), duplicate("a", ""));
        assert_eq!(
            refusal(r#"{"a":[0,{"b/c":{"x":1,"y":2,"x":3}}]}"#),
            duplicate("x", "/a/1/b~1c")
        );
        // Escapes spell the same key.
        assert_eq!(refusal(r#"{"a":1,"\u0061":2}"#), duplicate("a", ""));
        // The second key is in a part that the type does not know.
        assert_eq!(
            strict::<Known>(br#"{"a":1,"unknown":{"b":[],"b":[]}}"#).unwrap_err(),
            duplicate("b", "/unknown")
        );
        assert_eq!(
            refusal(r#"{"a":1,"a":1}"#).to_string(),
            "key `a` appears twice in the document"
        );
    }

    #[test]
    fn a_key_that_hides_a_document_in_a_text_is_refused() {
        for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let hidden = format!(r#"{{"a":[{{"{key}":"{{\"b\":1,\"b\":2}}"}}]}}"#);
            let expected = JsonError::ReservedKey {
                key: key.into(),
                path: "/a/0".into(),
            };
            assert_eq!(refusal(&hidden), expected);
        }
    }

    #[test]
    fn the_same_key_in_different_objects_is_fine() {
        assert!(strict::<Value>(br#"[{"a":{"a":1},"b":{"a":1}},{"a":2,"A":3}]"#).is_ok());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(strict::<Value>(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(refusal(&nested(MAX_DEPTH + 1)), JsonError::TooDeep { limit: MAX_DEPTH });
        assert_eq!(refusal(&"[".repeat(1_000_000)), JsonError::TooDeep { limit: MAX_DEPTH });
        assert_eq!(
            refusal(&r#"{"a":"#.repeat(1_000)),
            JsonError::TooDeep { limit: MAX_DEPTH }
        );
    }

    #[test]
    fn what_is_not_one_json_document_is_refused_with_its_position() {
        let at = |line, column, detail: &str| JsonError::Malformed {
            line,
            column,
            detail: detail.into(),
        };
        assert_eq!(refusal(""), at(1, 0, "EOF while parsing a value"));
        assert_eq!(refusal("{}{}"), at(1, 3, "trailing characters"));
        assert_eq!(refusal("{}\n x"), at(2, 2, "trailing characters"));
        assert_eq!(refusal("{\"a\":\n,}"), at(2, 1, "expected value"));
        assert_eq!(refusal("{'a':1}"), at(1, 2, "key must be a string"));
        assert_eq!(refusal("[1e999]"), at(1, 6, "number out of range"));
        assert_eq!(
            strict::<u8>(b"\"x\"").unwrap_err(),
            at(1, 3, "invalid type: string \"x\", expected u8")
        );
        assert_eq!(
            strict::<Value>(b"[\"ok\", \"\xff\"]").unwrap_err(),
            JsonError::NotUtf8 { at: 8 }
        );
        assert!(
            matches!(refusal(r#"["\ud800"]"#), JsonError::Malformed { .. }),
            "a lone surrogate is no text"
        );
        assert!(
            matches!(refusal("\u{feff}{}"), JsonError::Malformed { .. }),
            "a byte order mark is no JSON"
        );
    }

    #[test]
    fn an_error_repeats_little_of_what_it_refuses() {
        let key = "k".repeat(10_000);
        let JsonError::DuplicateKey { key: quoted, .. } = refusal(&format!(r#"{{"{key}":1,"{key}":2}}"#)) else {
            panic!("a duplicate key");
        };
        assert_eq!(quoted.len(), MAX_QUOTED);
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-c~/]{0,2}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_document_without_duplicates_is_read_as_serde_reads_it(value in document()) {
            let text = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(strict::<Value>(&text).unwrap(), value);
        }

        #[test]
        fn what_is_accepted_serde_accepts_too(mut text in document().prop_map(|v| v.to_string()), cut in any::<u16>(), junk in "[{}\\[\\],:\"a0\\\\ ]{0,3}") {
            let mut at = usize::from(cut) % (text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, &junk);
            if let Ok(value) = strict::<Value>(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = strict::<Value>(&bytes);
        }
    }
}
