//! What is written down of a decision, and what is kept of a denial.

use std::path::Path;

use countersign_policy::{Judgement, PolicySet, judge};
use countersign_registry::archive;
use countersign_server::admission::DenialContext;
use countersign_server::policies;
use countersign_server::record::render;
use countersign_server::serve::AdmissionPlan;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::rig::api_server::{Answer, create, pod, review};
use super::rig::shop::{Fault, Shop, key_authority, policy, policy_with};
use super::rig::{Rig, eventually};

fn uid_of(request: &Value) -> &str {
    request["uid"].as_str().unwrap()
}

/// Fails unless everything expected is there; objects may hold more.
#[track_caller]
fn assert_holds(found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, expected) in expected {
                assert_holds(found.get(key).unwrap_or(&Value::Null), expected);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{found:#?}");
            found
                .iter()
                .zip(expected)
                .for_each(|(found, expected)| assert_holds(found, expected));
        }
        _ => assert_eq!(found, expected),
    }
}

#[tokio::test]
async fn every_decision_is_one_line_with_what_one_looks_for_and_without_the_object() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    // In the order of their names, as the record has them.
    let signed = shop.push_signed("team/app", "1.0").await.written();
    let unsigned = shop.push("team/unsigned", "1.0", "unsigned").await.written();
    let denied = create(&pod(&[&signed, &unsigned]));
    let mutated = create(&pod(&[&shop.name("team/app", "1.0")]));
    rig.validate(&denied).await.expect_refused(400, &[]);
    rig.mutate(&mutated).await.expect_allowed();
    let response = rig.api_server.send("validate", &["application/json"], "{").await;
    assert!(!Answer::of(response).await.allowed());
    let generation = rig.policies.current().set().generation().to_string();
    let records = rig.close().await;
    let [denial, pinning, malformed] = records.as_slice() else {
        panic!("{records:#?}")
    };

    let key = shop.key.public().fingerprint().to_string();
    let expected = json!({
        "apiVersion": "countersign.dev/v1alpha1", "kind": "Decision", "id": denied["uid"],
        "phase": "validate", "allowed": false, "code": 400, "policies": generation,
        "request": {
            "operation": "CREATE", "group": "", "version": "v1", "kind": "Pod", "subResource": null, "namespace": "shop",
            "name": "web", "user": "jane@example.com", "dryRun": false,
        },
        "images": [
            { "image": signed, "verdict": "admit", "fields": ["spec.containers[0].image"], "rulings": [{
                "policy": "signed", "enforcement": "enforce", "verdict": "admit",
                "grounds": [{ "authority": "shop-key", "stale": false, "proofs": [{ "key": key, "layout": "bundle" }] }],
            }] },
            { "image": unsigned, "verdict": "deny", "fields": ["spec.containers[1].image"], "rulings": [{
                "policy": "signed", "enforcement": "enforce", "verdict": "deny",
                "reasons": [{ "authority": "shop-key", "code": "image.unsigned" }],
            }] },
        ],
    });
    assert_holds(denial, &expected);
    assert!(denial["time"].as_str().unwrap().parse::<Timestamp>().is_ok() && denial["microseconds"].is_u64());
    assert_holds(
        pinning,
        &json!({ "id": mutated["uid"], "phase": "mutate", "allowed": true, "code": 200 }),
    );
    assert_holds(
        malformed,
        &json!({ "id": null, "refusal": "review.malformed", "allowed": false, "request": null }),
    );
    for record in &records {
        assert!(
            !record.to_string().contains("web-secret-account"),
            "the object is nobody's business: {record:#}"
        );
    }
}

/// Evidence, policies and context of a denial, as anybody would judge them again.
fn judged_again(denial: &Path) -> Vec<Judgement> {
    let context: DenialContext = serde_json::from_slice(&std::fs::read(denial.join("context.json")).unwrap()).unwrap();
    let texts = policies::read(&[denial.join("policies")]).unwrap();
    let set = PolicySet::compile(policies::parse(&texts), context.settings().unwrap());
    assert_eq!(set.errors(), [], "what judged can be read");
    let images = (0..)
        .map(|number| denial.join(format!("image-{number}")))
        .take_while(|image| image.is_dir());
    images
        .map(|image| {
            let evidence = archive::load(&image).unwrap();
            judge(
                &evidence,
                &set.governing(&evidence.image, &context.facts()),
                context.at(),
            )
        })
        .collect()
}

/// A judgement without the names of files, which are others where it is judged again.
fn comparable(judgement: &Value) -> Value {
    let mut judgement = judgement.clone();
    judgement.as_object_mut().unwrap().remove("fields");
    for ruling in judgement["rulings"].as_array_mut().unwrap() {
        for reason in ruling["reasons"].as_array_mut().into_iter().flatten() {
            let text = reason["text"].as_str().unwrap();
            let words = text
                .split(' ')
                .map(|word| if word.contains(".yaml") { "FILE" } else { word });
            reason["text"] = json!(words.collect::<Vec<_>>().join(" "));
        }
    }
    judgement
}

#[track_caller]
fn assert_same(denial: &Path, record: &Value) {
    let again: Vec<_> = judged_again(denial)
        .iter()
        .map(|judgement| comparable(&render::judgement(judgement)))
        .collect();
    let images = record["images"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|image| image["verdict"] != "admit");
    assert_eq!(again, images.map(comparable).collect::<Vec<_>>());
    assert!(!again.is_empty());
}

#[tokio::test]
async fn a_denial_that_was_kept_is_the_same_when_it_is_judged_again() {
    let mut shop = Shop::open().await;
    let only_jobs = json!([{ "group": "batch", "version": "v1", "resource": "jobs" }]);
    let of_jobs = policy_with(
        "of-jobs",
        &shop.everything(),
        &json!({ "static": { "action": "fail" } }),
        &json!({ "match": only_jobs }),
    );
    let rig = Rig::open(&[("1.yaml", shop.policy()), ("2.yaml", of_jobs)]).await;
    let unsigned = shop.push("team/unsigned", "1.0", "unsigned").await.written();
    let signed = shop.push_signed("team/app", "1.0").await.written();
    let unseen = shop.push("team/unseen", "1.0", "unseen").await.written();

    let denied = create(&pod(&[
        &unsigned,
        &signed,
        "registry.example/nobodys@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ]));
    rig.validate(&denied)
        .await
        .expect_refused(400, &["image.unsigned", "policy.none_matched"]);
    assert_same(&rig.denial(uid_of(&denied)).await, &rig.record(uid_of(&denied)).await);
    shop.stop().await;
    let undecided = create(&pod(&[&unseen]));
    rig.validate(&undecided)
        .await
        .expect_refused(503, &["registry.unreachable"]);
    assert_same(
        &rig.denial(uid_of(&undecided)).await,
        &rig.record(uid_of(&undecided)).await,
    );
}

/// The policies of a decision are those that it was made by, whatever was loaded before it was told.
#[tokio::test]
async fn a_decision_is_written_down_with_the_policies_that_made_it() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let request = create(&pod(&[&shop.push("team/app", "1.0", "unsigned").await.written()]));
    let generation = rig.policies.current().set().generation();
    shop.traffic.take();
    shop.traffic.fails("/v2/", Fault::Hangs);
    let replaced = async {
        shop.traffic.is_asked().await;
        rig.replace_policy(
            "shop.yaml",
            &policy("other", &shop.everything(), &json!({ "static": { "action": "pass" } })),
        );
        let in_force = async || (rig.policies.current().set().generation() != generation).then_some(());
        eventually("other policies are in force", in_force).await;
        shop.traffic.recovers();
    };
    let (answer, ()) = tokio::join!(rig.api_server.ask_with_timeout("validate", "30s", &request), replaced);
    answer.expect_refused(400, &["failed policy: signed"]);
    let record = rig.record(uid_of(&request)).await;
    assert_eq!(record["policies"], json!(generation.to_string()));
    assert_same(&rig.denial(uid_of(&request)).await, &record);
}

/// A policy whose file is broken judges in its last good form, and so it does again.
#[tokio::test]
async fn a_denial_by_a_policy_in_its_last_good_form_is_kept_in_that_form() {
    let shop = Shop::open().await;
    let second = policy("second", "registry.example/**", &key_authority(&shop.key));
    let rig = Rig::open(&[("shop.yaml", format!("{}\n---\n{second}", shop.policy()))]).await;
    // One of the file's policies breaks, and one is changed for another that is good.
    let broken = shop.policy().replace("authorities", "authoritys");
    let changed = policy(
        "second",
        &shop.everything(),
        &json!({ "static": { "action": "fail", "message": "changed" } }),
    );
    rig.replace_policy("shop.yaml", &format!("{broken}\n---\n{changed}"));
    let told = async || (rig.metric("countersign_policy_errors").await? > 0).then_some(());
    eventually("the error is counted", told).await;
    let request = create(&pod(&[&shop.push("team/app", "1.0", "unsigned").await.written()]));
    rig.validate(&request)
        .await
        .expect_refused(400, &["failed policy: signed", "failed policy: second", "changed"]);
    assert_same(&rig.denial(uid_of(&request)).await, &rig.record(uid_of(&request)).await);
}

/// Names are anybody's to make up, and the log is ours.
#[tokio::test]
async fn a_name_without_end_does_not_fill_the_log() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let long = "x".repeat(2 << 20);
    let mut request = create(&pod(&[&long]));
    request["userInfo"]["username"] = json!(long);
    let answer = rig.validate(&request).await;
    answer.expect_refused(400, &["image.unparsable"]);
    assert!(answer.message().len() < 20_000);
    let record = rig.record(uid_of(&request)).await.to_string();
    assert!(record.len() < 20_000, "{} bytes", record.len());
}

#[tokio::test]
async fn a_uid_that_is_no_uid_writes_nothing_anywhere() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let image = shop.push("team/app", "1.0", "unsigned").await.written();
    let before = rig.files_outside();
    let long = "u".repeat(200);
    let hostile = [
        "../x",
        "..",
        ".",
        "/tmp/x",
        "a/b",
        "a\\b",
        "a\0b",
        ".hidden",
        "a\nb",
        "ü",
        long.as_str(),
    ];
    for uid in hostile {
        let mut request = create(&pod(&[&image]));
        request["uid"] = json!(uid);
        let answer = rig.validate(&request).await;
        answer.expect_refused(400, &["image.unsigned"]);
    }
    // One that is kept comes after all of them, so that they had their chance.
    let last = create(&pod(&[&image]));
    rig.validate(&last).await.expect_refused(400, &[]);
    rig.denial(uid_of(&last)).await;
    let kept: Vec<_> = std::fs::read_dir(rig.denials())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept, [uid_of(&last)]);
    assert_eq!(rig.files_outside(), before);
    let records = rig.records();
    assert_eq!(records.len(), hostile.len() + 1, "each is one line, whatever its uid");
}

#[tokio::test]
async fn what_is_let_in_is_not_kept_and_what_is_refused_unread_neither() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let signed = create(&pod(&[&shop.push_signed("team/app", "1.0").await.written()]));
    rig.validate(&signed).await.expect_allowed();
    let unpinned = create(&pod(&[&shop.name("team/app", "1.0")]));
    rig.validate(&unpinned).await.expect_refused(400, &["image.unpinned"]);
    let mut unknown = review(&signed);
    unknown["apiVersion"] = json!("admission.k8s.io/v1beta1");
    rig.api_server
        .send("validate", &["application/json"], unknown.to_string())
        .await;
    let unsigned = create(&pod(&[&shop.push("team/unsigned", "1.0", "unsigned").await.written()]));
    rig.validate(&unsigned).await.expect_refused(400, &[]);
    rig.denial(uid_of(&unsigned)).await;
    let kept: Vec<_> = std::fs::read_dir(rig.denials())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept, [uid_of(&unsigned)]);
}

/// The newest stay, and nothing is removed that no denial is.
#[tokio::test]
async fn a_directory_of_somebody_elses_is_left_alone() {
    let shop = Shop::open().await;
    let denials = tempfile::tempdir().unwrap();
    let foreign = denials.path().join("somebody-elses");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("file"), "precious").unwrap();
    let kept_there = |plan: &mut AdmissionPlan| plan.denials = Some(denials.path().to_owned());
    let fails = policy(
        "fails",
        &shop.everything(),
        &json!({ "static": { "action": "fail", "message": "not today" } }),
    );
    let rig = Rig::open_with(&[("1.yaml", fails)], kept_there).await;
    let image = shop.push("team/app", "1.0", "unsigned").await.written();
    let list = || std::fs::read_dir(denials.path()).unwrap().count();
    let mut last = Value::Null;
    // A flood would lose some.
    for _ in 0..13 {
        let requests: Vec<_> = (0..20).map(|_| create(&pod(&[&image]))).collect();
        for answer in join_all(requests.iter().map(|request| rig.validate(request))).await {
            answer.expect_refused(400, &["not today"]);
        }
        let kept = || {
            requests
                .iter()
                .all(|request| denials.path().join(uid_of(request)).is_dir())
        };
        eventually("the denials are kept", async || kept().then_some(())).await;
        last = requests[0].clone();
    }
    eventually("the oldest are forgotten", async || (list() == 257).then_some(())).await;
    assert_eq!(std::fs::read(foreign.join("file")).unwrap(), b"precious");
    assert!(denials.path().join(uid_of(&last)).is_dir());
}

#[tokio::test]
async fn a_door_that_closes_has_written_everything_down() {
    let shop = Shop::open().await;
    let denials = tempfile::tempdir().unwrap();
    let kept_there = |plan: &mut AdmissionPlan| plan.denials = Some(denials.path().to_owned());
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], kept_there).await;
    let image = shop.push("team/app", "1.0", "unsigned").await.written();
    let requests: Vec<_> = (0..20).map(|_| create(&pod(&[&image]))).collect();
    for request in &requests {
        rig.validate(request).await.expect_refused(400, &[]);
    }
    assert_eq!(rig.close().await.len(), requests.len());
    for request in &requests {
        assert!(denials.path().join(uid_of(request)).join("context.json").is_file());
    }
}
