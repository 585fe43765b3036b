//! What is kept of a document that is read once: as little as its reader has said beforehand.

use std::borrow::Cow;

/// What is wanted of a value. A text, a number, a boolean is kept as it is; what differs is what is kept of an object or an
/// array.
#[derive(Debug)]
pub enum Wanted {
    /// Only that it is one.
    Itself,
    /// Of an object these fields, and this of each.
    Fields(&'static [(&'static str, Wanted)]),
    /// Of an object every field, for nothing is known of their names; of each field itself.
    Map,
    /// Of an array its elements, and this of each.
    Elements {
        /// What is wanted of each.
        of: &'static Wanted,
        /// So many are kept, and whether there are more.
        limit: usize,
    },
}

/// What was kept of a value.
#[derive(Clone, Debug, Default)]
pub enum Kept {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number without a fraction, from the least [`i64`] to the greatest.
    Integer(i64),
    /// Any other number.
    Number,
    /// A text.
    Text(String),
    /// An array.
    Array(Array),
    /// An object.
    Object(Object),
}

/// What was kept of an array.
#[derive(Clone, Debug)]
pub struct Array {
    elements: Option<Vec<Kept>>,
    more: bool,
}

/// What was kept of an object.
#[derive(Clone, Debug)]
pub struct Object {
    wanted: &'static Wanted,
    fields: Vec<(Cow<'static, str>, Kept)>,
}

/// Asking for what was not wanted is a mistake of ours. It must not pass for an object that has no such thing.
const NOT_WANTED: &str = "only what was wanted is asked for";

impl Kept {
    /// The field of that name, if this is an object that has it.
    ///
    /// # Panics
    /// Where it was not wanted of an object.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(object) => object.field_mut(name),
            _ => None,
        }
    }
}

impl Array {
    /// Its first elements, as many as were wanted.
    ///
    /// # Panics
    /// Where none were wanted.
    pub fn elements(&self) -> &[Kept] {
        self.elements.as_deref().expect(NOT_WANTED)
    }

    /// Whether it has more of them than were wanted.
    pub fn has_more(&self) -> bool {
        self.more
    }

    pub(super) fn new(wanted: &Wanted) -> Self {
        Self {
            elements: matches!(wanted, Wanted::Elements { .. }).then(Vec::new),
            more: false,
        }
    }

    /// What is wanted of the next element.
    pub(super) fn next(&self, wanted: &'static Wanted) -> Option<&'static Wanted> {
        match (wanted, &self.elements) {
            (Wanted::Elements { of, limit }, Some(elements)) if elements.len() < *limit => Some(of),
            _ => None,
        }
    }

    /// An element came: what was kept of it, if it was wanted.
    pub(super) fn came(&mut self, element: Option<Kept>) {
        match (&mut self.elements, element) {
            (Some(elements), Some(element)) => elements.push(element),
            _ => self.more = true,
        }
    }
}

impl Object {
    /// The field of that name, if the object has it.
    ///
    /// # Panics
    /// Where it was not wanted.
    pub fn field(&self, name: &str) -> Option<&Kept> {
        let position = self.position(name)?;
        self.fields.get(position).map(|(_, kept)| kept)
    }

    /// The same, to be taken.
    ///
    /// # Panics
    /// Where it was not wanted.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Kept> {
        let position = self.position(name)?;
        self.fields.get_mut(position).map(|(_, kept)| kept)
    }

    fn position(&self, name: &str) -> Option<usize> {
        let position = self.fields.iter().position(|(known, _)| *known == name);
        let Wanted::Fields(wanted) = self.wanted else {
            panic!("{NOT_WANTED}");
        };
        assert!(
            position.is_some() || wanted.iter().any(|(known, _)| *known == name),
            "{NOT_WANTED}"
        );
        position
    }

    /// Every field, in the order in which they stand.
    ///
    /// # Panics
    /// Where they were not wanted.
    pub fn map(&self) -> &[(Cow<'static, str>, Kept)] {
        assert!(matches!(self.wanted, Wanted::Map), "{NOT_WANTED}");
        &self.fields
    }

    pub(super) fn new(wanted: &'static Wanted) -> Self {
        let most = match wanted {
            Wanted::Fields(wanted) => wanted.len(),
            Wanted::Itself | Wanted::Map | Wanted::Elements { .. } => 0,
        };
        Self {
            wanted,
            fields: Vec::with_capacity(most),
        }
    }

    /// Where the field of that name is kept, and what is wanted of it.
    pub(super) fn place(&mut self, name: &str) -> Option<(&'static Wanted, &mut Kept)> {
        let (name, wanted) = match self.wanted {
            Wanted::Itself | Wanted::Elements { .. } => return None,
            Wanted::Fields(wanted) => {
                let (name, wanted) = wanted.iter().find(|(known, _)| *known == name)?;
                (Cow::Borrowed(*name), wanted)
            }
            Wanted::Map => (Cow::Owned(name.to_owned()), &Wanted::Itself),
        };
        Some((wanted, &mut self.fields.push_mut((name, Kept::Null)).1))
    }
}
