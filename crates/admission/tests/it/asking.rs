//! Reviews for the tests, put together as the API server does.

use bytes::Bytes;
use countersign_admission::{Carried, Question, Review, Use, WorkloadError, question};
use serde_json::{Value, json};

pub(crate) const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// A kind: group, version, kind, resource.
pub(crate) type Kind = (&'static str, &'static str, &'static str, &'static str);

pub(crate) const POD: Kind = ("", "v1", "Pod", "pods");
pub(crate) const POD_TEMPLATE: Kind = ("", "v1", "PodTemplate", "podtemplates");
pub(crate) const REPLICATION_CONTROLLER: Kind = ("", "v1", "ReplicationController", "replicationcontrollers");
pub(crate) const DEPLOYMENT: Kind = ("apps", "v1", "Deployment", "deployments");
pub(crate) const REPLICA_SET: Kind = ("apps", "v1", "ReplicaSet", "replicasets");
pub(crate) const STATEFUL_SET: Kind = ("apps", "v1", "StatefulSet", "statefulsets");
pub(crate) const DAEMON_SET: Kind = ("apps", "v1", "DaemonSet", "daemonsets");
pub(crate) const JOB: Kind = ("batch", "v1", "Job", "jobs");
pub(crate) const CRON_JOB: Kind = ("batch", "v1", "CronJob", "cronjobs");

pub(crate) fn create(kind: Kind, object: Value) -> Value {
    asked("CREATE", kind, object, Value::Null)
}

pub(crate) fn update(kind: Kind, old: Value, object: Value) -> Value {
    asked("UPDATE", kind, object, old)
}

pub(crate) fn asked(operation: &str, (group, version, kind, resource): Kind, object: Value, old: Value) -> Value {
    json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": UID,
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": resource},
            "name": "app",
            "namespace": "shop",
            "operation": operation,
            "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
            "object": object,
            "oldObject": old,
            "dryRun": false,
            "options": null,
        },
    })
}

pub(crate) trait Asked {
    fn sub_resource(self, name: &str) -> Self;
    fn body(&self) -> Bytes;
    fn review(&self) -> Review;
    fn question(&self) -> Result<Question, WorkloadError>;
    fn uses(&self) -> Vec<Use>;
    fn images(&self) -> Vec<(String, String)>;
    fn carried(&self) -> Vec<(String, Carried)>;
}

impl Asked for Value {
    fn sub_resource(mut self, name: &str) -> Self {
        self["request"]["subResource"] = name.into();
        self
    }

    fn body(&self) -> Bytes {
        serde_json::to_vec(self).unwrap().into()
    }

    fn review(&self) -> Review {
        Review::parse(self.body()).unwrap_or_else(|error| panic!("{error}: {error:?}"))
    }

    fn question(&self) -> Result<Question, WorkloadError> {
        question(&self.review())
    }

    fn uses(&self) -> Vec<Use> {
        match self.question() {
            Ok(Question::Uses(uses)) => uses,
            other => panic!("expected images: {other:?}"),
        }
    }

    fn images(&self) -> Vec<(String, String)> {
        let pair = |found: Use| (found.path.to_string(), found.image);
        self.uses().into_iter().map(pair).collect()
    }

    fn carried(&self) -> Vec<(String, Carried)> {
        let pair = |found: Use| (found.path.to_string(), found.carried);
        self.uses().into_iter().map(pair).collect()
    }
}

/// A container list of `(name, image)`.
pub(crate) fn containers(list: &[(&str, &str)]) -> Value {
    list.iter()
        .map(|(name, image)| json!({"name": name, "image": image}))
        .collect()
}

/// A Pod with these containers.
pub(crate) fn pod(list: &[(&str, &str)]) -> Value {
    json!({"kind": "Pod", "spec": {"containers": containers(list)}})
}

/// An object whose template has these containers.
pub(crate) fn templated(list: &[(&str, &str)]) -> Value {
    json!({"spec": {"template": {"spec": {"containers": containers(list)}}}})
}

/// The same, for so many Pods.
pub(crate) fn scaled(replicas: impl Into<Value>, list: &[(&str, &str)]) -> Value {
    let mut object = templated(list);
    object["spec"]["replicas"] = replicas.into();
    object
}

/// The digest that is a digit, over and over.
pub(crate) fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}
