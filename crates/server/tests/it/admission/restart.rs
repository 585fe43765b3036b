//! A door that opens again.

use std::time::Duration;

use countersign_server::serve::AdmissionPlan;

use super::rig::Rig;
use super::rig::api_server::{create, pod};
use super::rig::shop::Shop;

#[tokio::test]
async fn a_door_that_opens_again_asks_the_registry_for_nothing_and_needs_none() {
    let mut shop = Shop::open().await;
    let cache = tempfile::tempdir().unwrap();
    let image = shop.push_signed("team/app", "1.0").await;
    let request = create(&pod(&[&image.written()]));
    let cached = |plan: &mut AdmissionPlan| plan.cache.directory = Some(cache.path().to_owned());

    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], cached).await;
    rig.validate(&request).await.expect_allowed();
    rig.close().await;
    shop.traffic.take();
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], cached).await;
    // An image by its digest goes through both doors; what a tag means is asked anew.
    rig.mutate(&request).await.expect_allowed();
    rig.validate(&request).await.expect_allowed();
    assert_eq!(shop.traffic.take(), [""; 0]);
    rig.close().await;

    shop.stop().await;
    let old = |plan: &mut AdmissionPlan| {
        cached(plan);
        plan.cache.lists = Duration::ZERO;
    };
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], old).await;
    let answer = rig.validate(&request).await;
    answer.expect_allowed();
    let grounds = answer.0["response"]["auditAnnotations"]["grounds"].as_str();
    assert_eq!(grounds, Some("signed: signed (stale)"));
    let tag = create(&pod(&[&shop.name("team/app", "1.0")]));
    rig.mutate(&tag).await.expect_refused(503, &["registry.unreachable"]);
    rig.close().await;

    let too_old = |plan: &mut AdmissionPlan| {
        old(plan);
        plan.cache.stale = Duration::ZERO;
    };
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], too_old).await;
    rig.validate(&request)
        .await
        .expect_refused(503, &["registry.unreachable"]);
}
