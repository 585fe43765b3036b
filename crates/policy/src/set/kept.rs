//! Which older policies stay in force because their documents cannot be understood any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Broken, InForce};
use crate::meaning::Policy;

type Name = Arc<str>;

/// What one file has now, and what it had.
#[derive(Default)]
struct File {
    names: BTreeSet<Name>,
    broken: Vec<Arc<Broken>>,
    last: Vec<Arc<Policy>>,
}

/// The new entries with those older policies that replace broken documents, and these policies alone.
pub(super) fn merge<'a>(
    now: Vec<InForce>,
    last: impl Iterator<Item = &'a Arc<Policy>>,
) -> (Vec<InForce>, Vec<Arc<Policy>>) {
    let mut files: BTreeMap<Arc<str>, File> = BTreeMap::new();
    let mut in_force = Vec::new();
    for entry in now {
        match entry {
            InForce::Policy(policy) => {
                let file = files.entry(policy.source.file.clone()).or_default();
                file.names.insert(policy.name.clone());
                in_force.push(InForce::Policy(policy));
            }
            InForce::Broken(broken) => {
                let file = files.entry(broken.file.clone()).or_default();
                file.names.extend(broken.name.clone());
                file.broken.push(broken);
            }
        }
    }
    for policy in last {
        if let Some(file) = files.get_mut(&policy.source.file) {
            file.last.push(policy.clone());
        }
    }
    let mut kept = Vec::new();
    for file in files.into_values() {
        let (older, broken) = file.settle();
        in_force.extend(broken.into_iter().map(InForce::Broken));
        in_force.extend(older.iter().cloned().map(InForce::Policy));
        kept.extend(older);
    }
    (in_force, kept)
}

impl File {
    /// The older policies that stay, and the broken documents that none of them stands for.
    fn settle(self) -> (Vec<Arc<Policy>>, Vec<Arc<Broken>>) {
        let Self { names, broken, last } = self;
        let (named, nameless): (Vec<_>, Vec<_>) = broken.into_iter().partition(|broken| broken.name.is_some());
        let mut kept = Vec::new();
        let mut left = Vec::new();
        for broken in named {
            let older = last.iter().filter(|policy| broken.name.as_ref() == Some(&policy.name));
            let before = kept.len();
            kept.extend(older.cloned());
            if kept.len() == before {
                left.push(broken);
            }
        }
        if !nameless.is_empty() {
            let lost: Vec<_> = last
                .into_iter()
                .filter(|policy| !names.contains(&policy.name))
                .collect();
            left.extend(nameless.into_iter().skip(lost.len()));
            kept.extend(lost);
        }
        (kept, left)
    }
}
