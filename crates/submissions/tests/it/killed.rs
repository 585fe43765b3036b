//! Killed (SIGKILL) at every step: whoever comes next ends what was begun, once.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign_image::Pinned;
use countersign_ledger::EventType;
use countersign_submissions::serve::SigningServer;
use countersign_submissions::wire::State;

use crate::stage::{GATE, Job, Surroundings, clean_report, limits, plan, question};
use crate::whole::{count, events, stands_signed};

const DIRECTORY: &str = "COUNTERSIGN_TEST_SERVES";

/// Not a test of its own: what a child of the tests below runs.
#[tokio::test(flavor = "multi_thread")]
async fn serves_as_a_child() {
    let Ok(dir) = std::env::var(DIRECTORY) else { return };
    let dir = Path::new(&dir);
    let server = SigningServer::start(plan(dir, limits())).await.unwrap();
    let beside = dir.join("address.new");
    fs::write(&beside, server.address().to_string()).unwrap();
    fs::rename(&beside, dir.join("address")).unwrap();
    server.run(std::future::pending()).await.unwrap();
}

struct Served {
    child: Child,
    address: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A child that dies at a step, or none.
async fn serve(around: &Surroundings, dies_at: Option<&str>) -> Served {
    let _ = fs::remove_file(around.path("address"));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "killed::serves_as_a_child", "--nocapture"])
        .env(DIRECTORY, around.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(step) = dies_at {
        command.env("COUNTERSIGN_DIES_AT", step);
    }
    let mut child = command.spawn().unwrap();
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(text) = fs::read_to_string(around.path("address")) {
            let address = text.parse().unwrap();
            return Served { child, address };
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it listened");
        assert!(Instant::now() < given_up, "it never listened");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A job whose submission was sealed, and whose service died at a step.
async fn died_at(around: &Surroundings, image: &Pinned, step: &str) -> (Job, String) {
    let mut first = serve(around, Some(step)).await;
    let token = around.token(&serde_json::json!({}));
    let job = Job::with(first.address, &token).await.unwrap();
    let submitted = job.submit("the-key", &question(image)).await;
    let id = submitted.body["id"].as_str().unwrap().to_owned();
    assert_eq!(job.hand_in(&id, "secrets", &clean_report()).await.status, 201);
    // The answer may die with it.
    let sealing = job.request(reqwest::Method::POST, &format!("/v1/submissions/{id}/seal"));
    let _ = sealing.send().await;
    let given_up = Instant::now() + Duration::from_secs(60);
    while first.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < given_up, "{step}: it was never killed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (job, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_gate_had_signed_is_not_published_under_another() {
    let around = Surroundings::build(GATE).await;
    let image = around.push("unsigned/shop", "changed").await;
    let (job, id) = died_at(&around, &image, "sign.after_kept").await;
    let gate = fs::read_to_string(around.path("gates/gate.yaml")).unwrap();
    fs::write(
        around.path("gates/gate.yaml"),
        gate.replace("validity: 30d", "validity: 3d"),
    )
    .unwrap();
    let second = serve(&around, None).await;
    let job = job.at(second.address);
    let submission = job.settled(&id).await;
    assert_eq!(submission.state, State::Published, "{submission:#?}");
    assert_eq!(submission.signatures.len(), 4);
    // Each statement once: the signature that the first gate had cleared is not among them.
    stands_signed(&around, &image).await;
    drop(second);
    assert_eq!(count(&events(&around), EventType::KeyUseDone), 5);
}

async fn killed_at(step: &str) {
    let around = Surroundings::build(GATE).await;
    let image = around.push("unsigned/shop", step).await;
    let (job, id) = died_at(&around, &image, step).await;
    let second = serve(&around, None).await;
    let job = job.at(second.address);
    let sealed = job.post(&format!("/v1/submissions/{id}/seal")).await;
    assert_eq!(sealed.status, 200, "{step}: {sealed:?}");
    let submission = job.settled(&id).await;
    assert_eq!(submission.state, State::Published, "{step}: {submission:#?}");
    stands_signed(&around, &image).await;
    let given_up = Instant::now() + Duration::from_secs(60);
    while count(&events(&around), EventType::Published) == 0 {
        assert!(Instant::now() < given_up, "{step}: no checkpoint has the entry");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(second);
    let events = events(&around);
    assert_eq!(
        count(&events, EventType::Published),
        1,
        "{step}: one entry says that it was published"
    );
    assert_eq!(
        count(&events, EventType::KeyUseDone),
        4,
        "{step}: each signature was kept once"
    );
    assert!(
        count(&events, EventType::KeyUseIntended) >= 4,
        "{step}: each use of a key was said before"
    );
}

/// A checkpoint that was signed and not stored is signed again, and is no other log.
#[tokio::test(flavor = "multi_thread")]
async fn between_the_signature_of_a_checkpoint_and_its_place_in_the_store() {
    for step in ["ledger.after_seal", "ledger.after_anchor"] {
        a_checkpoint_is_sealed_again(step).await;
    }
}

async fn a_checkpoint_is_sealed_again(step: &str) {
    let around = Surroundings::build(GATE).await;
    let mut first = serve(&around, Some(step)).await;
    let given_up = Instant::now() + Duration::from_secs(60);
    while first.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < given_up, "it was never killed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let second = serve(&around, None).await;
    let image = around.push("unsigned/shop", "seal").await;
    let job = Job::with(second.address, &around.token(&serde_json::json!({})))
        .await
        .unwrap();
    let id = job.sealed(&image, &clean_report()).await;
    assert_eq!(job.settled(&id).await.state, State::Published);
    let events = events(&around);
    assert_eq!(count(&events, EventType::LogStarted), 1);
}

macro_rules! killed {
    ($($name:ident $step:literal)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            killed_at($step).await;
        })+
    };
}

killed! {
    before_what_is_intended_is_said "sign.before_intent"
    after_what_is_intended_was_said "sign.after_intent"
    after_the_key_has_answered "sign.after_reply"
    after_a_signature_was_kept "sign.after_kept"
    once_everything_is_signed "sign.after_step"
    before_a_blob "publish.before_blob"
    before_a_manifest "publish.before_manifest"
    before_something_signed "publish.before_sealed"
    before_all_is_read_back "publish.before_read_back"
    before_the_tag "publish.before_tag"
    after_the_tag "publish.after_tags"
    after_it_was_published "publish.after_step"
}
