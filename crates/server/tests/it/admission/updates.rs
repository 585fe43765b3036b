//! UPDATE: what is carried over, what comes in anew, and what was stored for an author's tag.

use serde_json::{Value, json};

use super::rig::Rig;
use super::rig::api_server::{create, deployment, pod, request, update};
use super::rig::shop::Shop;

#[tokio::test]
async fn a_tag_that_is_applied_again_gets_the_stored_digest_back() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let image = shop.push_signed("team/app", "1.0").await;
    let (name, pinned) = (shop.name("team/app", "1.0"), image.written());
    // Meanwhile the tag means something else, and nobody asks what.
    shop.push("team/app", "1.0", "pushed over it").await;
    shop.traffic.take();
    for (old, new) in [
        (deployment(&pinned, 1), deployment(&name, 1)),
        (deployment(&pinned, 1), deployment(&name, 5)),
        (pod(&[&pinned]), pod(&[&name])),
    ] {
        let mutated = rig.mutate(&update(&old, &new)).await;
        let patched: Vec<_> = mutated
            .expect_allowed()
            .patch()
            .iter()
            .map(|operation| operation["value"].clone())
            .collect();
        assert_eq!(patched, [json!(pinned)], "{new:#}");
        assert_eq!(shop.traffic.take(), [""; 0], "what is stored needs no resolving");
        rig.validate(&update(&old, &mutated.applied_to(&new)))
            .await
            .expect_allowed();
        shop.traffic.take();
    }
}

#[tokio::test]
async fn one_that_is_applied_again_and_one_that_is_new_are_both_pinned() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let stored = shop.push_signed("team/app", "1.0").await;
    let new = shop.push_signed("team/sidecar", "1.0").await;
    let old = pod(&[&stored.written()]);
    let submitted = pod(&[&shop.name("team/app", "1.0"), &shop.name("team/sidecar", "1.0")]);
    let mutated = rig.mutate(&update(&old, &submitted)).await;
    assert_eq!(
        mutated.expect_allowed().applied_to(&submitted),
        pod(&[&stored.written(), &new.written()])
    );
}

/// What runs goes on running, whatever the policies have come to say; `/mutate` leaves it alone, too.
#[tokio::test]
async fn an_unchanged_container_of_a_pod_is_not_judged_again() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let unsigned = shop.push("team/app", "1.0", "unsigned").await.written();
    let tag = shop.name("team/app", "1.0");
    shop.traffic.take();
    for image in [&unsigned, &tag] {
        let old = pod(&[image]);
        let mut new = old.clone();
        new["metadata"]["labels"]["app"] = json!("relabelled");
        let request = update(&old, &new);
        assert_eq!(rig.mutate(&request).await.expect_allowed().patch(), [Value::Null; 0]);
        rig.validate(&request).await.expect_allowed();
    }
    assert_eq!(shop.traffic.take(), [""; 0]);

    // Beside it stands a container that was not there before: that one is judged, although it has the same image.
    let (old, new) = (pod(&[&unsigned]), pod(&[&unsigned, &unsigned]));
    let refused = rig.validate(&update(&old, &new)).await;
    refused.expect_refused(400, &["spec.containers[1].image", "image.unsigned"]);
    assert!(!refused.message().contains("containers[0]"), "{}", refused.message());
}

#[tokio::test]
async fn a_template_is_let_stand_only_on_its_way_out() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let unsigned = shop.push("team/app", "1.0", "unsigned").await.written();
    let marked = |mut object: Value| {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        object
    };
    let of = |replicas| deployment(&unsigned, replicas);
    for (what, old, new, let_in) in [
        ("it shrinks", of(3), of(2), true),
        ("it goes to nothing", of(3), of(0), true),
        ("it stays", of(3), of(3), false),
        ("it grows", of(3), of(4), false),
        ("it is being deleted", marked(of(3)), marked(of(3)), true),
        (
            "only the caller says that it is being deleted",
            of(3),
            marked(of(3)),
            false,
        ),
    ] {
        let request = update(&old, &new);
        assert_eq!(
            rig.mutate(&request).await.expect_allowed().patch(),
            [Value::Null; 0],
            "{what}"
        );
        let answer = rig.validate(&request).await;
        assert_eq!(answer.allowed(), let_in, "{what}: {answer:#?}");
        if !let_in {
            answer.expect_refused(400, &["spec.template.spec.containers[0].image", "image.unsigned"]);
        }
    }
}

#[tokio::test]
async fn what_stores_no_image_is_let_by() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let unsigned = pod(&[&shop.push("team/app", "1.0", "unsigned").await.written()]);
    let with_sub_resource = |mut request: Value, name: &str| {
        request["subResource"] = json!(name);
        request
    };
    for request in [
        request("DELETE", &Value::Null, &unsigned),
        request(
            "DELETE",
            &Value::Null,
            &json!({ "apiVersion": "example.com/v1", "kind": "Anything", "metadata": {} }),
        ),
        with_sub_resource(update(&unsigned, &unsigned), "status"),
        with_sub_resource(
            request(
                "CONNECT",
                &json!({ "apiVersion": "v1", "kind": "PodExecOptions" }),
                &Value::Null,
            ),
            "exec",
        ),
    ] {
        for answer in [rig.mutate(&request).await, rig.validate(&request).await] {
            assert_eq!(answer.expect_allowed().patch(), [Value::Null; 0], "{request:#}");
        }
    }
    // The same Pod, through the sub-resource by which `kubectl debug` adds to it.
    let mut debugged = unsigned.clone();
    debugged["spec"]["ephemeralContainers"] =
        json!([{ "name": "debugger", "image": unsigned["spec"]["containers"][0]["image"] }]);
    let request = with_sub_resource(update(&unsigned, &debugged), "ephemeralcontainers");
    rig.validate(&request)
        .await
        .expect_refused(400, &["spec.ephemeralContainers[0].image", "image.unsigned"]);
    rig.validate(&create(&unsigned)).await.expect_refused(400, &[]);
}
