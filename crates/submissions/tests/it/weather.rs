//! What changes, lies, or is taken away while a submission is on its way, and after.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use countersign_evidence::KeyKind;
use countersign_image::{Pinned, Tag};
use countersign_keys::PrivateKey;
use countersign_ledger::EventType;
use countersign_registry::{Credentials, ManifestName};
use countersign_submissions::keyring::{Keyring, NamedKey, Role};
use countersign_submissions::serve::{SigningPlan, SigningServer};
use countersign_submissions::settings::Limits;
use countersign_submissions::wire::State;

use crate::stage::{GATE, ORIGIN, Stage, Surroundings, clean_report, key, limits, plan, question};
use crate::whole::{approved, count, events, stands_signed};

/// Waits until something is so; what it waits for is the test's to say.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let given_up = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < given_up, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn happened(around: &Surroundings, event: EventType) -> bool {
    around.path("mirror/checkpoint").exists() && count(&events(around), event) > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_the_same_digest_are_never_signed() {
    let stage = Stage::with(GATE).await;
    let image = stage.around.push("unsigned/shop", "lies").await;
    let job = stage.job().await;
    stage.around.lies.store(true, Ordering::SeqCst);
    let id = job.sealed(&image, &clean_report()).await;
    let settled = job.settled(&id).await;
    assert_eq!(
        (settled.state, settled.reason.unwrap().code.as_str()),
        (State::Failed, "digest_mismatch")
    );
    stage.around.lies.store(false, Ordering::SeqCst);
    let again = job.post(&format!("/v1/submissions/{id}/retry")).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(job.settled(&id).await.state, State::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_was_changed_counts_and_one_that_cannot_be_read_does_not() {
    let stage = Stage::with(GATE).await;
    let around = stage.around.clone();
    let gate = fs::read_to_string(around.path("gates/gate.yaml")).unwrap();
    let image = around.push("unsigned/shop", "gate").await;
    let job = stage.job().await;
    let submitted = job.submit("k", &question(&image)).await;
    let id = submitted.body["id"].as_str().unwrap().to_owned();
    job.hand_in(&id, "secrets", &clean_report()).await;
    fs::write(
        around.path("gates/gate.yaml"),
        gate.replace("validity: 30d", "validity: 30d\n  lenient: true"),
    )
    .unwrap();
    until("it is refused", || happened(&around, EventType::GateRefused)).await;
    let more = "    - {id: sast, class: sast, bind: commit, fail: {severityAtLeast: high}}\n  publish:";
    fs::write(around.path("gates/gate.yaml"), gate.replace("  publish:", more)).unwrap();
    until("it counts", || count(&events(&around), EventType::GateLoaded) > 3).await;
    job.post(&format!("/v1/submissions/{id}/seal")).await;
    let settled = job.settled(&id).await;
    assert_eq!(settled.state, State::Rejected, "the gate of today is asked");
    let sast = settled.checks.iter().find(|check| check.id == "sast").unwrap();
    assert_eq!(sast.reasons[0].code, "missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_hangs_keeps_no_gate_from_counting() {
    let around = Surroundings::build(GATE).await;
    let soon = Limits {
        heal_every: Duration::from_millis(200),
        work: Duration::from_secs(600),
        ..limits()
    };
    let stage = Stage::on(around.clone(), soon).await;
    let image = around.push("unsigned/shop", "hangs").await;
    let job = stage.job().await;
    let id = job.sealed(&image, &clean_report()).await;
    assert_eq!(job.settled(&id).await.state, State::Published);
    around.hangs.store(true, Ordering::SeqCst);
    until("what was published is looked after", || {
        around.hung.load(Ordering::SeqCst) > 0
    })
    .await;
    let loaded = count(&events(&around), EventType::GateLoaded);
    let gate = fs::read_to_string(around.path("gates/gate.yaml")).unwrap();
    fs::write(
        around.path("gates/gate.yaml"),
        gate.replace("validity: 30d", "validity: 3d"),
    )
    .unwrap();
    until("it counts", || count(&events(&around), EventType::GateLoaded) > loaded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_under_the_name_of_one_that_signed_is_refused_at_start() {
    let stage = Stage::with(GATE).await;
    let around = stage.around.clone();
    stage.stop().await;
    let other = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    fs::write(around.path("release"), other.to_pkcs8_pem()).unwrap();
    let refused = SigningServer::start(plan(around.dir.path(), limits())).await;
    let refused = refused
        .err()
        .expect("the list of keys would name the old one")
        .to_string();
    assert!(
        refused.contains("another key has signed here as `release`"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_the_work_and_do_none_of_it_twice() {
    let around = Surroundings::build(GATE).await;
    let one = Stage::on(around.clone(), limits()).await;
    let two = Stage::on(around.clone(), limits()).await;
    let mut submitted = Vec::new();
    for number in 0..4 {
        let stage = if number % 2 == 0 { &one } else { &two };
        let job = stage.job().await;
        let image = around.push("unsigned/shop", &format!("r{number}")).await;
        let mut asked = question(&image);
        asked["promote"]["tag"] = format!("1.{number}").into();
        let answered = job.submit(&format!("k{number}"), &asked).await;
        assert_eq!(answered.status, 201, "{answered:?}");
        let id = answered.body["id"].as_str().unwrap().to_owned();
        job.hand_in(&id, "secrets", &clean_report_of(number)).await;
        job.post(&format!("/v1/submissions/{id}/seal")).await;
        submitted.push((job, id));
    }
    for (job, id) in &submitted {
        let settled = job.settled(id).await;
        assert_eq!(settled.state, State::Published, "{settled:#?}");
    }
    until("all of it is in a checkpoint", || {
        count(&events(&around), EventType::Published) == 4
    })
    .await;
    one.stop().await;
    two.stop().await;
    assert_eq!(count(&events(&around), EventType::Published), 4);
    assert_eq!(count(&events(&around), EventType::KeyUseDone), 16);
}

/// The same for another image would be a report that was used before.
fn clean_report_of(number: usize) -> Vec<u8> {
    let text = String::from_utf8(clean_report()).unwrap();
    text.replace(
        "\"results\":[]",
        &format!("\"results\":[],\"properties\":{{\"number\":{number}}}"),
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_was_deleted_is_put_back_byte_for_byte() {
    let around = Surroundings::build(GATE).await;
    let soon = Limits {
        heal_every: Duration::from_millis(200),
        ..limits()
    };
    let stage = Stage::on(around.clone(), soon).await;
    let image = around.push("unsigned/shop", "heal").await;
    let job = stage.job().await;
    let id = job.sealed(&image, &clean_report()).await;
    assert_eq!(job.settled(&id).await.state, State::Published);
    is_put_back(&around, &image).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_has_signed_that_signs_no_more_is_put_back_too() {
    let around = Surroundings::build(GATE).await;
    let stage = Stage::on(around.clone(), limits()).await;
    let image = around.push("unsigned/shop", "retired").await;
    let job = stage.job().await;
    let id = job.sealed(&image, &clean_report()).await;
    assert_eq!(job.settled(&id).await.state, State::Published);
    stage.stop().await;
    let next = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    fs::write(around.path("release-2"), next.to_pkcs8_pem()).unwrap();
    let gate = fs::read_to_string(around.path("gates/gate.yaml")).unwrap();
    fs::write(
        around.path("gates/gate.yaml"),
        gate.replace("signature: release,", "signature: release-2,"),
    )
    .unwrap();
    let soon = Limits {
        heal_every: Duration::from_millis(200),
        ..limits()
    };
    let named = |role, name: &str| NamedKey {
        role,
        name: name.to_owned(),
        key: key(around.dir.path(), name),
    };
    let keys = [
        named(Role::Release, "release-2"),
        named(Role::Attest, "attest"),
        named(Role::Log, "log"),
    ];
    let plan = SigningPlan {
        keyring: Keyring::new(keys, ORIGIN).unwrap(),
        ..plan(around.dir.path(), soon)
    };
    let _stage = Stage::planned(around.clone(), plan).await;
    is_put_back(&around, &image).await;
}

/// What is deleted of an image that is published comes back as it was.
async fn is_put_back(around: &Surroundings, image: &Pinned) {
    let at = approved(around, image);
    let (nobody, deadline) = (Credentials::anonymous(), Instant::now() + Duration::from_secs(20));
    let tag = Tag::parse(&format!("{}.sig", image.digest().tag_form())).unwrap();
    let (before, _) = around
        .client
        .tagged(at.repository(), &tag, &nobody, deadline)
        .await
        .unwrap();
    around
        .client
        .delete_manifest(
            at.repository(),
            &ManifestName::Digest(*before.digest()),
            &nobody,
            deadline,
        )
        .await
        .unwrap();
    until("it is healed", || happened(around, EventType::Healed)).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    let (after, _) = around
        .client
        .tagged(at.repository(), &tag, &nobody, deadline)
        .await
        .unwrap();
    assert_eq!(after.digest(), before.digest());
    stands_signed(around, image).await;
}
