//! A host that fails is left alone for a moment. One that answers, whatever it answers, is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_image::{Digest, media};
use countersign_registry::{Client, Trouble};

use super::scripted::{Manner, Reply, Seen, Server, client_with, nobody, soon};

fn client() -> Client {
    client_with(|config| config.limits.attempts = 1)
}

async fn ask(client: &Client, server: &Server, path: &str) -> Result<(), Trouble> {
    client
        .manifest(&server.repository(path), &Digest::sha256(b"x"), &nobody(), soon())
        .await
        .map(drop)
}

#[tokio::test]
async fn a_host_that_fails_is_left_alone_and_asked_again() {
    for off in [Reply::new(500), Reply::new(200).manner(Manner::HangUp)] {
        let down = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&down);
        let server = Server::start(move |_: &Seen| {
            if switch.load(Ordering::SeqCst) {
                off.clone()
            } else {
                Reply::not_found()
            }
        })
        .await;
        let client = client();
        for _ in 0..20 {
            assert!(ask(&client, &server, "app").await.is_err());
        }
        assert_eq!(server.seen().len(), 5);
        let outcome = ask(&client, &server, "other").await;
        assert!(
            matches!(outcome, Err(Trouble::BreakerOpen { failures: 5, .. })),
            "{outcome:?}"
        );
        down.store(false, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(ask(&client, &server, "app").await, Err(Trouble::NotFound));
        assert_eq!(ask(&client, &server, "app").await, Err(Trouble::NotFound));
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_connected_to_is_left_alone() {
    let server = Server::start(|_| Reply::not_found()).await;
    let repository = server.repository("app");
    drop(server);
    let client = client();
    let mut outcomes = Vec::new();
    for _ in 0..6 {
        outcomes.push(
            client
                .manifest(&repository, &Digest::sha256(b"x"), &nobody(), soon())
                .await
                .map(drop),
        );
    }
    assert!(
        outcomes[..5]
            .iter()
            .all(|outcome| matches!(outcome, Err(Trouble::Unreachable { .. }))),
        "{outcomes:?}"
    );
    assert!(matches!(outcomes[5], Err(Trouble::BreakerOpen { .. })), "{outcomes:?}");
}

#[tokio::test]
async fn wrong_content_and_refusals_harm_only_their_own_image() {
    for reply in [
        Reply::ok(media::OCI_MANIFEST, "wrong bytes"),
        Reply::ok(media::OCI_MANIFEST, "x").manner(Manner::Claiming(64 << 20)),
        Reply::ok(media::OCI_MANIFEST, "x").with("Content-Encoding", "gzip"),
        Reply::new(401),
        Reply::new(403),
        Reply::not_found(),
        Reply::new(429),
        Reply::new(501),
        Reply::new(307).with("Location", "http://169.254.169.254/"),
        Reply::challenge(r#"Bearer realm="http://169.254.169.254/""#),
    ] {
        let bad = reply.clone();
        let server = Server::start(move |seen: &Seen| {
            if seen.path().contains("/bad/") {
                bad.clone()
            } else {
                Reply::not_found()
            }
        })
        .await;
        let client = client();
        for _ in 0..10 {
            let outcome = ask(&client, &server, "bad").await;
            assert!(!matches!(outcome, Err(Trouble::BreakerOpen { .. })), "{reply:?}");
        }
        let good = ask(&client, &server, "good").await;
        assert!(!matches!(good, Err(Trouble::BreakerOpen { .. })), "{reply:?}: {good:?}");
    }
}

#[tokio::test]
async fn one_hosts_failures_are_not_anothers() {
    let (bad, good) = (
        Server::start(|_| Reply::new(500)).await,
        Server::start(|_| Reply::not_found()).await,
    );
    let client = client();
    for _ in 0..6 {
        let _ = ask(&client, &bad, "app").await;
    }
    assert!(matches!(
        ask(&client, &bad, "app").await,
        Err(Trouble::BreakerOpen { .. })
    ));
    assert_eq!(ask(&client, &good, "app").await, Err(Trouble::NotFound));
}
