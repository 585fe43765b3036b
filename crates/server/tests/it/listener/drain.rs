//! Going away: what is in flight ends, what is new goes elsewhere.

use std::time::Instant;

use countersign_server::drain::Drained;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::raw::{HEADERS, Http2, Kept};
use super::*;

#[tokio::test]
async fn what_is_in_flight_ends_and_nothing_new_is_accepted() {
    let pair = Pair::new();
    let served = Served::tls(&pair, Limits::admission()).await;
    let clients = [
        pair.client().build().unwrap(),
        pair.client().http1_only().build().unwrap(),
    ];
    let held: Vec<_> = clients
        .iter()
        .map(|client| tokio::spawn(client.get(served.url("/slow")).send()))
        .collect();
    served.counts(&in_flight(2)).await;
    let url = served.url("/peer");

    let draining = tokio::spawn(served.drainer.run());
    refuses_connections(served.address).await;
    assert!(!served.readiness.is_ready());
    assert!(pair.client().build().unwrap().get(url).send().await.is_err());
    assert!(!draining.is_finished() && !served.closed.is_finished());

    served.release.add_permits(2);
    for held in held {
        let response = held.await.unwrap().unwrap();
        if response.version() == reqwest::Version::HTTP_11 {
            assert_eq!(response.headers()["connection"], "close");
        }
        assert_eq!(response.text().await.unwrap(), "done");
    }
    assert_eq!(served.closed.await.unwrap(), Closed { cut_off: 0 });
    assert_eq!(draining.await.unwrap(), Drained::InTime);
}

#[tokio::test]
async fn readiness_falls_first_and_requests_are_answered_through_the_grace() {
    let pair = Pair::new();
    let plan = DrainPlan {
        grace: Duration::from_secs(2),
        deadline: Duration::from_secs(10),
    };
    let served = Served::start(Transport::Tls(pair.load().server_config()), Limits::admission(), plan).await;
    let url = served.url("/peer");
    assert!(served.readiness.is_ready());
    let began = Instant::now();
    let draining = tokio::spawn(served.drainer.run());
    while served.readiness.is_ready() {
        tokio::task::yield_now().await;
    }
    // A newcomer that was sent here by endpoints that lag behind.
    assert_eq!(
        pair.client().build().unwrap().get(url).send().await.unwrap().status(),
        200
    );
    assert!(
        began.elapsed() < plan.grace,
        "this machine is too slow for the test to mean anything"
    );
    assert_eq!(draining.await.unwrap(), Drained::InTime);
    assert!(began.elapsed() >= plan.grace);
    assert_eq!(served.closed.await.unwrap(), Closed { cut_off: 0 });
}

#[tokio::test]
async fn idle_connections_are_closed_at_once() {
    let pair = Pair::new();
    let limits = Limits {
        parting: Duration::from_millis(100),
        ..Limits::admission()
    };
    let served = Served::tls(&pair, limits).await;
    let clients = [
        pair.client().build().unwrap(),
        pair.client().http1_only().build().unwrap(),
    ];
    for client in &clients {
        client
            .get(served.url("/peer"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
    }
    // Nor is it waited for who has not even begun a handshake.
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    served.counts(r#"countersign_connections{door="admission"} 3"#).await;
    assert_eq!(served.drainer.run().await, Drained::InTime);
    assert_eq!(served.closed.await.unwrap(), Closed { cut_off: 0 });
    let read = tokio::io::AsyncReadExt::read(&mut silent, &mut [0; 1]).await;
    assert_eq!(read.unwrap_or(0), 0);
}

#[tokio::test]
async fn what_does_not_end_is_cut_off_at_the_deadline_and_counted() {
    let pair = Pair::new();
    let plan = DrainPlan {
        grace: Duration::ZERO,
        deadline: Duration::from_millis(200),
    };
    let served = Served::start(Transport::Tls(pair.load().server_config()), Limits::admission(), plan).await;
    let client = pair.client().build().unwrap();
    let held = tokio::spawn(client.get(served.url("/slow")).send());
    served.counts(&in_flight(1)).await;
    assert_eq!(served.drainer.run().await, Drained::InTime);
    assert_eq!(served.closed.await.unwrap(), Closed { cut_off: 1 });
    assert!(held.await.unwrap().is_err());
    counts(&served.metrics, &in_flight(0)).await;
}

/// The API server's kept connections over HTTP/1.1: a request that comes in the grace is answered, and is the last one there.
#[tokio::test]
async fn a_kept_connection_ends_with_its_next_answer() {
    let plan = DrainPlan {
        grace: PATIENCE * 10,
        deadline: PATIENCE,
    };
    let served = Served::start(Transport::Plain, Limits::admission(), plan).await;
    let mut kept = Kept::connect(served.address).await;
    let before = kept.ask("/peer").await;
    assert!(!before.contains("connection: close"), "{before}");

    let draining = tokio::spawn(served.drainer.run());
    while served.readiness.is_ready() {
        tokio::task::yield_now().await;
    }
    let mut newcomer = Kept::connect(served.address).await;
    for connection in [&mut kept, &mut newcomer] {
        let last = connection.ask("/peer").await;
        assert!(last.starts_with("HTTP/1.1 200"), "{last}");
        assert!(last.contains("connection: close"), "{last}");
        assert_eq!(connection.rest().await, "");
    }
    draining.abort();
}

/// The request lies in the socket, unseen, when the door closes: whoever is cut off now has sent it in vain.
#[tokio::test]
async fn a_request_that_was_sent_before_the_door_closed_is_answered() {
    let served = Served::plain(Limits::admission()).await;
    let mut kept = Vec::new();
    for _ in 0..8 {
        let mut connection = Kept::connect(served.address).await;
        connection.ask("/peer").await;
        kept.push(connection);
    }
    for connection in &mut kept {
        // Past the reactor, which this test and the door share: it has no turn before the door is told to close.
        assert!(connection.0.try_write(b"GET /peer HTTP/1.1\r\nhost: x\r\n\r\n").is_ok());
    }
    // A drainer that is gone closes the door at once.
    drop(served.drainer);
    for connection in &mut kept {
        let answer = connection.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "`{answer}`");
    }
    assert_eq!(served.closed.await.unwrap(), Closed { cut_off: 0 });
}

#[tokio::test]
async fn a_request_that_has_begun_when_the_door_closes_is_answered() {
    let limits = Limits {
        parting: PATIENCE,
        ..Limits::admission()
    };
    let served = Served::plain(limits).await;
    let mut kept = Kept::connect(served.address).await;
    kept.ask("/peer").await;
    // Nothing at all, the half of a first head, and the half of another one.
    let mut begun = [
        (
            Kept::connect(served.address).await,
            "",
            "GET /peer HTTP/1.1\r\nhost: x\r\n\r\n",
        ),
        (
            Kept::connect(served.address).await,
            "GET /peer HT",
            "TP/1.1\r\nhost: x\r\n\r\n",
        ),
        (kept, "GET /peer HTTP/1.1\r\nho", "st: x\r\n\r\n"),
    ];
    for (connection, first, _) in &mut begun {
        connection.0.write_all(first.as_bytes()).await.unwrap();
    }
    served.counts(r#"countersign_connections{door="admission"} 3"#).await;
    let draining = tokio::spawn(served.drainer.run());
    refuses_connections(served.address).await;
    for (connection, first, then) in &mut begun {
        connection.0.write_all(then.as_bytes()).await.unwrap();
        let answer = connection.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "after `{first}`: `{answer}`");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(draining.await.unwrap(), Drained::InTime);
    assert_eq!(served.closed.await.unwrap(), Closed { cut_off: 0 });
}

/// Who does not react to GOAWAY, and has nothing in flight, holds nobody up.
#[tokio::test]
async fn an_http2_client_that_does_not_go_is_dropped_soon() {
    let pair = Pair::new();
    let plan = DrainPlan {
        grace: Duration::ZERO,
        deadline: PATIENCE * 10,
    };
    let limits = Limits {
        parting: Duration::from_millis(100),
        ..Limits::admission()
    };
    let served = Served::start(Transport::Tls(pair.load().server_config()), limits, plan).await;
    let mut deaf = Http2::connect(&pair, served.address, None).await;
    deaf.get(1).await;
    deaf.until(HEADERS).await;
    let idle = Http2::connect(&pair, served.address, None).await;
    served.counts(r#"countersign_connections{door="admission"} 2"#).await;
    let drained = tokio::time::timeout(PATIENCE, served.drainer.run()).await;
    assert_eq!(drained.expect("the door is held open"), Drained::InTime);
    assert_eq!(served.closed.await.unwrap(), Closed { cut_off: 0 });
    drop((deaf, idle));
}

/// Waits until the socket is closed: the drain does that in a task of its own.
async fn refuses_connections(address: SocketAddr) {
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("connections are still accepted");
}
