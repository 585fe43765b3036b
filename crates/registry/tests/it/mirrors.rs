//! Read from the mirror, judged under the origin's name, and read from the origin where the mirror does not do.

use countersign_image::{Descriptor, media};
use countersign_registry::{CacheConfig, Client, Credential, Credentials, Gatherer, Secret, gather};

use super::gathering::everything;
use super::scripted::{Manner, Reply, Seen, Server, Shelf, basic, client_with, nobody, soon, user};

fn mirrored(origin: &Server, mirror: String) -> Client {
    let host = origin.host();
    client_with(|config| {
        config.mirrors.insert(host, vec![mirror]);
    })
}

fn shelf(prefix: &str) -> (Shelf, Descriptor) {
    let mut shelf = Shelf::default();
    let path = format!("{prefix}app");
    let image = shelf.image(&path, "v1");
    shelf.signed(&path, &image, &["c2ln"]);
    let bundle = shelf.referrer(&path, Some(&image), media::SIGSTORE_BUNDLE_V03, b"{}");
    shelf.lists(&path, &image, vec![bundle]);
    (shelf, image)
}

#[tokio::test]
async fn what_the_mirror_has_is_not_asked_of_the_origin() {
    let (content, image) = shelf("hub/");
    let (origin, mirror) = (Server::start(|_| Reply::new(500)).await, Server::of(content).await);
    let client = mirrored(&origin, mirror.url("/hub"));
    let reference = origin.reference("app:v1");
    let digest = client.resolve(&reference, &nobody(), soon()).await.unwrap();
    assert_eq!(digest, image.digest);
    let evidence = gather(&client, &reference.resolved(digest), &everything(), &nobody(), soon()).await;
    let items: Vec<_> = evidence
        .items
        .iter()
        .map(|item| item.origin.repository.clone())
        .collect();
    assert_eq!(
        items,
        vec![origin.repository("app"); 2],
        "what is found is told under the origin's name"
    );
    let expected = format!("?ns={}", origin.host().replace(':', "%3A"));
    assert!(
        mirror
            .lines()
            .iter()
            .all(|line| line.contains(" /v2/hub/app/") && line.ends_with(&expected))
    );
    // What the mirror does not have is all that the origin is asked for.
    assert!(
        origin
            .lines()
            .iter()
            .all(|line| line.contains(".att") || line.contains("/manifests/sha256-"))
    );
}

#[tokio::test]
async fn what_the_mirror_does_not_do_the_origin_does() {
    for reply in [
        Reply::not_found(),
        Reply::new(401),
        Reply::new(403),
        Reply::new(429),
        Reply::new(500),
        Reply::new(200).manner(Manner::HangUp),
        Reply::new(200).manner(Manner::Stall),
        Reply::ok(media::OCI_MANIFEST, "something else"),
        Reply::challenge(r#"Bearer realm="http://169.254.169.254/""#),
    ] {
        let (content, image) = shelf("");
        let answer = reply.clone();
        let (origin, mirror) = (Server::of(content).await, Server::start(move |_| answer.clone()).await);
        let client = mirrored(&origin, mirror.url(""));
        let fetched = client
            .manifest(&origin.repository("app"), &image.digest, &nobody(), soon())
            .await;
        assert!(fetched.is_ok(), "{reply:?}: {fetched:?}");
        assert_eq!(mirror.seen().len(), 1, "a mirror is tried once");
        let listed = client
            .referrers(&origin.repository("app"), &image.digest, &nobody(), soon())
            .await;
        assert_eq!(listed.map(|listed| listed.len()), Ok(1), "{reply:?}");
    }
}

#[tokio::test]
async fn a_mirror_that_knows_of_nothing_does_not_hide_what_there_is() {
    let (content, image) = shelf("");
    let mut empty = Shelf::default();
    empty.image("app", "v1");
    empty.lists("app", &image, Vec::new());
    let (origin, mirror) = (Server::of(content).await, Server::of(empty).await);
    let client = mirrored(&origin, mirror.url(""));
    let pinned = origin.reference("app:v1").resolved(image.digest);
    let evidence = gather(&client, &pinned, &everything(), &nobody(), soon()).await;
    assert_eq!((evidence.items.len(), evidence.gaps.len()), (2, 0));
}

#[tokio::test]
async fn each_sees_its_own_credentials_only() {
    let (content, image) = shelf("");
    let wants = |who: &'static str, shelf: Option<Shelf>| {
        move |seen: &Seen| match (seen.header("authorization"), &shelf) {
            (Some(shown), Some(shelf)) if shown == basic(who) => shelf.reply(seen),
            (Some(shown), None) if shown == basic(who) => Reply::not_found(),
            _ => Reply::challenge("Basic"),
        }
    };
    let origin = Server::start(wants("origin", Some(content))).await;
    let mirror = Server::start(wants("mirror", None)).await;
    let client = mirrored(&origin, mirror.url(""));
    let credential = Credential::Basic {
        user: "mirror".to_owned(),
        password: Secret::new("mirror-secret"),
    };
    let credentials: Credentials = user(&origin.host(), "origin").with_host(&mirror.host(), credential);
    client
        .manifest(&origin.repository("app"), &image.digest, &credentials, soon())
        .await
        .unwrap();
    let shown = |server: &Server| {
        server
            .seen()
            .iter()
            .filter_map(|seen| seen.header("authorization").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&origin), [basic("origin")]);
    assert_eq!(shown(&mirror), [basic("mirror")]);
}

#[tokio::test]
async fn what_is_written_is_written_to_the_origin() {
    let (origin, mirror) = (
        Server::start(|_| Reply::new(403)).await,
        Server::start(|_| Reply::new(201)).await,
    );
    let client = mirrored(&origin, mirror.url(""));
    let _ = client
        .put_blob(&origin.repository("app"), "x".into(), &nobody(), soon())
        .await;
    assert_eq!(mirror.connections(), 0);
    assert!(!origin.seen().is_empty());
}

#[tokio::test]
async fn what_alice_may_read_from_a_mirror_is_not_told_to_bob() {
    let (content, image) = shelf("");
    let (origin, mirror) = (Server::start(|_| Reply::new(403)).await, {
        Server::start(move |seen: &Seen| match seen.header("authorization") {
            Some(shown) if shown == basic("alice") => content.reply(seen),
            _ => Reply::challenge("Basic"),
        })
        .await
    });
    let client = mirrored(&origin, mirror.url(""));
    let gatherer = Gatherer::cached(client, CacheConfig::standard()).unwrap();
    let pinned = origin.reference("app:v1").resolved(image.digest);
    for (who, items) in [("alice", 2), ("bob", 0)] {
        let credentials = user(&mirror.host(), who);
        let evidence = gatherer.gather(&pinned, &everything(), &credentials, soon()).await;
        assert_eq!(evidence.items.len(), items, "{who}");
        let tag = gatherer
            .resolve(&origin.reference("app:v1"), &credentials, soon())
            .await;
        assert_eq!(tag.is_ok(), who == "alice");
    }
}
