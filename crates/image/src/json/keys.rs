//! The keys of the objects that a walk is in, and whether one of them comes a second time.

use std::collections::BTreeSet;

/// The first keys of each object that the walk is in, one object's after the other's.
pub(super) struct Keys<K>(Vec<K>);

/// The keys of one object so far.
pub(super) struct Seen<K> {
    /// Where its first keys begin.
    begin: usize,
    /// Most objects have a handful, and looking at each is quicker than a tree. Whoever means harm sends thousands.
    rest: Option<BTreeSet<K>>,
}

impl<K: Ord> Keys<K> {
    /// How many keys the objects around a value have, mostly.
    const MOSTLY: usize = 64;
    /// How many keys of one object are looked at one by one.
    const FIRST: usize = 16;

    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(Self::MOSTLY))
    }

    /// An object begins.
    pub(super) fn enter(&self) -> Seen<K> {
        Seen {
            begin: self.0.len(),
            rest: None,
        }
    }

    /// It ends, as those within it have.
    pub(super) fn leave(&mut self, object: &Seen<K>) {
        self.0.truncate(object.begin);
    }

    /// Notes a key of the object. Whether it has none that is the same.
    pub(super) fn note(&mut self, object: &mut Seen<K>, key: K) -> bool {
        let first = self.0.get(object.begin..).unwrap_or_default();
        if first.contains(&key) {
            return false;
        }
        if first.len() < Self::FIRST {
            self.0.push(key);
            return true;
        }
        object.rest.get_or_insert_default().insert(key)
    }
}
