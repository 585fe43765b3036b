//! YAML as a tree of texts, numbers, lists and mappings, each with its place; nothing is guessed and nothing is lost.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{MergeKeyPolicy, MessageFormatter, Spanned, UserMessageFormatter};

/// How deep a document may be nested. A policy needs ten.
const MAX_DEPTH: usize = 32;
/// How much aliases may repeat, in nodes. A few keys that several policies share is what they are for.
const MAX_REPEATED: usize = 10_000;

/// A place in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Line, from one; within the piece of text that was parsed until [`Node::shift`] is called.
    pub(crate) line: u64,
    /// Column in characters, from one.
    pub(crate) column: u64,
}

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Mark,
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// Parses one YAML document. Duplicate keys, merge keys, more than one document, anything deeper than
    /// [`MAX_DEPTH`] and aliases that repeat more than [`MAX_REPEATED`] nodes are errors.
    pub(crate) fn parse(text: &str) -> Result<Self, (Mark, String)> {
        let options = serde_saphyr::options! {
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPEATED },
            budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_documents: 1 },
            merge_keys: MergeKeyPolicy::Error,
            strict_booleans: true,
            with_snippet: false,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let at = error.location().map_or(Mark { line: 1, column: 1 }, mark);
            (at, UserMessageFormatter.format_message(&error).into_owned())
        })
    }

    /// Moves the node and all below it down by `lines`: from its place in a piece of a file to its place in the file.
    pub(crate) fn shift(&mut self, lines: u64) {
        self.at.line += lines;
        match &mut self.value {
            Value::List(list) => list.iter_mut().for_each(|node| node.shift(lines)),
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    key.shift(lines);
                    value.shift(lines);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// Writes what it says in one way, whatever its layout, quotes, comments and order of keys: the basis of digests.
    pub(crate) fn write_canonical(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push('~'),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(value) => out.push_str(value),
            Value::Text(value) => out.push_str(&format!("{value:?}")),
            Value::List(list) => {
                out.push('[');
                for node in list {
                    node.write_canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Value::Mapping(entries) => {
                let mut texts: Vec<String> = entries.iter().map(canonical_entry).collect();
                texts.sort_unstable();
                out.push('{');
                for text in texts {
                    out.push_str(&text);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }
}

fn canonical_entry((key, value): &(Node, Node)) -> String {
    let mut text = String::new();
    key.write_canonical(&mut text);
    text.push(':');
    value.write_canonical(&mut text);
    text
}

fn mark(location: serde_saphyr::Location) -> Mark {
    Mark {
        line: location.line().max(1),
        column: location.column().max(1),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            at: mark(spanned.referenced),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = items.next_element()? {
            list.push(node);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(Value::Mapping(mapping))
    }
}
