//! The kinds of Kubernetes that carry a Pod or the template of one, and where in them it is.

use crate::review::GroupVersionKind;

/// Where the images of a kind are, and how it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Workload {
    /// The fields that lead to the Pod's spec.
    pub(super) way: &'static [&'static str],
    pub(super) place: Place,
    pub(super) template_is_optional: bool,
    /// Whether it has `spec.replicas`.
    pub(super) scales: bool,
}

/// Whether an object is what runs, or what makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Pod,
    Template,
}

const POD: Workload = Workload {
    way: &["spec"],
    place: Place::Pod,
    template_is_optional: false,
    scales: false,
};
const POD_TEMPLATE: Workload = Workload {
    way: &["template", "spec"],
    ..CONTROLLER
};
const CONTROLLER: Workload = Workload {
    way: &["spec", "template", "spec"],
    place: Place::Template,
    template_is_optional: false,
    scales: false,
};
const SCALED: Workload = Workload {
    scales: true,
    ..CONTROLLER
};
const REPLICATION_CONTROLLER: Workload = Workload {
    template_is_optional: true,
    ..SCALED
};
const CRON_JOB: Workload = Workload {
    way: &["spec", "jobTemplate", "spec", "template", "spec"],
    ..CONTROLLER
};

/// What is known of a kind, in whatever version of its group: the template has been in the same place in all of them.
pub(super) fn workload(kind: &GroupVersionKind) -> Option<Workload> {
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Pod") => POD,
        ("", "PodTemplate") => POD_TEMPLATE,
        ("", "ReplicationController") => REPLICATION_CONTROLLER,
        ("apps" | "extensions", "Deployment" | "ReplicaSet") | ("apps", "StatefulSet") => SCALED,
        ("apps" | "extensions", "DaemonSet") | ("batch", "Job") => CONTROLLER,
        ("batch", "CronJob") => CRON_JOB,
        _ => return None,
    })
}

/// What a sub-resource can do to images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubResource {
    /// The object is the Pod, and what is written through it is stored.
    WholePod,
    /// Nothing.
    NoImage,
}

/// What is known of a sub-resource.
///
/// An update of `status` carries the whole object, but the API server puts the stored spec back before it stores anything
/// (`PrepareForUpdate` of each kind's status strategy), so whatever images stand in it, none of them comes in.
pub(super) fn sub_resource(group: &str, resource: &str, name: &str) -> Option<SubResource> {
    match (group, resource, name) {
        ("", "pods", "ephemeralcontainers" | "resize") => Some(SubResource::WholePod),
        (
            "",
            "pods",
            "status" | "binding" | "eviction" | "exec" | "attach" | "portforward" | "log" | "proxy",
        )
        | ("", "replicationcontrollers", "status" | "scale")
        | ("apps" | "extensions", "deployments" | "replicasets", "status" | "scale")
        | ("extensions", "replicationcontrollers", "scale")
        | ("apps", "statefulsets", "status" | "scale")
        | ("apps" | "extensions", "daemonsets", "status")
        | ("batch", "jobs" | "cronjobs", "status")
        // Of resources that carry no Pod, but are matched by `*/*` rules.
        | ("", "serviceaccounts", "token")
        | ("certificates.k8s.io", "certificatesigningrequests", "status" | "approval") => Some(SubResource::NoImage),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, version: &str, kind: &str) -> GroupVersionKind {
        GroupVersionKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    #[test]
    fn every_version_of_a_group_is_known() {
        for (group, version, name) in [
            ("", "v1", "Pod"),
            ("apps", "v1", "Deployment"),
            ("apps", "v1beta2", "Deployment"),
            ("extensions", "v1beta1", "Deployment"),
            ("extensions", "v1beta1", "DaemonSet"),
            ("extensions", "v1beta1", "ReplicaSet"),
            ("apps", "v1beta1", "StatefulSet"),
            ("batch", "v1", "Job"),
            ("batch", "v1", "CronJob"),
            ("batch", "v1beta1", "CronJob"),
        ] {
            assert!(
                workload(&kind(group, version, name)).is_some(),
                "{group}/{version} {name}"
            );
        }
    }

    #[test]
    fn a_kind_of_the_same_name_in_another_group_is_not_known() {
        for (group, name) in [
            ("apps.example.com", "Deployment"),
            ("", "Deployment"),
            ("apps", "Pod"),
            ("apps", "deployment"),
            ("apps", "ControllerRevision"),
            ("batch", "StatefulSet"),
            ("serving.knative.dev", "Service"),
        ] {
            assert_eq!(workload(&kind(group, "v1", name)), None, "{group} {name}");
        }
    }

    #[test]
    fn only_known_sub_resources_are_let_by() {
        assert_eq!(sub_resource("", "pods", "resize"), Some(SubResource::WholePod));
        assert_eq!(sub_resource("apps", "deployments", "scale"), Some(SubResource::NoImage));
        for (group, resource, name) in [
            ("", "pods", "template"),
            ("apps", "pods", "status"),
            ("apps", "deployments", "ephemeralcontainers"),
            ("apps", "daemonsets", "scale"),
            ("example.com", "jobs", "status"),
        ] {
            assert_eq!(sub_resource(group, resource, name), None, "{group} {resource}/{name}");
        }
    }
}
