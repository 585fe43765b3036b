//! What a client may not do, and what it is told.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::raw::{HEADERS, Http2};
use super::*;

#[tokio::test]
async fn too_large_a_body_is_answered_413_whether_its_length_is_declared_or_not() {
    let pair = Pair::new();
    let served = Served::tls(
        &pair,
        Limits {
            body: Some(1000),
            ..Limits::admission()
        },
    )
    .await;
    for client in [
        pair.client().build().unwrap(),
        pair.client().http1_only().build().unwrap(),
    ] {
        let echo = client.post(served.url("/echo"));
        let post = |bytes: usize| echo.try_clone().unwrap().body(vec![b'x'; bytes]);
        assert_eq!(post(1000).send().await.unwrap().text().await.unwrap(), "1000");
        assert_eq!(post(1001).send().await.unwrap().status(), 413);

        let undeclared = |chunks: usize| {
            let chunks = (0..chunks).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100]));
            echo.try_clone()
                .unwrap()
                .body(reqwest::Body::wrap_stream(futures_util::stream::iter(chunks)))
        };
        assert_eq!(undeclared(10).send().await.unwrap().text().await.unwrap(), "1000");
        assert_eq!(undeclared(11).send().await.unwrap().status(), 413);
    }
}

#[tokio::test]
async fn a_body_of_three_mebibytes_twice_is_within_the_admission_limits() {
    let pair = Pair::new();
    let served = Served::tls(&pair, Limits::admission()).await;
    let bytes = 2 * 3 * 1024 * 1024;
    let response = pair
        .client()
        .build()
        .unwrap()
        .post(served.url("/echo"))
        .body(vec![b' '; bytes])
        .send()
        .await;
    assert_eq!(response.unwrap().text().await.unwrap(), bytes.to_string());
}

#[tokio::test]
async fn one_request_too_many_is_turned_away_at_once() {
    let pair = Pair::new();
    let served = Served::tls(
        &pair,
        Limits {
            in_flight: 2,
            ..Limits::admission()
        },
    )
    .await;
    let client = pair.client().build().unwrap();
    let held: Vec<_> = (0..2)
        .map(|_| tokio::spawn(client.get(served.url("/slow")).send()))
        .collect();
    served.counts(&in_flight(2)).await;

    let shed = client.get(served.url("/peer")).send().await.unwrap();
    assert_eq!(
        (shed.status().as_u16(), &shed.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert!(shed.text().await.unwrap().starts_with("too many requests"));
    served
        .counts(r#"countersign_requests_shed_total{door="admission"} 1"#)
        .await;

    served.release.add_permits(2);
    for held in held {
        assert_eq!(held.await.unwrap().unwrap().text().await.unwrap(), "done");
    }
    served.counts(&in_flight(0)).await;
    assert_eq!(client.get(served.url("/peer")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let limits = Limits {
        request: Some(Duration::from_millis(50)),
        ..Limits::admission()
    };
    let served = Served::plain(limits).await;
    let client = Pair::new().client().build().unwrap();
    let response = client.get(served.plain_url("/slow")).send().await.unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(response.text().await.unwrap(), "no answer within 50ms\n");
    served
        .counts(r#"countersign_requests_overdue_total{door="admission"} 1"#)
        .await;
    served.counts(&in_flight(0)).await;
}

#[tokio::test]
async fn a_panic_is_one_requests_trouble() {
    let pair = Pair::new();
    let served = Served::tls(&pair, Limits::admission()).await;
    for client in [
        pair.client().build().unwrap(),
        pair.client().http1_only().build().unwrap(),
    ] {
        let before = client
            .get(served.url("/peer"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let response = client.get(served.url("/panic")).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.text().await.unwrap().as_str()),
            (500, "internal error\n")
        );
        let after = client
            .get(served.url("/peer"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(before, after, "the connection was lost");
    }
    served
        .counts(r#"countersign_requests_panicked_total{door="admission"} 2"#)
        .await;
    served.counts(&in_flight(0)).await;
}

#[tokio::test]
async fn connections_over_the_cap_wait_for_a_place() {
    let served = Served::plain(Limits {
        connections: 1,
        ..Limits::admission()
    })
    .await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    ask(&mut first, "/peer").await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second
        .write_all(b"GET /peer HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    let early = tokio::time::timeout(Duration::from_millis(100), second.read_exact(&mut answer)).await;
    assert!(early.is_err(), "answered over the cap");
    drop(first);
    tokio::time::timeout(PATIENCE, second.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let limits = Limits {
        head: Duration::from_millis(400),
        silence: PATIENCE * 3,
        ..Limits::admission()
    };
    let served = Served::plain(limits).await;
    for head in ["", "GET /peer HTT"] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "", "after `{head}`");
    }
    // Also not after a request that was good.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    ask(&mut stream, "/peer").await;
    stream.write_all(b"GET /p").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_but_not_for_ever() {
    let limits = Limits {
        head: Duration::from_millis(300),
        silence: Duration::from_millis(1500),
        ..Limits::admission()
    };
    let served = Served::plain(limits).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    ask(&mut stream, "/peer").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    ask(&mut stream, "/peer").await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_silent_http2_connection_is_closed_too() {
    let pair = Pair::new();
    let limits = Limits {
        silence: Duration::from_millis(200),
        ..Limits::admission()
    };
    let served = Served::tls(&pair, limits).await;
    let client = pair.client().build().unwrap();
    client
        .get(served.url("/peer"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    served.counts(r#"countersign_connections{door="admission"} 0"#).await;
}

/// An HTTP/2 client decides how much of an answer it takes, and none is an amount.
#[tokio::test]
async fn answers_that_are_not_taken_hold_nobody_up_and_are_dropped() {
    let pair = Pair::new();
    let limits = Limits {
        in_flight: 2,
        answer: Some(Duration::from_secs(1)),
        silence: PATIENCE * 3,
        head: PATIENCE * 3,
        parting: PATIENCE * 3,
        ..Limits::admission()
    };
    let served = Served::tls(&pair, limits).await;
    let mut hoarder = Http2::connect(&pair, served.address, Some(0)).await;
    for stream in [1, 3, 5, 7] {
        hoarder.get(stream).await;
        hoarder.until(HEADERS).await;
    }
    let client = pair.client().build().unwrap();
    assert_eq!(client.get(served.url("/peer")).send().await.unwrap().status(), 200);
    drop(client);
    served.counts(r#"countersign_connections{door="admission"} 0"#).await;
    served
        .counts(r#"countersign_requests_shed_total{door="admission"} 0"#)
        .await;
    drop(hoarder);
}

/// One request over HTTP/1.1, its answer read.
async fn ask(stream: &mut TcpStream, path: &str) {
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// What still comes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut rest)).await;
    drop(read.expect("the connection stays open"));
    rest
}
