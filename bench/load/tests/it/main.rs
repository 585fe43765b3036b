//! That the generator asks what it says it asks, and counts what happened. No time is judged here: the machine may be busy.

use std::sync::Arc;
use std::time::Duration;

use countersign_bench::figures::Results;
use countersign_bench::load::{Measured, Pace, Protocol, Question, drive};
use countersign_bench::scenario::{burst, cold, mutations, validations};
use countersign_bench::stage::{Place, Stage};
use countersign_evidence::Layout;

fn provider() {
    // Another test of this binary may have been first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

const PROTOCOLS: [Protocol; 3] = [
    Protocol::Http1 { connections: 1 },
    Protocol::Http1 { connections: 8 },
    Protocol::Http2 {
        connections: 1,
        streams: 16,
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_question_is_asked_once_and_answered_in_every_protocol_and_at_every_pace() {
    provider();
    let stage = Stage::set(&Place::Inside).await.unwrap();
    let images = stage.shop.signed("some", Layout::Bundle, 20).await.unwrap();
    let door = stage.door().await.unwrap();
    let target = stage.target(&door).unwrap();
    let series = r#"countersign_admission_requests_total{operation="create",endpoint="validate",verdict="admit"}"#;
    let mut asked = 0;
    for protocol in PROTOCOLS {
        let rate = Pace::Rate {
            a_second: 1000,
            times: 50,
        };
        for (pace, times) in [
            (Pace::Times(50), Some(50)),
            (rate, Some(50)),
            (Pace::For(Duration::from_millis(50)), None),
        ] {
            let measured = drive(&target, protocol, pace, &validations(&images)).await.unwrap();
            let measured: Measured = measured.all_accepted().unwrap();
            asked += measured.answered();
            assert!(
                times.is_none_or(|times| measured.answered() == times),
                "{protocol:?} {pace:?}"
            );
            assert_eq!(measured.latency.len(), measured.answered(), "{protocol:?} {pace:?}");
            assert_eq!(door.metric(series).await.unwrap(), asked, "{protocol:?} {pace:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_counted_as_one_and_told() {
    provider();
    let stage = Stage::set(&Place::Inside).await.unwrap();
    let images = stage.shop.signed("some", Layout::Bundle, 1).await.unwrap();
    let door = stage.door().await.unwrap();
    let target = stage.target(&door).unwrap();
    let unknown = Question::review(
        "validate",
        countersign_bench::review::of_pod(0, &["registry.example/unknown:1"]),
    );
    let questions: Arc<[Question]> = [validations(&images)[0].clone(), unknown].into();
    for protocol in PROTOCOLS {
        let measured = drive(&target, protocol, Pace::Times(10), &questions).await.unwrap();
        assert_eq!((measured.accepted, measured.refused), (5, 5), "{protocol:?}");
        let error = measured.all_accepted().unwrap_err().to_string();
        assert!(error.contains("image.unpinned"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_pins_the_tag_of_every_image() {
    provider();
    let stage = Stage::set(&Place::Inside).await.unwrap();
    let images = stage.shop.signed("some", Layout::Tag, 20).await.unwrap();
    let door = stage.door().await.unwrap();
    let target = stage.target(&door).unwrap();
    let asked = drive(&target, PROTOCOLS[1], Pace::Times(20), &mutations(&images))
        .await
        .unwrap();
    assert_eq!(asked.all_accepted().unwrap().accepted, 20);
    let resolved = stage.shop.take_requests();
    let heads = resolved.iter().filter(|request| request.starts_with("HEAD ")).count();
    assert_eq!(heads, 20, "{resolved:#?}");
}

/// One resolve, one gather, one judgement, whatever the number of those who wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_and_eight_containers_cost_what_one_costs() {
    provider();
    let scale = burst::Scale {
        connections: 2,
        streams: 50,
        delay: Duration::from_millis(100),
    };
    let results = burst::run(&Place::Inside, scale).await.unwrap();
    assert!(results.met(), "{}", results.table());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_image_costs_no_more_requests_than_its_layout_needs() {
    provider();
    let scale = cold::Scale {
        images: 3,
        delay: Duration::from_millis(1),
    };
    let results: Results = cold::run(&Place::Inside, scale).await.unwrap();
    let requests: Vec<(&str, f64)> = results
        .figures
        .iter()
        .filter_map(|figure| Some((figure.what.strip_suffix(", requests")?, figure.found)))
        .collect();
    assert_eq!(
        requests,
        [
            ("a `.sig` by digest", 4.0),
            ("a `.sig` by tag", 5.0),
            ("a bundle by digest", 5.0),
            ("a bundle by tag", 6.0),
        ]
    );
}
