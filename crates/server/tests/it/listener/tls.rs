//! Handshakes, and certificates exchanged under running connections.

use reqwest::Version;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn http2_and_http1_are_offered_whatever_name_is_asked_for() {
    let pair = Pair::new();
    let served = Served::tls(&pair, Limits::admission()).await;
    let by_address = format!("https://{}/peer", served.address);
    for (client, version) in [
        (pair.client().build().unwrap(), Version::HTTP_2),
        (pair.client().http1_only().build().unwrap(), Version::HTTP_11),
    ] {
        for url in [served.url("/peer"), by_address.clone()] {
            let response = client.get(url).send().await.unwrap();
            assert_eq!((response.status().as_u16(), response.version()), (200, version));
        }
    }
}

#[tokio::test]
async fn a_certificate_is_exchanged_without_dropping_a_connection() {
    let pair = Pair::new();
    let certificates = pair.load();
    let transport = Transport::Tls(certificates.server_config());
    let served = Served::start(transport, Limits::admission(), DRAIN).await;
    let condition = served.readiness.condition("certificate", "not looked at yet");
    let watch = certificates.watch(
        Duration::from_millis(10),
        Timestamp::now,
        served.metrics.clone(),
        condition,
    );
    let watching = tokio::spawn(watch);

    let held = [
        pair.client().build().unwrap(),
        pair.client().http1_only().build().unwrap(),
    ];
    let mut peers = Vec::new();
    for client in &held {
        peers.push(
            client
                .get(served.url("/peer"))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
        );
    }
    let old = pair.client();
    pair.renew();
    served
        .counts(r#"countersign_certificate_reloads_total{outcome="loaded"} 2"#)
        .await;

    for (client, before) in held.iter().zip(&peers) {
        let after = client
            .get(served.url("/peer"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(&after, before, "the connection was replaced");
    }
    let new = pair.client().build().unwrap();
    assert_eq!(new.get(served.url("/peer")).send().await.unwrap().status(), 200);
    let refused = old.build().unwrap().get(served.url("/peer")).send().await;
    assert!(
        refused.is_err(),
        "the old certificate is still served to new connections"
    );
    watching.abort();
}

#[tokio::test]
async fn who_does_not_shake_hands_holds_up_nobody_and_is_dropped() {
    let pair = Pair::new();
    let limits = Limits {
        handshake: Duration::from_secs(2),
        ..Limits::admission()
    };
    let served = Served::tls(&pair, limits).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let answered = pair.client().build().unwrap().get(served.url("/peer")).send();
    let answered = tokio::time::timeout(limits.handshake, answered).await;
    assert_eq!(
        answered
            .expect("others wait for those who are silent")
            .unwrap()
            .status(),
        200
    );

    for stream in &mut silent {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 16])).await.unwrap();
        assert_eq!(read.unwrap_or(0), 0, "the silent connection was answered");
    }
    served
        .counts(r#"countersign_handshake_failures_total{door="admission",cause="timed_out"} 20"#)
        .await;
}

#[tokio::test]
async fn a_handshake_that_fails_is_counted() {
    let pair = Pair::new();
    let served = Served::tls(&pair, Limits::admission()).await;
    let stranger = Pair::new().client().build().unwrap();
    assert!(stranger.get(served.url("/peer")).send().await.is_err());
    assert!(stranger.get(served.plain_url("/peer")).send().await.is_err());
    served
        .counts(r#"countersign_handshake_failures_total{door="admission",cause="refused"} 2"#)
        .await;
}
