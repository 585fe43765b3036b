//! Strict reading of mappings: every field is asked for by name, and what nobody asked for is an error.

use super::faults::Faults;
use super::tree::{Mark, Node, Value};

/// A value of a document and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Field<T> {
    pub(crate) at: Mark,
    pub(crate) value: T,
}

/// The fields of one mapping that nobody asked for yet.
pub(crate) struct Fields<'a> {
    path: String,
    at: Mark,
    left: Vec<(&'a str, Mark, &'a Node)>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of a mapping; anything else is a fault.
    pub(crate) fn of(node: &'a Node, path: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Mapping(entries) = &node.value else {
            faults.add(node.at, path, unexpected("a mapping", node, path));
            return None;
        };
        let mut left = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            match &key.value {
                Value::Text(name) => left.push((name.as_str(), key.at, value)),
                _ => faults.add(
                    key.at,
                    path,
                    format!("field names are texts, this is {}: {path}", key.kind()),
                ),
            }
        }
        Some(Self {
            path: path.to_owned(),
            at: node.at,
            left,
            known: Vec::new(),
        })
    }

    /// Where the mapping begins.
    pub(crate) fn at(&self) -> Mark {
        self.at
    }

    /// The path of one of its fields.
    pub(crate) fn path_of(&self, name: &str) -> String {
        child(&self.path, name)
    }

    /// The value of a field; `null` is the same as no such field, as it is for the API server.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        let index = self.left.iter().position(|(found, ..)| *found == name)?;
        let (_, _, node) = self.left.swap_remove(index);
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    /// A text; an empty one is the same as none, as it is for policy-controller.
    pub(crate) fn text(&mut self, name: &'static str, faults: &mut Faults) -> Option<Field<String>> {
        let node = self.take(name)?;
        let value = text_of(node, &self.path_of(name), faults)?;
        (!value.is_empty()).then_some(Field { at: node.at, value })
    }

    /// A truth value.
    pub(crate) fn flag(&mut self, name: &'static str, faults: &mut Faults) -> Option<Field<bool>> {
        let node = self.take(name)?;
        match node.value {
            Value::Bool(value) => Some(Field { at: node.at, value }),
            _ => {
                let path = self.path_of(name);
                faults.add(node.at, &path, unexpected("`true` or `false`", node, &path));
                None
            }
        }
    }

    /// A list of at most `limit` items, each read by `read`.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        limit: usize,
        faults: &mut Faults,
        mut read: impl FnMut(&'a Node, &str, &mut Faults) -> Option<T>,
    ) -> Option<Field<Vec<T>>> {
        let node = self.take(name)?;
        let path = self.path_of(name);
        let Value::List(items) = &node.value else {
            faults.add(node.at, &path, unexpected("a list", node, &path));
            return None;
        };
        if items.len() > limit {
            let found = items.len();
            faults.add(
                node.at,
                &path,
                format!("too many: {path} has {found} items, and at most {limit} are read"),
            );
            return None;
        }
        let value = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| read(item, &format!("{path}[{index}]"), faults))
            .collect();
        Some(Field { at: node.at, value })
    }

    /// A mapping, read by `read`.
    pub(crate) fn mapping<T>(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
        read: impl FnOnce(Fields<'a>, &mut Faults) -> T,
    ) -> Option<Field<T>> {
        let node = self.take(name)?;
        let fields = Fields::of(node, &self.path_of(name), faults)?;
        Some(Field {
            at: node.at,
            value: read(fields, faults),
        })
    }

    /// Texts by name, as labels are.
    pub(crate) fn texts(&mut self, name: &'static str, faults: &mut Faults) -> Vec<(String, Field<String>)> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let path = self.path_of(name);
        let Some(fields) = Fields::of(node, &path, faults) else {
            return Vec::new();
        };
        let text = |(name, _, node): (&str, Mark, &Node)| {
            let value = text_of(node, &child(&path, name), faults)?;
            Some((name.to_owned(), Field { at: node.at, value }))
        };
        fields.left.into_iter().filter_map(text).collect()
    }

    /// Fields that may be there and say nothing to us.
    pub(crate) fn ignore(&mut self, names: &[&'static str]) {
        for name in names {
            self.take(name);
        }
    }

    /// Every field that nobody asked for is a fault that names those which are known here.
    pub(crate) fn finish(mut self, faults: &mut Faults) {
        self.known.sort_unstable();
        let known = self.known.join("`, `");
        for (name, at, _) in &self.left {
            let name = super::faults::quoted(name);
            let path = self.path_of(&name);
            faults.add(
                *at,
                &path,
                format!("unknown field: {path}; the fields known here are `{known}`"),
            );
        }
    }
}

fn text_of(node: &Node, path: &str, faults: &mut Faults) -> Option<String> {
    match &node.value {
        Value::Text(value) => Some(value.clone()),
        Value::Number(_) | Value::Bool(_) => {
            let message = unexpected("a text", node, path) + "; put it in quotes if it is meant as a text";
            faults.add(node.at, path, message);
            None
        }
        Value::Null | Value::List(_) | Value::Mapping(_) => {
            faults.add(node.at, path, unexpected("a text", node, path));
            None
        }
    }
}

/// A text in a list.
pub(crate) fn item_text(node: &Node, path: &str, faults: &mut Faults) -> Option<Field<String>> {
    let value = text_of(node, path, faults)?;
    Some(Field { at: node.at, value })
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn unexpected(expected: &str, node: &Node, path: &str) -> String {
    let place = if path.is_empty() { "the document" } else { path };
    format!("expected {expected}, found {}: {place}", node.kind())
}
