//! A door that opens again.

use countersign_server::serve::AdmissionPlan;

use super::rig::api_server::{create, pod};
use super::rig::shop::Shop;
use super::rig::{Rig, eventually};

#[tokio::test]
async fn a_door_that_opens_again_asks_for_no_content_that_it_had() {
    let shop = Shop::open().await;
    let cache = tempfile::tempdir().unwrap();
    let image = shop.push_signed("team/app", "1.0").await;
    let request = create(&pod(&[&image.written()]));
    let cached = |plan: &mut AdmissionPlan| plan.cache.directory = Some(cache.path().to_owned());

    let by_digest = |request: &&String| request.contains("/blobs/") || request.contains("/manifests/sha256:");
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], cached).await;
    shop.traffic.take();
    rig.validate(&request).await.expect_allowed();
    let cold = shop.traffic.take();
    let content = cold.iter().filter(by_digest).count();
    let written = || std::fs::read_dir(cache.path().join("content/sha256")).map_or(0, Iterator::count);
    eventually("the content is on disk", async || {
        (content > 0 && written() == content).then_some(())
    })
    .await;
    rig.close().await;
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], cached).await;
    rig.validate(&request).await.expect_allowed();
    let warm = shop.traffic.take();
    assert_eq!(warm.iter().find(by_digest), None);
    assert_eq!(warm.len(), cold.len() - content);
}
