//! Many who want the same thing at the same time.

use countersign_registry::{Client, ClientConfig};
use countersign_server::serve::AdmissionPlan;
use futures_util::future::join_all;

use super::rig::api_server::{create, pod};
use super::rig::shop::{Fault, Shop};
use super::rig::{PATIENCE, Rig};

/// As many requests as one connection of HTTP/2 carries at once, from each of four API servers.
const API_SERVERS: usize = 4;
const EACH: usize = 250;

/// Nothing is asked a second time because it takes long, so that what was asked can be counted however slow the machine is.
fn asks_once(plan: &mut AdmissionPlan) {
    let mut config = ClientConfig::default();
    config.limits.moment = PATIENCE;
    plan.client = Client::new(config).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reviews_of_one_image_gather_once() {
    let shop = Shop::open().await;
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], asks_once).await;
    let (one, thousand) = (
        shop.push_signed("team/app", "1.0").await,
        shop.push_signed("team/app", "2.0").await,
    );
    shop.traffic.take();
    rig.validate(&create(&pod(&[&one.written()]))).await.expect_allowed();
    let cost = shop.traffic.take().len();

    let api_servers: Vec<_> = (0..API_SERVERS).map(|_| rig.another_api_server()).collect();
    for api_server in &api_servers {
        // From here on it has its one connection.
        let known = create(&pod(&[&one.written()]));
        api_server.ask("validate", &known).await.expect_allowed();
    }
    shop.traffic.fails("/v2/", Fault::Hangs);
    let asked = api_servers.iter().flat_map(|api_server| {
        let image = thousand.written();
        (0..EACH).map(move |_| {
            let (api_server, request) = (api_server.clone(), create(&pod(&[&image])));
            tokio::spawn(async move { api_server.ask_with_timeout("validate", "30s", &request).await })
        })
    });
    let asked: Vec<_> = asked.collect();
    rig.counts(
        r#"countersign_requests_in_flight{door="admission"}"#,
        (API_SERVERS * EACH) as u64,
    )
    .await;
    shop.traffic.recovers();
    for answer in join_all(asked).await {
        answer.unwrap().expect_allowed();
    }
    assert_eq!(shop.traffic.take().len(), cost);
    let judged = rig
        .metric(r#"countersign_cache_lookups_total{cache="verdicts",lookup="miss"}"#)
        .await
        .unwrap();
    assert_eq!(
        judged,
        1 + 1,
        "one for the image that was judged before, one for the thousand"
    );
}

/// The name that is pinned and the one that is asked for then are the same image under the same name.
#[tokio::test]
async fn an_image_that_was_pinned_is_judged_once_however_often_it_is_refused() {
    let shop = Shop::open().await;
    let forever = |plan: &mut AdmissionPlan| plan.cache.unsigned = PATIENCE * 100;
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], forever).await;
    let image = shop.push("team/app", "1.0", "unsigned").await;
    rig.mutate(&create(&pod(&[&shop.name("team/app", "1.0")])))
        .await
        .expect_allowed();
    for _ in 0..10 {
        rig.validate(&create(&pod(&[&image.written()])))
            .await
            .expect_refused(400, &["image.unsigned"]);
    }
    let judged = rig
        .metric(r#"countersign_cache_lookups_total{cache="verdicts",lookup="miss"}"#)
        .await;
    assert_eq!(judged, Some(1));
}

#[tokio::test]
async fn a_tag_that_everybody_wants_is_resolved_once() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let image = shop.push_signed("team/app", "1.0").await;
    let name = shop.name("team/app", "1.0");
    shop.traffic.take();
    let requests: Vec<_> = (0..100).map(|_| create(&pod(&[&name]))).collect();
    for answer in join_all(requests.iter().map(|request| rig.mutate(request))).await {
        assert_eq!(answer.expect_allowed().patch()[0]["value"], image.written());
    }
    let resolving = shop
        .traffic
        .take()
        .iter()
        .filter(|request| request.starts_with("HEAD "))
        .count();
    assert_eq!(resolving, 1);
}

/// Whoever gives up cancels nobody: the one who asks again finds the work under way, and does not begin it anew.
#[tokio::test]
async fn a_retry_joins_what_the_first_try_began() {
    let shop = Shop::open().await;
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], asks_once).await;
    let image = shop.push_signed("team/app", "1.0").await;
    shop.traffic.take();
    shop.traffic.fails("/v2/", Fault::Hangs);
    let request = create(&pod(&[&image.written()]));
    let answer = rig.api_server.ask_with_timeout("validate", "1s", &request).await;
    answer.expect_refused(503, &["registry.timeout", &shop.address.to_string()]);
    let begun = shop.traffic.take();
    shop.traffic.recovers();
    rig.validate(&create(&pod(&[&image.written()]))).await.expect_allowed();
    let after = shop.traffic.take();
    assert!(
        begun.iter().all(|request| !after.contains(request)),
        "{begun:#?}\n{after:#?}"
    );
}
