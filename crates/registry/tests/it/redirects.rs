//! Where a registry sends us on to, and what we take along.

use countersign_image::{Descriptor, Digest};
use countersign_registry::{Client, ContentTrouble, Secret, Trouble};

use super::scripted::{Reply, Seen, Server, Shelf, basic, client, client_with, nobody, soon, user};

const CONTENT: &[u8] = b"content";

fn descriptor() -> Descriptor {
    Descriptor::new("text/plain", Digest::sha256(CONTENT), CONTENT.len() as u64)
}

/// A registry for alice that sends on to `location`.
async fn sending_to(location: String) -> Server {
    Server::start(move |seen: &Seen| match seen.header("authorization") {
        Some(shown) if shown == basic("alice") => Reply::new(307).with("Location", location.clone()),
        _ => Reply::challenge("Basic"),
    })
    .await
}

async fn fetch(client: &Client, server: &Server) -> Result<(), Trouble> {
    let alice = user(&server.host(), "alice");
    client
        .blob(&server.repository("app"), &descriptor(), 100, &alice, soon())
        .await
        .map(drop)
}

fn protocol(outcome: &Result<(), Trouble>) -> String {
    match outcome {
        Err(Trouble::Content(ContentTrouble::Protocol { detail })) => detail.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_blob_kept_elsewhere_is_fetched_without_credentials() {
    let store = Server::start(|_| Reply::ok("application/octet-stream", CONTENT)).await;
    let server = sending_to(store.url("/bucket/blob?signature=abc")).await;
    assert_eq!(fetch(&client(), &server).await, Ok(()));
    let seen = store.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line(), "GET /bucket/blob?signature=abc");
    for header in ["authorization", "cookie", "referer"] {
        assert_eq!(seen[0].header(header), None);
    }
}

#[tokio::test]
async fn what_is_fetched_elsewhere_is_checked_all_the_same() {
    let store = Server::start(|_| Reply::ok("application/octet-stream", "CONTENT")).await;
    let server = sending_to(store.url("/blob")).await;
    let outcome = fetch(&client(), &server).await;
    assert!(
        matches!(outcome, Err(Trouble::Content(ContentTrouble::Bytes(_)))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn on_the_same_server_we_stay_who_we_are() {
    let server = Server::start(move |seen: &Seen| match (seen.path(), seen.header("authorization")) {
        ("/moved", Some(_)) => Reply::ok("application/octet-stream", CONTENT),
        ("/moved", None) => Reply::new(401),
        (_, Some(_)) => Reply::new(307).with("Location", "/moved"),
        _ => Reply::challenge("Basic"),
    })
    .await;
    assert_eq!(fetch(&client(), &server).await, Ok(()));
}

#[tokio::test]
async fn credentials_do_not_come_back_after_a_detour() {
    let detour = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let location = std::sync::Arc::clone(&detour);
    let elsewhere =
        Server::start(move |_| Reply::new(307).with("Location", location.get().cloned().unwrap_or_default())).await;
    let first = elsewhere.url("/detour");
    let server = Server::start(move |seen: &Seen| match (seen.path(), seen.header("authorization")) {
        ("/back", None) => Reply::ok("application/octet-stream", CONTENT),
        ("/back", Some(_)) => Reply::new(500),
        (_, Some(_)) => Reply::new(307).with("Location", first.clone()),
        _ => Reply::challenge("Basic"),
    })
    .await;
    detour.set(server.url("/back")).unwrap();
    assert_eq!(fetch(&client(), &server).await, Ok(()));
}

#[tokio::test]
async fn three_times_is_enough() {
    let server = Server::start(|seen: &Seen| match seen.path().rsplit('/').next() {
        Some("3") => Reply::ok("application/octet-stream", CONTENT),
        Some(hop) => {
            let next = hop.parse::<u32>().map_or(1, |hop| hop + 1);
            Reply::new(307).with("Location", format!("/hop/{next}"))
        }
        None => Reply::not_found(),
    })
    .await;
    let outcome = client()
        .blob(&server.repository("app"), &descriptor(), 100, &nobody(), soon())
        .await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let server = Server::start(|_| Reply::new(307).with("Location", "/again")).await;
    let outcome = client()
        .blob(&server.repository("app"), &descriptor(), 100, &nobody(), soon())
        .await;
    assert_eq!(protocol(&outcome.map(drop)), "it redirects more than 3 times");
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_challenge_from_elsewhere_is_not_met() {
    let thief = Server::start(|_| Reply::token("stolen")).await;
    let realm = format!(r#"Bearer realm="{}""#, thief.url("/token"));
    for challenge in [realm, "Basic".to_owned()] {
        let store = Server::start(move |_| Reply::challenge(&challenge)).await;
        let server = sending_to(store.url("/blob")).await;
        assert_eq!(fetch(&client(), &server).await, Err(Trouble::Denied { status: 401 }));
        assert!(store.seen().iter().all(|seen| seen.header("authorization").is_none()));
    }
    assert_eq!(thief.connections(), 0);
}

#[tokio::test]
async fn nobody_sends_us_inward() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[fe80::1]/",
        "ftp://store.test/",
        "http://user@store.test/",
        "http://:0/",
    ] {
        let proxy = Server::start(move |_| Reply::new(307).with("Location", location)).await;
        let client = client_with(|config| {
            config.plain_http = vec!["registry.test".to_owned()];
            config.proxies.http = Some(Secret::new(proxy.url("")));
        });
        let repository = countersign_image::Repository::parse("registry.test/app").unwrap();
        let outcome = client
            .blob(&repository, &descriptor(), 100, &nobody(), soon())
            .await
            .map(drop);
        protocol(&outcome);
        assert_eq!(proxy.seen().len(), 1, "{location}");
    }
}

#[tokio::test]
async fn a_registry_on_loopback_sends_us_to_no_link_either() {
    let server = Server::start(|_| Reply::new(307).with("Location", "http://169.254.169.254/")).await;
    let outcome = client()
        .blob(&server.repository("app"), &descriptor(), 100, &nobody(), soon())
        .await
        .map(drop);
    assert!(
        protocol(&outcome).contains("its redirect is not followed"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_urls_of_a_descriptor_are_read_by_nobody() {
    let elsewhere = Server::start(|_| Reply::ok("application/octet-stream", CONTENT)).await;
    let mut shelf = Shelf::default();
    let digest = Digest::sha256(CONTENT);
    let foreign = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.dsse.envelope.v1+json","size":7,"digest":"{digest}","urls":["{}"]}}]}}"#,
        Digest::sha256(b"{}"),
        elsewhere.url("/blob"),
    );
    let image = shelf.image("app", "v1");
    let tag = format!("{}.att", image.digest.tag_form());
    shelf.document(
        "app",
        Some(&tag),
        "application/vnd.oci.image.manifest.v1+json",
        foreign.into_bytes(),
    );
    let server = Server::of(shelf).await;
    let pinned = server.reference("app:v1").resolved(image.digest);
    let request = super::gathering::everything();
    let evidence = countersign_registry::gather(&client(), &pinned, &request, &nobody(), soon()).await;
    assert_eq!(
        (evidence.items.len(), evidence.gaps.len()),
        (0, 1),
        "{:?}",
        evidence.gaps
    );
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_upload_goes_to_the_registry_and_nowhere_else() {
    let thief = Server::start(|_| Reply::new(201)).await;
    let location = thief.url("/upload");
    let server = Server::start(
        move |seen: &Seen| match (seen.header("authorization"), seen.method.as_str()) {
            (None, _) => Reply::challenge("Basic"),
            (_, "POST") => Reply::new(202).with("Location", location.clone()),
            _ => Reply::not_found(),
        },
    )
    .await;
    let alice = user(&server.host(), "alice");
    let outcome = client()
        .put_blob(&server.repository("app"), CONTENT.into(), &alice, soon())
        .await
        .map(drop);
    assert!(
        protocol(&outcome).contains("credentials do not go there"),
        "{outcome:?}"
    );
    assert_eq!(thief.connections(), 0);
}

#[tokio::test]
async fn a_push_is_not_sent_on() {
    let thief = Server::start(|_| Reply::new(201)).await;
    let location = thief.url("/manifest");
    let server = Server::start(move |_| Reply::new(307).with("Location", location.clone())).await;
    let name = countersign_registry::ManifestName::Digest(Digest::sha256(CONTENT));
    let outcome = client()
        .put_manifest(
            &server.repository("app"),
            &name,
            "application/json",
            CONTENT.into(),
            &nobody(),
            soon(),
        )
        .await;
    assert_eq!(outcome.map(drop), Err(Trouble::Unavailable { status: 307 }));
    assert_eq!(thief.connections(), 0);
}
