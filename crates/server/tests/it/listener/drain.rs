//! Going away: what is in flight ends, what is new goes elsewhere.

use std::time::Instant;

use countersign_server::drain::Drained;
use tokio::net::TcpStream;

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
    let served = Served::tls(&pair, Limits::admission()).await;
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
