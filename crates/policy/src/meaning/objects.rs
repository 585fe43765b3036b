//! `match`: the objects that a policy governs.

use super::read::Reading;
use crate::document::fields::Field;
use crate::document::tree::Mark;
use crate::document::written::{LabelExpression, Match, Selector};
use crate::lint::LintCode;
use crate::selector::{LabelSelector, Requirement, ResourceMatch};

/// The resources that policy-controller knows, and the API group of each.
const RESOURCES: [(&str, &str); 7] = [
    ("cronjobs", "batch"),
    ("daemonsets", "apps"),
    ("deployments", "apps"),
    ("jobs", "batch"),
    ("pods", ""),
    ("replicasets", "apps"),
    ("statefulsets", "apps"),
];

pub(super) fn matches_of(
    matches: Option<&Field<Vec<Match>>>,
    path: &str,
    reading: &mut Reading<'_>,
) -> Vec<ResourceMatch> {
    let matches = matches.map(|matches| matches.value.as_slice()).unwrap_or_default();
    let entries = matches.iter().enumerate();
    entries
        .filter_map(|(index, entry)| match_of(entry, &format!("{path}[{index}]"), reading))
        .collect()
}

fn match_of(written: &Match, path: &str, reading: &mut Reading<'_>) -> Option<ResourceMatch> {
    let text = |field: &Option<Field<String>>| field.as_ref().map(|field| field.value.clone()).unwrap_or_default();
    let (group, version, resource) = (text(&written.group), text(&written.version), text(&written.resource));
    if let Some(field) = &written.resource
        && !RESOURCES.iter().any(|(known, _)| *known == field.value)
    {
        let known = RESOURCES.map(|(known, _)| known).join("`, `");
        let why = format!("unsupported resource name: `{known}` are known");
        let path = format!("{path}.resource");
        reading.faults.invalid(field.at, &path, &field.value, &why);
        return None;
    }
    if let Some(selector) = &written.selector
        && group.is_empty()
        && version.is_empty()
        && resource.is_empty()
    {
        let why = "selector requires a resource type to match the labels of";
        let path = format!("{path}.selector");
        reading.faults.invalid(selector.at, &path, "selector", why);
        return None;
    }
    lint_never_matches(written.at, path, (&group, &version, &resource), reading);
    let selector = match &written.selector {
        Some(selector) => Some(selector_of(&selector.value, &format!("{path}.selector"), reading)?),
        None => None,
    };
    Some(ResourceMatch {
        group,
        version,
        resource,
        selector,
    })
}

fn lint_never_matches(at: Mark, path: &str, (group, version, resource): (&str, &str, &str), reading: &mut Reading<'_>) {
    let home = RESOURCES.iter().find(|(known, _)| *known == resource);
    let (message, advice) = match home {
        None => (
            "no object matches without a `resource`",
            "add one: `resource: pods`".to_owned(),
        ),
        Some((_, home)) if group != *home => (
            "no object matches: this resource is in another API group",
            format!("write `group: \"{home}\"`"),
        ),
        Some(_) if version.is_empty() => (
            "no object matches without a `version`",
            "add one: `version: v1`, or `version: \"*\"` for all".to_owned(),
        ),
        Some(_) => return,
    };
    reading.lint(LintCode::MatchNeverMatches, at, path, message.to_owned(), advice);
}

fn selector_of(written: &Selector, path: &str, reading: &mut Reading<'_>) -> Option<LabelSelector> {
    let labels = written.labels.iter();
    let mut requirements: Vec<Requirement> = labels
        .map(|(key, value)| Requirement::In(key.clone(), [value.clone()].into()))
        .collect();
    for (index, expression) in written.expressions.iter().enumerate() {
        requirements.push(requirement_of(
            expression,
            &format!("{path}.matchExpressions[{index}]"),
            reading,
        )?);
    }
    Some(LabelSelector { requirements })
}

fn requirement_of(written: &LabelExpression, path: &str, reading: &mut Reading<'_>) -> Option<Requirement> {
    let (Some(key), Some(operator)) = (&written.key, &written.operator) else {
        let name = if written.key.is_none() { "key" } else { "operator" };
        reading.faults.missing(written.at, &[format!("{path}.{name}")]);
        return None;
    };
    let values: std::collections::BTreeSet<String> = written.values.iter().map(|value| value.value.clone()).collect();
    let key = key.value.clone();
    let wants_values = matches!(operator.value.as_str(), "In" | "NotIn");
    let requirement = match operator.value.as_str() {
        "In" => Requirement::In(key, values),
        "NotIn" => Requirement::NotIn(key, values),
        "Exists" => Requirement::Exists(key),
        "DoesNotExist" => Requirement::DoesNotExist(key),
        other => {
            let why = "`In`, `NotIn`, `Exists` and `DoesNotExist` are known";
            let path = format!("{path}.operator");
            reading.faults.invalid(operator.at, &path, other, why);
            return None;
        }
    };
    if wants_values == written.values.is_empty() {
        let path = format!("{path}.values");
        if wants_values {
            reading.faults.missing(written.at, &[path]);
        } else {
            let why = format!("`{}` has no values", operator.value);
            reading.faults.not_allowed(written.at, &path, &why);
        }
        return None;
    }
    Some(requirement)
}
