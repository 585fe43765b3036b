//! What others let by, tried on the door: fields that excuse, tags that move under a warm cache, names and policies that
//! lead elsewhere, and labels without end. `docs/attacks.md` says who suffered what.

use std::time::Duration;

use countersign_registry::CacheConfig;
use serde_json::{Value, json};

use super::rig::Rig;
use super::rig::api_server::{create, deployment, pod};
use super::rig::shop::{Shop, policy};

/// Annotations, labels and owners with which some verifier let an object by.
fn excuses() -> Vec<(&'static str, Value)> {
    let owner = |kind: &str, name: &str, version: &str, uid: &str| {
        json!({ "ownerReferences": [{
            "apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true,
        }] })
    };
    let annotation = |name: &str, value: Value| json!({ "annotations": { name: value.to_string() } });
    let label = |name: &str, value: &str| json!({ "labels": { name: value } });
    vec![
        (
            "an owner that never was",
            owner(
                "ReplicaSet",
                "nobody",
                "apps/v1",
                "00000000-0000-4000-8000-000000000000",
            ),
        ),
        (
            "an owner of a foreign kind",
            owner(
                "Workload",
                "w",
                "example.com/v1",
                "4d3ba3b6-8a4b-4f4c-9a5b-5f1e3a6f6c11",
            ),
        ),
        (
            "an owner that is the node",
            owner("Node", "node-1", "v1", "4d3ba3b6-8a4b-4f4c-9a5b-5f1e3a6f6c12"),
        ),
        (
            "another verifier's verdict",
            annotation(
                "kyverno.io/image-verification-outcomes",
                json!({ "signed": { "status": "pass" } }),
            ),
        ),
        (
            "and its older form",
            annotation("kyverno.io/verify-images", json!({ "*": "pass" })),
        ),
        (
            "a verdict in our own name",
            annotation("countersign.dev/verdict", json!("admit")),
        ),
        (
            "a static pod's mirror",
            json!({ "annotations": {
                "kubernetes.io/config.mirror": "0123456789abcdef", "kubernetes.io/config.source": "file",
            } }),
        ),
        ("a label that opts out", label("policy.sigstore.dev/exclude", "true")),
        ("a label that opts out of ours", label("countersign.dev/exempt", "true")),
        ("a label of another webhook's", label("gatekeeper.sh/ignore", "true")),
        ("a namespace in the object", json!({ "namespace": "kube-system" })),
    ]
}

#[tokio::test]
async fn nothing_that_an_object_says_of_itself_excuses_its_images() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let unsigned = shop.push("team/app", "1.0", "unsigned").await;
    let tagged = shop.name("team/app", "1.0");
    for (what, metadata) in excuses() {
        for (image, code) in [(&unsigned.written(), "image.unsigned"), (&tagged, "image.unpinned")] {
            for mut object in [pod(&[image]), deployment(image, 1)] {
                for (field, value) in metadata.as_object().unwrap() {
                    object["metadata"][field] = value.clone();
                }
                let answer = rig.validate(&create(&object)).await;
                assert!(!answer.allowed(), "{what}: {answer:#?}");
                answer.expect_refused(400, &[code, image]);
            }
        }
    }
}

/// What is verified is a digest, so that a tag in a cache can be old but never wrong.
#[tokio::test]
async fn a_tag_that_moves_under_a_warm_cache_lets_nothing_else_in() {
    for tags in [CacheConfig::standard().tags, Duration::ZERO] {
        let shop = Shop::open().await;
        let rig = Rig::open_with(&[("shop.yaml", shop.policy())], |plan| plan.cache.tags = tags).await;
        let signed = shop.push_signed("team/app", "1.0").await;
        let submitted = pod(&[&shop.name("team/app", "1.0")]);
        let first = rig.mutate(&create(&submitted)).await.applied_to(&submitted);
        rig.validate(&create(&first)).await.expect_allowed();

        let moved = shop.push("team/app", "1.0", "pushed over it").await;
        let second = rig.mutate(&create(&submitted)).await.applied_to(&submitted);
        let answer = rig.validate(&create(&second)).await;
        let pinned = second["spec"]["containers"][0]["image"].as_str().unwrap();
        if pinned.ends_with(&signed.digest().to_string()) {
            answer.expect_allowed();
            assert!(!tags.is_zero(), "a tag that is not kept is asked for again");
        } else {
            assert!(pinned.ends_with(&moved.digest().to_string()), "{pinned}");
            answer.expect_refused(400, &["image.unsigned", pinned]);
        }
    }
}

#[tokio::test]
async fn an_image_on_the_link_is_asked_of_nobody() {
    let pass = policy("anything", "**", &json!({ "static": { "action": "pass" } }));
    let shop = Shop::open().await;
    let key = policy("signed", "**", &super::rig::shop::key_authority(&shop.key));
    let rig = Rig::open(&[("1.yaml", pass), ("2.yaml", key)]).await;
    let digest = format!("sha256:{}", "0".repeat(64));
    for host in ["169.254.169.254", "169.254.169.254:80", "[fe80::1]:5000"] {
        let tagged = format!("{host}/latest/meta-data:v1");
        rig.mutate(&create(&pod(&[&tagged])))
            .await
            .expect_refused(503, &["registry.unreachable", "link"]);
        let pinned = format!("{host}/latest/meta-data@{digest}");
        rig.validate(&create(&pod(&[&pinned])))
            .await
            .expect_refused(503, &["registry.unreachable", "link"]);
    }
}

/// A policy may name addresses and secrets wherever the format lets it: this version asks none of them, and admits
/// nothing in their name.
#[tokio::test]
async fn what_a_policy_names_is_not_fetched_and_admits_nothing() {
    let shop = Shop::open().await;
    let image = shop.push_signed("team/app", "1.0").await;
    let url = format!("http://{}/trap", shop.address);
    let key = super::rig::shop::key_authority(&shop.key);
    let with = |field: &str, value: Value| {
        let mut authority = key.clone();
        authority[field] = value;
        authority
    };
    let slsa = "https://slsa.dev/provenance/v1";
    let attested = |policy: Value| {
        with(
            "attestations",
            json!([{ "name": "a", "predicateType": slsa, "policy": policy }]),
        )
    };
    let keyless = json!({ "keyless": {
        "url": url, "identities": [{ "issuer": url, "subject": url }], "trustRootRef": "tenant",
    } });
    for (what, authority) in [
        ("a log", with("ctlog", json!({ "url": url }))),
        ("a certificate authority", keyless),
        (
            "a key management service",
            json!({ "key": { "kms": "hashivault://trap" } }),
        ),
        (
            "a secret",
            json!({ "key": { "secretRef": { "name": "key", "namespace": "tenant" } } }),
        ),
        (
            "an attestation's policy in a config map",
            attested(json!({ "type": "cue", "configMapRef": { "name": "rules", "namespace": "tenant" } })),
        ),
        (
            "an attestation's policy elsewhere",
            attested(json!({ "type": "rego", "remote": { "url": url, "sha256sum": "0".repeat(64) } })),
        ),
    ] {
        let rig = Rig::open(&[("1.yaml", policy("names", &shop.everything(), &authority))]).await;
        shop.traffic.take();
        let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
        assert!(!answer.allowed(), "{what}: {answer:#?}");
        let elsewhere: Vec<String> = shop
            .traffic
            .take()
            .into_iter()
            .filter(|request| !request.contains("/v2/team/app/"))
            .collect();
        assert_eq!(elsewhere, [""; 0], "{what}");
    }
}

/// Whoever may create an object chooses names, and a metric with a name for a label grows without end.
#[tokio::test]
async fn no_name_becomes_a_label_of_a_metric() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let ask = async |number: usize| {
        let image = shop.push(&format!("team/app{number}"), "1.0", "unsigned").await;
        let mut request = create(&pod(&[&image.written()]));
        request["namespace"] = json!(format!("tenant-{number}"));
        request["userInfo"]["username"] = json!(format!("mallory-{number}"));
        rig.validate(&request).await.expect_refused(400, &["image.unsigned"]);
        let tagged = shop.name(&format!("team/nowhere{number}"), "1.0");
        rig.mutate(&create(&pod(&[&tagged])))
            .await
            .expect_refused(400, &["image.not_found"]);
        let mut unknown = request.clone();
        unknown["operation"] = json!(format!("OPERATION-{number}"));
        rig.validate(&unknown).await.expect_refused(400, &["review.malformed"]);
    };
    ask(0).await;
    let before = rig.series().await;
    for number in 1..20 {
        ask(number).await;
    }
    assert_eq!(rig.series().await, before);
}
