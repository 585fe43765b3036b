//! Lists of referrers: what registries answer, and that no answer is taken for an empty list that is none.

use countersign_image::{Descriptor, Digest, media};
use countersign_registry::{ContentTrouble, Trouble};

use super::scripted::{Reply, Seen, Server, Shelf, client, client_with, index, nobody, soon};

fn entry(name: &str) -> Descriptor {
    Descriptor::new(media::OCI_MANIFEST, Digest::sha256(name.as_bytes()), 10)
}

fn listed(descriptors: &[Descriptor]) -> Vec<Digest> {
    descriptors.iter().map(|descriptor| descriptor.digest).collect()
}

fn named(names: &[&str]) -> Vec<Digest> {
    names.iter().map(|name| entry(name).digest).collect()
}

/// What comes of it if the API answers like this, and the tag like that.
async fn asked(api: Reply, tag: Reply) -> Result<Vec<Digest>, Trouble> {
    let server = Server::start(move |seen: &Seen| {
        if seen.path().contains("/referrers/") {
            api.clone()
        } else {
            tag.clone()
        }
    })
    .await;
    let outcome = client()
        .referrers(&server.repository("app"), &Digest::sha256(b"image"), &nobody(), soon())
        .await;
    outcome.map(|descriptors| listed(&descriptors))
}

fn list(names: &[&str]) -> Reply {
    Reply::ok(
        media::OCI_INDEX,
        index(names.iter().map(|name| entry(name)).collect()).to_json(),
    )
}

fn lacking() -> Reply {
    Reply {
        body: b"404 page not found".to_vec(),
        ..Reply::new(404)
    }
}

#[tokio::test]
async fn what_either_lists_is_listed() {
    for (api, tag, expected) in [
        (list(&["a", "b"]), Reply::not_found(), vec!["a", "b"]),
        (lacking(), list(&["a"]), vec!["a"]),
        (lacking(), Reply::not_found(), vec![]),
        (list(&[]), list(&["a"]), vec!["a"]),
        (list(&["a", "b"]), list(&["b", "c"]), vec!["a", "b", "c"]),
        (Reply::new(400), list(&["a"]), vec!["a"]),
        (Reply::new(405), list(&["a"]), vec!["a"]),
        (Reply::new(501), list(&["a"]), vec!["a"]),
    ] {
        assert_eq!(asked(api.clone(), tag).await, Ok(named(&expected)), "{api:?}");
    }
}

/// crates.md §2: another client took 429 and 403 for an empty list.
#[tokio::test]
async fn a_list_that_could_not_be_had_is_no_empty_list() {
    for (reply, expected) in [
        (Reply::new(403), Trouble::Denied { status: 403 }),
        (Reply::new(401), Trouble::Denied { status: 401 }),
        (Reply::new(429), Trouble::Throttled { retry_after: None }),
        (Reply::new(500), Trouble::Unavailable { status: 500 }),
    ] {
        assert_eq!(
            asked(reply.clone(), Reply::not_found()).await,
            Err(expected.clone()),
            "api: {reply:?}"
        );
        assert_eq!(
            asked(lacking(), reply.clone()).await,
            Err(expected.clone()),
            "tag: {reply:?}"
        );
        assert_eq!(
            asked(list(&["a"]), reply.clone()).await,
            Err(expected),
            "tag beside an api: {reply:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_called_so() {
    for api in [
        Reply::ok("text/html", "<html>"),
        Reply::ok("application/json", "{}"),
        Reply::ok(media::OCI_MANIFEST, "{}"),
        list(&["a"]).with("OCI-Filters-Applied", "artifactType"),
        list(&["a"]).with("Link", r#"<http://elsewhere.example/v2/app/referrers/x>; rel="next""#),
        list(&["a"]).with("Link", r#"</v2/other/referrers/x>; rel="next""#),
    ] {
        let outcome = asked(api.clone(), Reply::not_found()).await;
        assert!(
            matches!(outcome, Err(Trouble::Content(ContentTrouble::Protocol { .. }))),
            "{api:?}: {outcome:?}"
        );
    }
    for api in [
        Reply::ok(media::OCI_INDEX, ""),
        Reply::ok(media::OCI_INDEX, r#"{"schemaVersion":2,"layers":[],"manifests":[]}"#),
    ] {
        let outcome = asked(api.clone(), Reply::not_found()).await;
        assert!(
            matches!(outcome, Err(Trouble::Content(ContentTrouble::Manifest(_)))),
            "{api:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn all_pages_are_read() {
    let server = Server::start(|seen: &Seen| {
        if !seen.path().contains("/referrers/") {
            return Reply::not_found();
        }
        let page: u32 = seen.query("page").pop().and_then(|page| page.parse().ok()).unwrap_or(1);
        let reply = list(&[&format!("entry-{page}")]);
        let link = format!(r#"<{}?page={}>; rel="next""#, seen.path(), page + 1);
        if page < 5 { reply.with("Link", link) } else { reply }
    })
    .await;
    let found = client()
        .referrers(&server.repository("app"), &Digest::sha256(b"image"), &nobody(), soon())
        .await;
    let expected: Vec<String> = (1..=5).map(|page| format!("entry-{page}")).collect();
    assert_eq!(
        listed(&found.unwrap()),
        named(&expected.iter().map(String::as_str).collect::<Vec<_>>())
    );
}

#[tokio::test]
async fn pages_without_end_have_one() {
    let server = Server::start(|seen: &Seen| {
        if seen.path().contains("/referrers/") {
            list(&["a"]).with("Link", format!(r#"<{}>; rel="next""#, seen.path()))
        } else {
            Reply::not_found()
        }
    })
    .await;
    let outcome = client()
        .referrers(&server.repository("app"), &Digest::sha256(b"image"), &nobody(), soon())
        .await;
    assert!(
        matches!(outcome, Err(Trouble::Content(ContentTrouble::TooMany { .. }))),
        "{outcome:?}"
    );
    assert_eq!(server.count("/referrers/"), 16);
}

#[tokio::test]
async fn a_million_entries_are_not_read() {
    let entries: Vec<Descriptor> = (0..10_001).map(|number| entry(&number.to_string())).collect();
    let body = index(entries).to_json();
    let api = Reply::ok(media::OCI_INDEX, body);
    let outcome = asked(api, Reply::not_found()).await;
    assert!(
        matches!(outcome, Err(Trouble::Content(ContentTrouble::Manifest(_)))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_a_registry_cannot_do_is_remembered() {
    let server = Server::of(Shelf::default()).await;
    let client = client();
    for path in ["app", "other"] {
        client
            .referrers(&server.repository(path), &Digest::sha256(b"image"), &nobody(), soon())
            .await
            .unwrap();
    }
    assert_eq!(server.count("/referrers/"), 1);
    assert_eq!(server.count("/manifests/"), 2, "the tag is asked for each time");
}

#[tokio::test]
async fn what_one_repository_lacks_says_nothing_of_another() {
    let server = Server::start(|_| Reply::not_found()).await;
    let client = client();
    for path in ["app", "app", "other"] {
        client
            .referrers(&server.repository(path), &Digest::sha256(b"image"), &nobody(), soon())
            .await
            .unwrap();
    }
    assert_eq!(server.count("/referrers/"), 2);
}

/// sigstore.md fact (d).
#[tokio::test]
async fn a_tag_that_holds_the_image_itself_lists_nothing() {
    let image = index(vec![entry("amd64"), entry("arm64")]).to_json();
    let digest = Digest::sha256(&image);
    let server = Server::start(move |seen: &Seen| {
        if seen.path().contains("/referrers/") {
            lacking()
        } else {
            Reply::ok(media::OCI_INDEX, image.clone())
        }
    })
    .await;
    let found = client()
        .referrers(&server.repository("app"), &digest, &nobody(), soon())
        .await;
    assert_eq!(found, Ok(Vec::new()));
}

#[tokio::test]
async fn a_tag_that_holds_somebodys_image_lists_nothing() {
    let mut shelf = Shelf::default();
    shelf.image("app", &Digest::sha256(b"image").tag_form());
    let server = Server::of(shelf).await;
    let found = client()
        .referrers(&server.repository("app"), &Digest::sha256(b"image"), &nobody(), soon())
        .await;
    assert_eq!(found, Ok(Vec::new()));
}

#[tokio::test]
async fn the_pages_have_a_limit_that_can_be_set() {
    let server =
        Server::start(|seen: &Seen| list(&["a"]).with("Link", format!(r#"<{}>; rel="next""#, seen.path()))).await;
    let client = client_with(|config| config.limits.pages = 2);
    let _ = client
        .referrers(&server.repository("app"), &Digest::sha256(b"image"), &nobody(), soon())
        .await;
    assert_eq!(server.count("/referrers/"), 2);
}
