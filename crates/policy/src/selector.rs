//! Which objects a policy governs: `match` with its label selectors.

use std::collections::{BTreeMap, BTreeSet};

use crate::set::ObjectFacts;

/// One entry of `match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceMatch {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) selector: Option<LabelSelector>,
}

impl ResourceMatch {
    /// Whether it matches an object. Group and resource must be equal, the version equal or `*`; an entry that leaves the
    /// version or the resource out matches nothing.
    pub fn matches(&self, object: &ObjectFacts) -> bool {
        let version = !self.version.is_empty() && (self.version == "*" || self.version == object.version);
        !self.resource.is_empty()
            && self.resource == object.resource
            && self.group == object.group
            && version
            && self
                .selector
                .as_ref()
                .is_none_or(|selector| selector.matches(&object.labels))
    }
}

/// A Kubernetes label selector: all of its requirements hold. One without requirements matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelector {
    pub(crate) requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// The label is there with one of these values.
    In(String, BTreeSet<String>),
    /// The label is not there, or has none of these values.
    NotIn(String, BTreeSet<String>),
    /// The label is there.
    Exists(String),
    /// The label is not there.
    DoesNotExist(String),
}

impl LabelSelector {
    /// Whether all requirements hold for these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(group: &str, version: &str, resource: &str, labels: &[(&str, &str)]) -> ObjectFacts {
        ObjectFacts {
            group: group.into(),
            version: version.into(),
            resource: resource.into(),
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
        }
    }

    fn entry(group: &str, version: &str, resource: &str) -> ResourceMatch {
        ResourceMatch {
            group: group.into(),
            version: version.into(),
            resource: resource.into(),
            selector: None,
        }
    }

    #[test]
    fn group_version_and_resource_are_compared_as_policy_controller_does() {
        let pod = facts("", "v1", "pods", &[]);
        let deployment = facts("apps", "v1", "deployments", &[]);
        let cases = [
            (entry("", "v1", "pods"), &pod, true),
            (entry("", "*", "pods"), &pod, true),
            (entry("", "", "pods"), &pod, false),
            (entry("", "v2", "pods"), &pod, false),
            (entry("", "v1", ""), &pod, false),
            (entry("apps", "v1", "pods"), &pod, false),
            (entry("", "v1", "deployments"), &deployment, false),
            (entry("apps", "v1", "deployments"), &deployment, true),
            (entry("apps", "*", "replicasets"), &deployment, false),
        ];
        for (entry, object, expected) in cases {
            assert_eq!(entry.matches(object), expected, "{entry:?} and {object:?}");
            assert!(!entry.matches(&ObjectFacts::none()), "{entry:?} and no object");
        }
        let nothing = entry("", "*", "");
        assert!(
            !nothing.matches(&ObjectFacts::none()),
            "not even an entry that says nothing"
        );
    }

    #[test]
    fn a_selector_narrows_a_match() {
        let selector = LabelSelector {
            requirements: vec![Requirement::In("match".into(), ["match".into()].into())],
        };
        let entry = ResourceMatch {
            selector: Some(selector),
            ..entry("", "v1", "pods")
        };
        assert!(entry.matches(&facts("", "v1", "pods", &[("match", "match")])));
        assert!(!entry.matches(&facts("", "v1", "pods", &[("match", "other")])));
        assert!(!entry.matches(&facts("", "v1", "pods", &[])));
    }

    fn word() -> impl Strategy<Value = String> {
        "[ab]"
    }

    fn requirement() -> impl Strategy<Value = Requirement> {
        let values = || prop::collection::btree_set(word(), 1..3);
        prop_oneof![
            (word(), values()).prop_map(|(key, values)| Requirement::In(key, values)),
            (word(), values()).prop_map(|(key, values)| Requirement::NotIn(key, values)),
            word().prop_map(Requirement::Exists),
            word().prop_map(Requirement::DoesNotExist),
        ]
    }

    /// The definition in Kubernetes' documentation, with absence as a value of its own.
    fn naive(requirement: &Requirement, labels: &BTreeMap<String, String>) -> bool {
        let value = |key| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| value);
        match requirement {
            Requirement::In(key, values) => values.iter().any(|allowed| value(key) == Some(allowed)),
            Requirement::NotIn(key, values) => values.iter().all(|forbidden| value(key) != Some(forbidden)),
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::DoesNotExist(key) => value(key).is_none(),
        }
    }

    proptest! {
        #[test]
        fn a_selector_is_all_of_its_requirements(
            requirements in prop::collection::vec(requirement(), 0..4),
            labels in prop::collection::btree_map(word(), word(), 0..3),
        ) {
            let expected = requirements.iter().all(|requirement| naive(requirement, &labels));
            prop_assert_eq!(LabelSelector { requirements }.matches(&labels), expected);
        }
    }
}
