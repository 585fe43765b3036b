//! From the name that an author wrote to the digest that is judged.

use std::time::Duration;

use countersign_evidence::{KeyKind, Layout};
use countersign_keys::PrivateKey;
use countersign_server::serve::AdmissionPlan;
use futures_util::future::join_all;
use serde_json::json;

use super::rig::Rig;
use super::rig::api_server::{create, pod};
use super::rig::shop::{Shop, paths};

#[tokio::test]
async fn a_tag_is_pinned_where_it_stands_and_what_was_pinned_is_admitted() {
    let shop = Shop::open().await;
    let image = shop.push_signed("team/app", "1.0").await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let name = shop.name("team/app", "1.0");

    let submitted = pod(&[&name]);
    let mutated = rig.mutate(&create(&submitted)).await;
    let pinned = format!("{name}@{}", image.digest());
    let expected = json!({ "op": "replace", "path": "/spec/containers/0/image", "value": pinned });
    assert_eq!(mutated.expect_allowed().patch(), [expected]);
    let stored = mutated.applied_to(&submitted);
    rig.validate(&create(&stored)).await.expect_allowed();
    assert_eq!(
        rig.validate(&create(&stored)).await.patch(),
        [json!(null); 0],
        "`/validate` changes nothing"
    );
}

#[tokio::test]
async fn every_layout_counts_and_who_signs_after_a_denial_is_let_in() {
    let shop = Shop::open().await;
    let unsigned_for_no_time = |plan: &mut AdmissionPlan| plan.cache.unsigned = Duration::ZERO;
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], unsigned_for_no_time).await;
    for layout in [Layout::Tag, Layout::Referrer, Layout::Bundle] {
        let image = shop.push(&format!("team/{layout}"), "1.0", &layout.to_string()).await;
        let request = create(&pod(&[&image.written()]));
        rig.validate(&request).await.expect_refused(400, &["image.unsigned"]);
        shop.sign(&image, layout, &shop.key).await;
        rig.validate(&request).await.expect_allowed();
    }
}

/// A denial is judged again only on other evidence than before: nobody makes us verify the same signatures without end.
#[tokio::test]
async fn a_heap_of_worthless_signatures_is_verified_once() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let image = shop.push("team/app", "1.0", "heaped").await;
    for _ in 0..40 {
        let stranger = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        shop.sign(&image, Layout::Tag, &stranger).await;
    }
    let request = create(&pod(&[&image.written()]));
    let refused = ["signature.wrong_key", "40 signatures"];
    let answers = join_all((0..50).map(|_| rig.validate(&request))).await;
    for answer in answers {
        answer.expect_refused(400, &refused);
    }
    rig.validate(&request).await.expect_refused(400, &refused);
    let misses = r#"countersign_cache_lookups_total{cache="verdicts",lookup="miss"}"#;
    assert_eq!(rig.metric(misses).await, Some(1));
}

/// The digest says what will run; where the tag points meanwhile is nobody's business any more.
#[tokio::test]
async fn a_tag_that_moves_between_the_webhooks_changes_nothing() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let name = shop.name("team/app", "1.0");

    let signed = shop.push_signed("team/app", "1.0").await;
    let pinned = rig.mutate(&create(&pod(&[&name]))).await.applied_to(&pod(&[&name]));
    let unsigned = shop.push("team/app", "1.0", "pushed over it").await;
    assert_ne!(signed.digest(), unsigned.digest());
    rig.validate(&create(&pinned)).await.expect_allowed();

    let forged = format!("{name}@{}", unsigned.digest());
    rig.validate(&create(&pod(&[&forged])))
        .await
        .expect_refused(400, &["image.unsigned", &forged]);
}

#[tokio::test]
async fn an_image_named_by_digest_is_judged_without_its_manifest() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    for layout in [Layout::Tag, Layout::Referrer, Layout::Bundle] {
        let image = shop.push(&format!("team/{layout}"), "1.0", &layout.to_string()).await;
        shop.sign(&image, layout, &shop.key).await;
        let by_digest = format!("{}@{}", image.repository(), image.digest());
        shop.traffic.take();
        assert_eq!(
            rig.mutate(&create(&pod(&[&by_digest]))).await.expect_allowed().patch(),
            [json!(null); 0]
        );
        rig.validate(&create(&pod(&[&by_digest]))).await.expect_allowed();
        let requests = shop.traffic.take();
        let own = format!("/v2/team/{layout}/manifests/{}", image.digest());
        assert!(
            !requests.is_empty() && !paths(&requests).contains(own.as_str()),
            "{requests:#?}"
        );
    }
}

#[tokio::test]
async fn eight_containers_of_one_image_cost_what_one_costs() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let (one, eight) = (
        shop.push_signed("team/app", "1.0").await,
        shop.push_signed("team/app", "2.0").await,
    );
    let mut costs = Vec::new();
    for (image, count) in [(&one, 1), (&eight, 8)] {
        let name = format!("{}:{}", image.repository(), image.tag().unwrap());
        let submitted = pod(&vec![name.as_str(); count]);
        shop.traffic.take();
        let mutated = rig.mutate(&create(&submitted)).await;
        assert_eq!(mutated.patch().len(), count);
        rig.validate(&create(&mutated.applied_to(&submitted)))
            .await
            .expect_allowed();
        let requests = shop.traffic.take();
        let resolving = requests.iter().filter(|request| request.starts_with("HEAD ")).count();
        assert_eq!(resolving, 1, "{requests:#?}");
        costs.push(requests.len());
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test]
async fn a_warm_admission_asks_the_registry_for_nothing() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let image = shop.push_signed("team/app", "1.0").await;
    rig.validate(&create(&pod(&[&image.written()]))).await.expect_allowed();
    shop.traffic.take();
    rig.validate(&create(&pod(&[&image.written()]))).await.expect_allowed();
    assert_eq!(shop.traffic.take(), [""; 0]);
    assert_eq!(
        rig.metric(r#"countersign_cache_lookups_total{cache="verdicts",lookup="hit"}"#)
            .await,
        Some(1)
    );
}

/// The same digest elsewhere shares bytes, never a verdict.
#[tokio::test]
async fn a_signature_in_one_repository_admits_nothing_from_another() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let signed = shop.push_signed("team/app", "1.0").await;
    let copied = shop.push("other/app", "1.0", "1.0").await;
    assert_eq!(signed.digest(), copied.digest());
    rig.validate(&create(&pod(&[&signed.written()]))).await.expect_allowed();
    rig.validate(&create(&pod(&[&copied.written()])))
        .await
        .expect_refused(400, &["image.unsigned", "other/app"]);
}

#[tokio::test]
async fn mutate_turns_away_what_cannot_be_told() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    shop.push_signed("team/app", "1.0").await;
    let (there, absent) = (shop.name("team/app", "1.0"), shop.name("team/app", "9.9"));
    let nowhere = shop.name("team/nothing", "1.0");
    for (images, words) in [
        (
            vec![absent.as_str()],
            vec!["image.not_found", "spec.containers[0].image", "`9.9`", "team/app"],
        ),
        (vec![&nowhere], vec!["image.not_found", "team/nothing"]),
        (
            vec![&there, &absent],
            vec!["image.not_found", "spec.containers[1].image"],
        ),
        (
            vec!["Not A Name"],
            vec!["image.unparsable", "spec.containers[0].image", "`Not A Name`"],
        ),
    ] {
        rig.mutate(&create(&pod(&images))).await.expect_refused(400, &words);
    }
}

/// Init containers, ephemeral containers and volumes too; the object's other fields are not touched.
#[tokio::test]
async fn images_are_pinned_wherever_they_hide() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let image = shop.push_signed("team/app", "1.0").await;
    let name = shop.name("team/app", "1.0");
    let mut submitted = pod(&["placeholder"]);
    let container = |container: &str| json!({ "name": container, "image": name, "x-unknown": [1, { "y": null }] });
    submitted["spec"] = json!({
        "initContainers": [container("i")], "containers": [container("c")], "ephemeralContainers": [container("e")],
        "volumes": [{ "name": "empty", "emptyDir": {} }, { "name": "v", "image": { "reference": name, "pullPolicy": "Always" } }],
    });
    let mutated = rig.mutate(&create(&submitted)).await;
    let pointers: Vec<_> = mutated
        .expect_allowed()
        .patch()
        .iter()
        .map(|operation| operation["path"].clone())
        .collect();
    let mut expected = [
        "/spec/initContainers/0/image",
        "/spec/containers/0/image",
        "/spec/ephemeralContainers/0/image",
        "/spec/volumes/1/image/reference",
    ];
    expected.sort_unstable();
    let mut found: Vec<_> = pointers.iter().map(|pointer| pointer.as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    let stored = mutated.applied_to(&submitted);
    rig.validate(&create(&stored)).await.expect_allowed();
    assert_eq!(
        stored["spec"]["volumes"][1]["image"]["reference"],
        format!("{name}@{}", image.digest())
    );
}
