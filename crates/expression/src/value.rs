//! What a condition computes with. Nothing of the variables is copied.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    /// Within the range of 64 bits with or without a sign.
    Int(i128),
    Float(f64),
    Text(&'a str),
    /// What a literal or a filter came to.
    List(Rc<[Val<'a>]>),
    Array(&'a [Value]),
    Object(&'a serde_json::Map<String, Value>),
}

impl<'a> Val<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => {
                let whole = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
                match whole {
                    Some(whole) => Self::Int(whole),
                    None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
                }
            }
            Value::String(text) => Self::Text(text),
            Value::Array(list) => Self::Array(list),
            Value::Object(object) => Self::Object(object),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) | Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(crate) fn length(&self) -> Option<usize> {
        match self {
            Self::List(list) => Some(list.len()),
            Self::Array(list) => Some(list.len()),
            Self::Object(object) => Some(object.len()),
            _ => None,
        }
    }

    /// One element of a list.
    pub(crate) fn element(&self, at: usize) -> Option<Self> {
        match self {
            Self::List(list) => list.get(at).cloned(),
            Self::Array(list) => list.get(at).map(Self::of),
            _ => None,
        }
    }

    /// The order of two numbers or two texts.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            _ => self.float()?.partial_cmp(&other.float()?),
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "CEL compares numbers of two kinds as doubles")]
            Self::Int(whole) => Some(*whole as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name stands for a list wherever it is written, in loops as well: each time costs a step, whatever the list's length.
    #[test]
    fn a_list_that_is_named_again_is_the_same_list() {
        let list: Rc<[Val<'_>]> = (0..3).map(Val::Int).collect();
        let Val::List(again) = Val::List(Rc::clone(&list)).clone() else {
            panic!("it is no list");
        };
        assert!(Rc::ptr_eq(&list, &again));
    }
}
