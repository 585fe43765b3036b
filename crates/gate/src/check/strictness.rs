//! Two checks of one name, as the stricter of each demand.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{Bind, Check, Coverage, Fail, ImageDemands, KevDemand, Mode, UserDemand};

/// The check that both would be, or both of them where what they ask for cannot be one: other classes or tools than the floor
/// accepts are no way around it.
pub(crate) fn stricter(floor: &Check, own: &Check) -> Vec<Check> {
    let Some(tools) = both(&floor.tools, &own.tools) else {
        return apart(floor, own);
    };
    // Documents that the two recognise differently are two documents; so are findings that are new and all of them.
    let is_other = floor.class != own.class
        || floor.one_of != own.one_of
        || floor.bind != own.bind
        || floor.recognise != own.recognise
        || floor.fail.new_only != own.fail.new_only;
    if is_other {
        return apart(floor, own);
    }
    vec![Check {
        id: floor.id.clone(),
        class: floor.class,
        tools,
        one_of: floor.one_of.clone(),
        at_least: floor.at_least.max(own.at_least),
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
        builders: floor.builders.and(&own.builders),
        formats: joined(&floor.formats, &own.formats),
        leeway: floor.leeway.shorter(&own.leeway),
        image: demands(&floor.image, &own.image),
        recognise: floor.recognise.clone(),
        conditions: joined(&floor.conditions, &own.conditions),
        ..floor.clone()
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

/// What both demand, each once.
fn joined<T: Clone + PartialEq>(one: &[T], other: &[T]) -> Vec<T> {
    let mut joined = one.to_vec();
    for demand in other {
        if !joined.contains(demand) {
            joined.push(demand.clone());
        }
    }
    joined
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
        kev: match (one.kev, other.kev) {
            (Some(KevDemand::Any), _) | (_, Some(KevDemand::Any)) => Some(KevDemand::Any),
            (one, other) => one.or(other),
        },
        new_only: one.new_only && other.new_only,
        failed: least(one.failed, other.failed),
    }
}

fn demands(one: &ImageDemands, other: &ImageDemands) -> ImageDemands {
    let mut labels: BTreeMap<_, _> = one.labels.clone();
    for (name, globs) in &other.labels {
        let both = labels.get(name).map_or_else(|| globs.clone(), |own| own.and(globs));
        labels.insert(name.clone(), both);
    }
    ImageDemands {
        user: match (one.user, other.user) {
            (Some(UserDemand::NonRootNumber), _) | (_, Some(UserDemand::NonRootNumber)) => {
                Some(UserDemand::NonRootNumber)
            }
            (one, other) => one.or(other),
        },
        entrypoint: one.entrypoint.and(&other.entrypoint),
        labels,
        platforms: &one.platforms | &other.platforms,
        base: one.base.and(&other.base),
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
