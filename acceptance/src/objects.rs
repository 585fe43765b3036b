//! Kubernetes objects, as small as the API server takes them.

use serde_json::{Value, json};

/// Every kind besides the Pod that makes Pods of a template and keeps it at `spec.template`.
pub const WORKLOADS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("v1", "ReplicationController"),
];

pub fn pod(name: &str, image: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod_spec(image)})
}

/// The name of the object is the label of its Pods.
pub fn workload(api_version: &str, kind: &str, name: &str, image: &str) -> Value {
    let labels = json!({"app": name});
    let mut spec = pod_spec(image);
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    object["spec"] = match kind {
        "Job" => {
            spec["restartPolicy"] = json!("Never");
            json!({})
        }
        "ReplicationController" => json!({"replicas": 1, "selector": labels}),
        "DaemonSet" => json!({"selector": {"matchLabels": labels}}),
        "StatefulSet" => json!({"replicas": 1, "serviceName": name, "selector": {"matchLabels": labels}}),
        _ => json!({"replicas": 1, "selector": {"matchLabels": labels}}),
    };
    object["spec"]["template"] = json!({"metadata": {"labels": labels}, "spec": spec});
    object
}

pub fn cron_job(name: &str, image: &str) -> Value {
    let mut spec = pod_spec(image);
    spec["restartPolicy"] = json!("Never");
    let template = json!({"metadata": {"labels": {"app": name}}, "spec": spec});
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        // Once a year: the test does not wait for the clock.
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}},
    })
}

pub fn pod_template(name: &str, image: &str) -> Value {
    let template = json!({"metadata": {"labels": {"app": name}}, "spec": pod_spec(image)});
    json!({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": name}, "template": template})
}

fn pod_spec(image: &str) -> Value {
    json!({"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": image}]})
}

/// The image of the first container, wherever the object keeps its Pod.
pub fn first_image(object: &Value) -> Option<&str> {
    let places = [
        "/spec/containers",
        "/spec/template/spec/containers",
        "/spec/jobTemplate/spec/template/spec/containers",
    ];
    let places = places.iter().chain(&["/template/spec/containers"]);
    places
        .filter_map(|place| object.pointer(place))
        .find_map(|containers| containers[0]["image"].as_str())
}
