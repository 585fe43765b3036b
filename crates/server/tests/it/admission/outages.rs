//! A registry that is gone, stalls or fails: what it holds up, what it does not, and what people are told.

use std::time::{Duration, Instant};

use countersign_evidence::Layout;
use countersign_image::Pinned;
use countersign_server::serve::AdmissionPlan;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::api_server::{create, pod};
use super::rig::shop::{Fault, Shop, key_authority, policy, policy_with};
use super::rig::{Rig, eventually};

#[tokio::test]
async fn a_registry_that_is_gone_holds_up_what_is_new_and_nothing_else() {
    let mut shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let known = shop.push_signed("team/known", "1.0").await.written();
    let new = shop.push_signed("team/new", "1.0").await;
    rig.validate(&create(&pod(&[&known]))).await.expect_allowed();
    shop.stop().await;

    let undecided = rig.validate(&create(&pod(&[&new.written()]))).await;
    let host = shop.address.to_string();
    undecided.expect_refused(
        503,
        &[
            "undecided policy: signed",
            "registry.unreachable",
            &host,
            "Connection refused",
            "this is not a denial",
        ],
    );
    rig.validate(&create(&pod(&[&known]))).await.expect_allowed();
    let both = rig.validate(&create(&pod(&[&known, &new.written()]))).await;
    both.expect_refused(503, &["spec.containers[1].image", "registry.unreachable"]);
    let tag = shop.name("team/new", "1.0");
    let unresolved = rig.mutate(&create(&pod(&[&tag]))).await;
    unresolved.expect_refused(503, &["registry.unreachable", &host, &tag, "spec.containers[0].image"]);

    shop.start_again().await;
    is_let_in(&rig, &new).await;
    let resolved = async || rig.mutate(&create(&pod(&[&tag]))).await.allowed().then_some(());
    eventually("the tag is resolved after the outage", resolved).await;
}

/// Asked again, as whoever is turned away with 503 does.
async fn is_let_in(rig: &Rig, image: &Pinned) {
    let let_in = async || {
        let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
        assert!(
            answer.allowed() || answer.code() == 503,
            "an outage is no denial: {}",
            answer.message()
        );
        answer.allowed().then_some(())
    };
    eventually("the image is let in after the outage", let_in).await;
}

#[tokio::test]
async fn old_evidence_counts_while_the_registry_is_gone_and_says_that_it_is_old() {
    let mut shop = Shop::open().await;
    let lists_age_at_once = |plan: &mut AdmissionPlan| plan.cache.lists = Duration::ZERO;
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], lists_age_at_once).await;
    let image = shop.push_signed("team/app", "1.0").await;
    rig.validate(&create(&pod(&[&image.written()]))).await.expect_allowed();
    shop.stop().await;
    // Under another name for the same digest the verdict is another one, and the evidence the same.
    let by_digest = format!("{}@{}", image.repository(), image.digest());
    let request = create(&pod(&[&by_digest]));
    let answer = rig.validate(&request).await;
    answer.expect_allowed();
    assert!(
        answer.0["response"]["auditAnnotations"]["grounds"]
            .as_str()
            .unwrap()
            .contains("stale"),
        "{answer:#?}"
    );
    let record = rig.record(request["uid"].as_str().unwrap()).await;
    assert_eq!(
        record["images"][0]["rulings"][0]["grounds"][0]["stale"],
        json!(true),
        "{record:#}"
    );
}

/// The bound that is asserted is the next longer one that a review could run into, so that a slow machine fails nothing.
#[tokio::test]
async fn a_registry_that_stalls_delays_only_its_own_images_and_those_no_longer_than_asked() {
    let (stalled, well) = (Shop::open().await, Shop::open().await);
    let files = [
        (
            "1.yaml",
            policy("stalled", &stalled.everything(), &key_authority(&stalled.key)),
        ),
        ("2.yaml", policy("well", &well.everything(), &key_authority(&well.key))),
    ];
    let rig = Rig::open(&files).await;
    let slow = stalled.push_signed("team/app", "1.0").await;
    let quick = well.push_signed("team/app", "1.0").await;
    stalled.traffic.take();
    stalled.traffic.fails("/v2/", Fault::Hangs);

    let began = Instant::now();
    let slow_request = create(&pod(&[&slow.written()]));
    let tag_request = create(&pod(&[&stalled.name("team/app", "1.0")]));
    let undecided = async {
        let answers = tokio::join!(
            rig.api_server.ask_with_timeout("validate", "2s", &slow_request),
            rig.api_server.ask_with_timeout("mutate", "2s", &tag_request),
        );
        (answers, began.elapsed())
    };
    let unaffected = async {
        stalled.traffic.is_asked().await;
        let mutated = rig.mutate(&create(&pod(&[&well.name("team/app", "1.0")]))).await;
        mutated.expect_allowed();
        rig.validate(&create(&pod(&[&quick.written()]))).await.expect_allowed();
    };
    let (((validated, mutated), took), ()) = tokio::join!(undecided, unaffected);
    let host = stalled.address.to_string();
    validated.expect_refused(503, &["registry.timeout", &host, "undecided policy: stalled"]);
    mutated.expect_refused(503, &["registry.timeout", &host]);
    assert!(took < Duration::from_secs(9), "{took:?}");

    stalled.traffic.recovers();
    is_let_in(&rig, &slow).await;
}

#[tokio::test]
async fn each_trouble_has_its_code() {
    let troubles = [
        (
            Fault::Answers(401, None),
            (503, "registry.denied"),
            (503, "registry.denied"),
        ),
        (
            Fault::Answers(403, None),
            (503, "registry.denied"),
            (503, "registry.denied"),
        ),
        (
            Fault::Answers(429, Some(3600)),
            (503, "registry.throttled"),
            (503, "registry.throttled"),
        ),
        (
            Fault::Answers(500, None),
            (503, "registry.unavailable"),
            (503, "registry.unavailable"),
        ),
        (
            Fault::Answers(503, Some(3600)),
            (503, "registry.throttled"),
            (503, "registry.throttled"),
        ),
        (
            Fault::Answers(404, None),
            (400, "image.unsigned"),
            (400, "image.not_found"),
        ),
        (Fault::Page, (400, "signature.unreadable"), (400, "registry.content")),
    ];
    let check = async |(fault, validated, mutated): (Fault, (u64, &str), (u64, &str))| {
        let shop = Shop::open().await;
        let files = [("1.yaml", shop.policy())];
        let (rig, another) = tokio::join!(Rig::open(&files), Rig::open(&files));
        let image = shop.push_signed("team/app", "1.0").await;
        shop.traffic.fails("/v2/", fault);
        let host = shop.address.to_string();
        let (code, reason) = validated;
        rig.validate(&create(&pod(&[&image.written()])))
            .await
            .expect_refused(code, &[reason, &host]);
        let (code, reason) = mutated;
        another
            .mutate(&create(&pod(&[&shop.name("team/app", "1.0")])))
            .await
            .expect_refused(code, &[reason, &host]);
        shop.traffic.recovers();
        if validated.0 == 503 {
            is_let_in(&rig, &image).await;
        }
    };
    join_all(troubles.map(check)).await;
}

/// What is found in one place counts, whatever becomes of the others; what is not found is not missing while one of them
/// is silent.
#[tokio::test]
async fn one_silent_place_hides_nothing_and_excuses_nothing() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    for (number, (layout, silent, admitted)) in [
        (Some(Layout::Tag), "/referrers/", true),
        (Some(Layout::Bundle), ".sig", true),
        (Some(Layout::Referrer), ".sig", true),
        (Some(Layout::Tag), ".sig", false),
        (Some(Layout::Bundle), "/referrers/", false),
        (None, ".sig", false),
        (None, "/referrers/", false),
    ]
    .into_iter()
    .enumerate()
    {
        let image = shop
            .push(&format!("team/app{number}"), "1.0", &number.to_string())
            .await;
        if let Some(layout) = layout {
            shop.sign(&image, layout, &shop.key).await;
        }
        shop.traffic.fails(silent, Fault::Answers(429, Some(3600)));
        let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
        shop.traffic.recovers();
        if admitted {
            answer.expect_allowed();
        } else {
            answer.expect_refused(503, &["registry.throttled"]);
        }
    }
}

/// A mode that only warns warns of an outage, too.
#[tokio::test]
async fn in_warn_mode_an_outage_keeps_nothing_out() {
    let mut shop = Shop::open().await;
    let warns = policy_with(
        "warns",
        &shop.everything(),
        &key_authority(&shop.key),
        &json!({ "mode": "warn" }),
    );
    let rig = Rig::open(&[("1.yaml", warns)]).await;
    let image = shop.push("team/app", "1.0", "any").await;
    shop.stop().await;
    let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
    let warnings = answer.expect_allowed().warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("registry.unreachable"),
        "{warnings:#?}"
    );
    assert_eq!(answer.patch(), [Value::Null; 0]);
}
