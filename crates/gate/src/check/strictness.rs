//! Two checks of one name, as the stricter of each demand.

use std::collections::BTreeSet;

use crate::document::{Bind, Check, Coverage, Fail, Mode};

/// The check that both would be, or both of them where what they ask for cannot be one: other classes, tools or builders
/// than the floor accepts are no way around it.
pub(crate) fn stricter(floor: &Check, own: &Check) -> Vec<Check> {
    let (Some(tools), Some(builders)) = (both(&floor.tools, &own.tools), both(&floor.builders, &own.builders)) else {
        return apart(floor, own);
    };
    if floor.class != own.class || floor.one_of != own.one_of || floor.bind != own.bind {
        return apart(floor, own);
    }
    vec![Check {
        id: floor.id.clone(),
        class: floor.class,
        tools,
        one_of: floor.one_of.clone(),
        required: floor.required || own.required,
        bind: floor.bind,
        min_proof: floor.min_proof.max(own.min_proof),
        max_age: least(floor.max_age, own.max_age),
        max_db_age: least(floor.max_db_age, own.max_db_age),
        coverage: match (floor.coverage, own.coverage) {
            (Coverage::AnyPlatform, Coverage::AnyPlatform) => Coverage::AnyPlatform,
            _ => Coverage::AllPlatforms,
        },
        fail: worse(&floor.fail, &own.fail),
        mode: match (floor.mode, own.mode) {
            (Mode::Warn, Mode::Warn) => Mode::Warn,
            _ => Mode::Enforce,
        },
        // No date is from ever on.
        enforce_from: match (floor.enforce_from, own.enforce_from) {
            (Some(floor), Some(own)) => Some(floor.min(own)),
            _ => None,
        },
        min_components: floor.min_components.max(own.min_components),
        min_tests: floor.min_tests.max(own.min_tests),
        builders,
    }]
}

/// Both, each for itself; the team's under a name of its own.
fn apart(floor: &Check, own: &Check) -> Vec<Check> {
    let own = Check {
        id: format!("{} (team)", own.id),
        ..own.clone()
    };
    vec![floor.clone(), own]
}

/// What both accept, where empty is everything; `None` where that is nothing.
fn both(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    if one.is_empty() || other.is_empty() {
        return Some(one | other);
    }
    let both = one & other;
    (!both.is_empty()).then_some(both)
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

fn worse(one: &Fail, other: &Fail) -> Fail {
    Fail {
        any_finding: one.any_finding || other.any_finding,
        severity_at_least: least(one.severity_at_least, other.severity_at_least),
        fixable: least(one.fixable, other.fixable),
        unfixable: least(one.unfixable, other.unfixable),
        unknown_as: match (one.unknown_as, other.unknown_as) {
            (None, None) => None,
            _ => Some(one.of_unknown().max(other.of_unknown())),
        },
        failed: least(one.failed, other.failed),
    }
}

impl Bind {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Image => "this image",
            Self::Commit => "the commit that it was built from",
        }
    }
}
