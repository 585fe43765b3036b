//! From a name to a digest.

use countersign_image::{Digest, media};
use countersign_registry::{ContentTrouble, Trouble};

use super::scripted::{Reply, Seen, Server, Shelf, client, nobody, soon};

#[tokio::test]
async fn a_tag_costs_one_head() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let server = Server::of(shelf).await;
    let digest = client().resolve(&server.reference("app:v1"), &nobody(), soon()).await;
    assert_eq!(digest, Ok(image.digest));
    assert_eq!(server.lines(), ["HEAD /v2/app/manifests/v1"]);
    let accepted: Vec<_> = server.seen()[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "accept")
        .cloned()
        .collect();
    assert_eq!(accepted.len(), 4, "{accepted:?}");
}

#[tokio::test]
async fn a_digest_in_the_name_costs_nothing() {
    let server = Server::of(Shelf::default()).await;
    let digest = Digest::sha256(b"x");
    for name in [format!("app@{digest}"), format!("app:v1@{digest}")] {
        assert_eq!(
            client().resolve(&server.reference(&name), &nobody(), soon()).await,
            Ok(digest)
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn no_tag_means_latest() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "latest");
    let server = Server::of(shelf).await;
    assert_eq!(
        client().resolve(&server.reference("app"), &nobody(), soon()).await,
        Ok(image.digest)
    );
}

/// What becomes of it if HEAD is answered like this and GET properly.
async fn with_head(head: Reply) -> (Result<Digest, Trouble>, Digest, Vec<String>) {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let server = Server::start(move |seen: &Seen| {
        if seen.method == "HEAD" {
            head.clone()
        } else {
            shelf.reply(seen)
        }
    })
    .await;
    let digest = client().resolve(&server.reference("app:v1"), &nobody(), soon()).await;
    (
        digest,
        image.digest,
        server.seen().into_iter().map(|seen| seen.method).collect(),
    )
}

#[tokio::test]
async fn a_head_that_says_nothing_usable_is_followed_by_a_get() {
    let other = Digest::sha256(b"other").to_string();
    let upper = format!("sha256:{}", Digest::sha256(b"other").hex().to_uppercase());
    for head in [
        Reply::ok(media::OCI_MANIFEST, ""),
        Reply::ok(media::OCI_MANIFEST, "").with("Docker-Content-Digest", "latest"),
        Reply::ok(media::OCI_MANIFEST, "").with("Docker-Content-Digest", upper),
        Reply::ok(media::DOCKER_SCHEMA1_SIGNED, "").with("Docker-Content-Digest", other.clone()),
        Reply::ok("text/html", "").with("Docker-Content-Digest", other.clone()),
        Reply::new(200).with("Docker-Content-Digest", other),
        Reply::new(405),
        Reply::new(501),
    ] {
        let (digest, image, methods) = with_head(head.clone()).await;
        assert_eq!(digest, Ok(image), "{head:?}");
        assert_eq!(methods, ["HEAD", "GET"], "{head:?}");
    }
}

#[tokio::test]
async fn a_schema_1_image_has_no_digest_that_means_anything() {
    let schema1 = br#"{"schemaVersion":1,"name":"app","tag":"v1","fsLayers":[]}"#;
    let server = Server::start(|_| Reply::ok(media::DOCKER_SCHEMA1_SIGNED, *schema1)).await;
    let outcome = client().resolve(&server.reference("app:v1"), &nobody(), soon()).await;
    assert!(
        matches!(outcome, Err(Trouble::Content(ContentTrouble::Manifest(_)))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn not_found_is_an_answer_and_everything_else_is_not() {
    for (reply, expected, requests) in [
        (Reply::not_found(), Trouble::NotFound, 1),
        (Reply::new(401), Trouble::Denied { status: 401 }, 1),
        (Reply::new(403), Trouble::Denied { status: 403 }, 1),
        (Reply::new(418), Trouble::Unavailable { status: 418 }, 1),
        (Reply::new(500), Trouble::Unavailable { status: 500 }, 3),
        (Reply::new(503), Trouble::Unavailable { status: 503 }, 3),
        (Reply::new(429), Trouble::Throttled { retry_after: None }, 3),
        (
            Reply::new(429).with("Retry-After", "3600"),
            Trouble::Throttled {
                retry_after: Some(std::time::Duration::from_secs(3600)),
            },
            1,
        ),
    ] {
        let answer = reply.clone();
        let server = Server::start(move |_| answer.clone()).await;
        let outcome = client().resolve(&server.reference("app:v1"), &nobody(), soon()).await;
        assert_eq!(outcome, Err(expected), "{reply:?}");
        assert_eq!(server.seen().len(), requests, "{reply:?}");
    }
}
