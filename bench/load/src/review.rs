//! The API server's question about a Pod, in the shape and size in which it comes: defaulted, with managed fields, about 4 KiB.

use bytes::Bytes;
use serde_json::{Value, json};

/// Asks about the creation of a Pod with one container for each image. `number` makes its uid and name.
#[must_use]
pub fn of_pod(number: usize, images: &[&str]) -> Bytes {
    let name = format!("web-{number:06}");
    let (group, pods) = (
        json!({ "group": "", "version": "v1", "kind": "Pod" }),
        json!({ "group": "", "version": "v1", "resource": "pods" }),
    );
    let rest = json!({
        "kind": group, "resource": pods, "requestKind": group, "requestResource": pods,
        "name": name, "namespace": "shop", "operation": "CREATE",
        "userInfo": {
            "username": "system:serviceaccount:kube-system:replicaset-controller",
            "uid": uid(0),
            "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
            "extra": { "authentication.kubernetes.io/credential-id": [format!("JTI={}", uid(1))] },
        },
        "object": {
            "kind": "Pod", "apiVersion": "v1",
            "metadata": metadata(&name, images.len()),
            "spec": spec(images),
            "status": { "phase": "Pending", "qosClass": "BestEffort" },
        },
        "oldObject": null,
        "dryRun": false,
        "options": { "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" },
    });
    // The API server writes the uid first, and the constant door looks no further than for the first one.
    let (uid, rest) = (uid(number), rest.to_string());
    format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"{uid}",{}}}"#,
        &rest[1..]
    )
    .into()
}

fn uid(number: usize) -> String {
    format!("6d1f0c52-4b7e-4e0a-9c57-{number:012}")
}

fn metadata(name: &str, containers: usize) -> Value {
    let owner = uid(2);
    let label = json!({ "app": "web", "pod-template-hash": "5d5f6d7c9b" });
    let mut fields = json!({
        "f:metadata": {
            "f:generateName": {},
            "f:labels": { ".": {}, "f:app": {}, "f:pod-template-hash": {} },
            "f:ownerReferences": { ".": {}, format!("k:{{\"uid\":\"{owner}\"}}"): {} },
        },
        "f:spec": {
            "f:containers": {}, "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {},
            "f:schedulerName": {}, "f:securityContext": {}, "f:terminationGracePeriodSeconds": {},
        },
    });
    for number in 0..containers {
        fields["f:spec"]["f:containers"][format!("k:{{\"name\":\"c{number}\"}}")] = json!({
            ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
            "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
        });
    }
    json!({
        "name": name, "generateName": "web-", "namespace": "shop", "uid": uid(3), "generation": 1,
        "creationTimestamp": "2026-11-24T07:16:58Z",
        "labels": label,
        "ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d5f6d7c9b", "uid": owner,
            "controller": true, "blockOwnerDeletion": true,
        }],
        "managedFields": [{
            "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
            "time": "2026-11-24T07:16:58Z", "fieldsType": "FieldsV1", "fieldsV1": fields,
        }],
    })
}

fn spec(images: &[&str]) -> Value {
    let account = "kube-api-access-w9d8p";
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(number, image)| {
            json!({
                "name": format!("c{number}"), "image": image, "resources": {},
                "volumeMounts": [{
                    "name": account, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                }],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "imagePullPolicy": "IfNotPresent",
            })
        })
        .collect();
    let tolerate = |trouble: &str| {
        json!({
            "key": format!("node.kubernetes.io/{trouble}"), "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": 300,
        })
    };
    json!({
        "volumes": [{ "name": account, "projected": { "defaultMode": 420, "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [{
                "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
            }] } },
        ] } }],
        "containers": containers,
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default", "serviceAccount": "default", "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [tolerate("not-ready"), tolerate("unreachable")],
        "priority": 0, "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority",
    })
}
