//! Policies that change, break and go while the door is open.

use std::time::Duration;

use countersign_policy::{NoMatch, Settings};
use countersign_server::policies::POLL_INTERVAL;
use countersign_server::serve::AdmissionPlan;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::api_server::{create, pod};
use super::rig::shop::{Shop, key_authority, policy};
use super::rig::{Rig, eventually};

const ERRORS: &str = "countersign_policy_errors";
const IN_FORCE: &str = "countersign_policies";

fn passes(shop: &Shop) -> String {
    policy("passes", &shop.everything(), &json!({ "static": { "action": "pass" } }))
}

fn fails(name: &str, glob: &str) -> String {
    policy(
        name,
        glob,
        &json!({ "static": { "action": "fail", "message": "not today" } }),
    )
}

async fn is_refused(rig: &Rig, request: &Value) {
    let refused = async || (!rig.validate(request).await.allowed()).then_some(());
    eventually("the image is refused", refused).await;
}

#[tokio::test]
async fn new_policies_judge_as_soon_as_the_files_are_replaced() {
    const { assert!(POLL_INTERVAL.as_millis() <= Duration::from_secs(1).as_millis()) };
    let shop = Shop::open().await;
    let rig = Rig::open(&[("1.yaml", passes(&shop))]).await;
    let request = create(&pod(&[&shop.push("team/app", "1.0", "any").await.written()]));
    rig.validate(&request).await.expect_allowed();
    let before = rig.policies.current().set().generation();

    rig.replace_policy("1.yaml", &fails("fails", &shop.everything()));
    is_refused(&rig, &request).await;
    rig.validate(&request)
        .await
        .expect_refused(400, &["failed policy: fails", "not today"]);
    assert_ne!(rig.policies.current().set().generation(), before);

    rig.replace_policy("2.json", &fails("another", &shop.everything()));
    rig.counts(IN_FORCE, 2).await;
    rig.validate(&request)
        .await
        .expect_refused(400, &["failed policy: another", "failed policy: fails"]);

    for file in ["1.yaml", "2.json"] {
        std::fs::remove_file(rig.policy_file(file)).unwrap();
    }
    rig.counts(IN_FORCE, 0).await;
    rig.validate(&request)
        .await
        .expect_refused(400, &["policy.none_matched", "no matching policies"]);
}

/// As Kubernetes does it: the files are links through `..data`, which is swapped for another directory.
#[tokio::test]
async fn a_config_map_that_is_swapped_is_seen() {
    let shop = Shop::open().await;
    let volume = tempfile::tempdir().unwrap();
    let generation = |name: &str, text: String| {
        let directory = volume.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("policy.yaml"), text).unwrap();
        let link = volume.path().join("..data_tmp");
        std::os::unix::fs::symlink(name, &link).unwrap();
        std::fs::rename(link, volume.path().join("..data")).unwrap();
    };
    generation("..2026_01", passes(&shop));
    std::os::unix::fs::symlink("..data/policy.yaml", volume.path().join("policy.yaml")).unwrap();
    let rig = Rig::open_with(&[], |plan| plan.policies = vec![volume.path().to_owned()]).await;
    let request = create(&pod(&[&shop.push("team/app", "1.0", "any").await.written()]));
    rig.validate(&request).await.expect_allowed();
    generation("..2026_02", fails("fails", &shop.everything()));
    is_refused(&rig, &request).await;
    assert_eq!(
        rig.metric(IN_FORCE).await,
        Some(1),
        "the generations themselves are not read"
    );
}

#[tokio::test]
async fn a_file_that_breaks_keeps_its_last_good_policies_in_force() {
    let shop = Shop::open().await;
    let signed = shop.push_signed("team/app", "1.0").await.written();
    let unsigned = shop.push("team/app", "2.0", "unsigned").await.written();
    let misspelt = shop.policy().replace("authorities", "authoritys");
    let renamed = "apiVersion: policy.sigstore.dev/v1\nkind: ClusterImagePolicy\n";
    let breaks = async |broken: &str| {
        let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
        let (signed, unsigned) = (create(&pod(&[&signed])), create(&pod(&[&unsigned])));
        rig.validate(&signed).await.expect_allowed();
        rig.counts(ERRORS, 0).await;
        rig.replace_policy("shop.yaml", broken);
        let told = async || (rig.metric(ERRORS).await? > 0).then_some(());
        eventually("the error is counted", told).await;
        rig.validate(&signed).await.expect_allowed();
        rig.validate(&unsigned)
            .await
            .expect_refused(400, &["failed policy: signed", "image.unsigned"]);

        // Another file is read meanwhile.
        rig.replace_policy("more.yaml", &fails("fails", &shop.everything()));
        is_refused(&rig, &signed).await;
        rig.validate(&unsigned)
            .await
            .expect_refused(400, &["failed policy: signed", "failed policy: fails"]);
        std::fs::remove_file(rig.policy_file("more.yaml")).unwrap();
        rig.replace_policy("shop.yaml", &shop.policy());
        rig.counts(ERRORS, 0).await;
        rig.validate(&signed).await.expect_allowed();
    };
    join_all([&misspelt, "{", renamed, "\u{0}\u{ff}"].map(breaks)).await;
}

#[tokio::test]
async fn policies_that_cannot_be_read_any_longer_stay_in_force() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let signed = create(&pod(&[&shop.push_signed("team/app", "1.0").await.written()]));
    let unsigned = create(&pod(&[&shop.push("team/app", "2.0", "unsigned").await.written()]));
    let directory = rig.policy_file("").parent().unwrap().join("policies");
    let away = directory.with_file_name("away");
    std::fs::rename(&directory, &away).unwrap();
    rig.counts(r#"countersign_policy_reloads_total{outcome="refused"}"#, 1)
        .await;
    rig.validate(&signed).await.expect_allowed();
    rig.validate(&unsigned).await.expect_refused(400, &["image.unsigned"]);
    std::fs::rename(&away, &directory).unwrap();
    rig.replace_policy("shop.yaml", &fails("fails", &shop.everything()));
    is_refused(&rig, &signed).await;
}

#[tokio::test]
async fn a_policy_that_is_broken_at_the_start_leaves_its_own_images_undecided() {
    let shop = Shop::open().await;
    let glob = format!("{}/broken/**", shop.address);
    let broken = policy("broken", &glob, &key_authority(&shop.key)).replace("\"data\"", "\"dta\"");
    let line = broken.lines().position(|line| line.contains("\"dta\"")).unwrap() + 1;
    let good = policy("good", &format!("{}/good/**", shop.address), &key_authority(&shop.key));
    let rig = Rig::open(&[("broken.yaml", broken), ("good.yaml", good)]).await;
    let governed = create(&pod(&[&shop.push_signed("broken/app", "1.0").await.written()]));
    let good = create(&pod(&[&shop.push_signed("good/app", "1.0").await.written()]));

    let place = format!("{}:{line}:", rig.policy_file("broken.yaml").display());
    let undecided = rig.validate(&governed).await;
    undecided.expect_refused(
        503,
        &[
            "undecided policy: broken",
            "policy.unreadable",
            &place,
            "spec.authorities[0].key",
        ],
    );
    let column = undecided
        .message()
        .split_once(&place)
        .unwrap()
        .1
        .split(':')
        .next()
        .unwrap();
    assert!(
        column.parse::<u32>().is_ok_and(|column| column > 0),
        "{}",
        undecided.message()
    );
    rig.validate(&good).await.expect_allowed();
    rig.counts(IN_FORCE, 1).await;
    assert!(rig.metric(ERRORS).await > Some(0));

    rig.replace_policy("broken.yaml", &policy("broken", &glob, &key_authority(&shop.key)));
    let mended = async || rig.validate(&governed).await.allowed().then_some(());
    eventually("the mended policy judges", mended).await;
}

#[tokio::test]
async fn a_policy_of_which_nothing_can_be_read_may_have_meant_every_image() {
    let shop = Shop::open().await;
    let allow = |plan: &mut AdmissionPlan| plan.settings = Settings::new(NoMatch::Allow);
    let rig = Rig::open_with(&[("1.yaml", "{".to_owned()), ("2.yaml", passes(&shop))], allow).await;
    let request = create(&pod(&[&shop.push("team/app", "1.0", "any").await.written()]));
    rig.validate(&request)
        .await
        .expect_refused(503, &["policy.unreadable", "1.yaml:1:"]);
}
