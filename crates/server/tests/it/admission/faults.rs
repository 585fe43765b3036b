//! A panic on the way to an answer is a refusal that the API server can read, and nobody else's trouble.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use countersign_policy::Settings;
use countersign_registry::{Client, ClientConfig, Credentials, Gatherer};
use countersign_server::admission::{Door, DoorParts, router};
use countersign_server::metrics::Metrics;
use countersign_server::policies::PolicyFiles;
use countersign_server::record::Recorder;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::rig::api_server::{Answer, create, pod, review};
use super::rig::shop::policy;

/// Which readings of the clock panic: those whose bit is set, the next one first.
static BREAKS: AtomicU32 = AtomicU32::new(0);

fn breaking() -> Timestamp {
    let now = BREAKS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |readings| Some(readings >> 1));
    assert_eq!(now.unwrap() & 1, 0, "as it was asked to");
    Timestamp::now()
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_panic_is_answered_by_a_review_that_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let passes = policy("passes", "**", &json!({ "static": { "action": "pass" } }));
    std::fs::write(directory.path().join("1.yaml"), passes).unwrap();
    let (records, metrics) = (Lines::default(), Metrics::new());
    let door = Arc::new(Door::new(DoorParts {
        policies: Arc::new(
            PolicyFiles::open(vec![directory.path().to_owned()], Settings::deny_unmatched(), None).unwrap(),
        ),
        gatherer: Gatherer::uncached(Client::new(ClientConfig::default()).unwrap()),
        credentials: Credentials::anonymous(),
        recorder: Recorder::to(records.clone()).unwrap(),
        denials: None,
        metrics: metrics.clone(),
        clock: breaking,
    }));
    let ask = async |readings: u32| {
        // Another image each time: nothing is known of it yet, so that it is judged.
        let image = format!("registry.example/app@sha256:{readings:064x}");
        BREAKS.store(readings, Ordering::SeqCst);
        let request = create(&pod(&[&image]));
        let asked = Request::post("/validate?timeout=10s").header("content-type", "application/json");
        let asked = asked.body(Body::from(review(&request).to_string())).unwrap();
        let response = router(Arc::clone(&door)).oneshot(asked).await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "a review is answered by a review");
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let answer = Answer(serde_json::from_slice(&body).unwrap());
        assert_eq!(answer.uid(), request["uid"], "an answer to another request is none");
        answer
    };
    ask(0).await.expect_allowed();
    let words = ["server.fault", "a fault in countersign"];
    // At the beginning; in the middle of judging; then there; and at every reading that there is.
    let mut refused = Vec::new();
    for readings in [0b1, 0b10, 0b11, u32::MAX] {
        refused.push(ask(readings).await.expect_refused(503, &words).uid().to_owned());
    }
    ask(0).await.expect_allowed();
    door.close();

    let text = metrics.text();
    for line in [
        r#"countersign_requests_panicked_total{door="admission"} 4"#,
        r#"countersign_reasons_total{code="server.fault"} 2"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    let records = records.0.lock().unwrap();
    let records: Vec<Value> = serde_json::Deserializer::from_slice(&records)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for uid in &refused[..2] {
        let record = records
            .iter()
            .find(|record| record["id"] == **uid)
            .expect("it is written down");
        assert_eq!(
            (&record["allowed"], &record["refusal"]),
            (&json!(false), &json!("server.fault"))
        );
    }
}
