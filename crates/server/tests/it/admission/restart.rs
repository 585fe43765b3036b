//! A door that opens again.

use super::rig::Rig;
use super::rig::api_server::{create, pod};
use super::rig::shop::Shop;

#[tokio::test]
async fn a_door_that_opens_again_knows_what_it_knew() {
    let mut shop = Shop::open().await;
    let cache = tempfile::tempdir().unwrap();
    let image = shop.push_signed("team/app", "1.0").await;
    let request = create(&pod(&[&image.written()]));
    let cached = |plan: &mut countersign_server::serve::AdmissionPlan| plan.cache.directory = Some(cache.path().to_owned());

    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], cached).await;
    rig.validate(&request).await.expect_allowed();
    rig.close().await;
    shop.traffic.take();
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], cached).await;
    rig.validate(&request).await.expect_allowed();
    assert_eq!(shop.traffic.take(), [""; 0]);

    rig.close().await;
    shop.stop().await;
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], cached).await;
    rig.validate(&request).await.expect_allowed();
}
