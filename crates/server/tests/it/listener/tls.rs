//! Handshakes, and certificates exchanged under running connections.

use reqwest::Version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

const TLS_1_0: u16 = 0x0301;
const TLS_1_1: u16 = 0x0302;
const TLS_1_2: u16 = 0x0303;
const ECDHE_ECDSA_AES128_GCM: u16 = 0xc02b;

/// A client's first message (RFC 5246, section 7.4.1.2) in one record.
fn hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    let numbers = |list: &[u16]| sized(&list.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>());
    let extension = |kind: u16, body: &[u8]| [&kind.to_be_bytes(), &sized(body)[..]].concat();
    let extensions = [
        extension(0x000a, &numbers(&[0x001d, 0x0017])),
        extension(0x000b, &[1, 0]),
        extension(0x000d, &numbers(&[0x0403, 0x0804, 0x0401, 0x0203, 0x0201])),
        extension(0x0017, &[]),
    ];
    let body = [
        &version.to_be_bytes(),
        &[7; 32][..],
        &[0],
        &numbers(suites),
        &[1, 0],
        &sized(&extensions.concat()),
    ]
    .concat();
    let message = [&[1, 0], &sized(&body)[..]].concat();
    [&[22, 3, 1], &sized(&message)[..]].concat()
}

/// The type of the record that the door answers with: 22 goes on with the handshake, 21 is an alert. None where it hangs up.
async fn answered(door: SocketAddr, hello: &[u8]) -> Option<u8> {
    let mut stream = TcpStream::connect(door).await.unwrap();
    stream.write_all(hello).await.unwrap();
    let mut first = [0; 1];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut first)).await.unwrap();
    (read.unwrap_or(0) == 1).then_some(first[0])
}

/// Kyverno's GHSA-hgv6-w7r3-w4qw: suites with CBC, 3DES, RC4 and plain RSA were still on offer.
#[tokio::test]
async fn neither_an_old_protocol_nor_a_weak_cipher_is_spoken() {
    let pair = Pair::new();
    let served = Served::tls(&pair, Limits::admission()).await;
    let good = [ECDHE_ECDSA_AES128_GCM];
    assert_eq!(
        answered(served.address, &hello(TLS_1_2, &good)).await,
        Some(22),
        "the message itself is in order"
    );
    for (what, version, suites) in [
        ("TLS 1.0", TLS_1_0, &good[..]),
        ("TLS 1.1", TLS_1_1, &good),
        ("TLS 1.1 with what it knew", TLS_1_1, &[0xc009, 0xc00a, 0x002f]),
        ("CBC", TLS_1_2, &[0xc009, 0xc00a, 0xc023, 0xc024]),
        ("CBC with plain RSA", TLS_1_2, &[0x002f, 0x0035, 0x003c, 0x003d]),
        ("GCM with plain RSA", TLS_1_2, &[0x009c, 0x009d]),
        ("3DES", TLS_1_2, &[0x000a, 0xc008, 0xc012]),
        ("RC4", TLS_1_2, &[0x0005, 0xc007, 0xc011]),
        ("export grade", TLS_1_2, &[0x0003, 0x0006, 0x0008]),
        ("no encryption", TLS_1_2, &[0x0000, 0x003b, 0xc006]),
    ] {
        let answer = answered(served.address, &hello(version, suites)).await;
        assert!(matches!(answer, None | Some(21)), "{what}: {answer:?}");
    }
    // Those, and the good one, which we broke off.
    served
        .counts(r#"countersign_handshake_failures_total{door="admission",cause="refused"} 11"#)
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
