//! The variables of a condition, and their types.

use std::collections::BTreeMap;

/// What a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Anything: what is in it is seen when it is asked.
    Any,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list of one type.
    List(Box<Type>),
    /// An object with these fields, and no others. Each may be missing.
    Record(BTreeMap<&'static str, Type>),
    /// An object whose fields are not known before.
    Map(Box<Type>),
}

impl Type {
    /// A list of this.
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// An object with these fields.
    pub fn record(fields: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Record(fields.into_iter().collect())
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Record(_) | Self::Map(_) => "an object",
        }
    }
}

/// The variables that a condition may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    pub(crate) variables: BTreeMap<&'static str, Type>,
}

impl Declared {
    /// These variables.
    pub fn new(variables: impl IntoIterator<Item = (&'static str, Type)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
        }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.variables.keys().copied()
    }
}
