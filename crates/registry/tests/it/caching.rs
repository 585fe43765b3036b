//! What is asked once and known afterwards, by whom, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_evidence::{Evidence, GapCause};
use countersign_image::{Descriptor, Pinned, media};
use countersign_registry::{CacheConfig, Credentials, Gatherer, Trouble};
use futures_util::future::join_all;

use super::gathering::everything;
use super::scripted::{Manner, Reply, Seen, Server, Shelf, basic, client, nobody, soon, user};

fn signed() -> (Shelf, Descriptor) {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    shelf.signed("app", &image, &["b25l"]);
    let bundle = shelf.referrer("app", Some(&image), media::SIGSTORE_BUNDLE_V03, b"{\"bundle\":1}");
    shelf.lists("app", &image, vec![bundle]);
    (shelf, image)
}

fn config() -> CacheConfig {
    CacheConfig {
        tags: Duration::from_millis(300),
        lists: Duration::from_millis(600),
        unsigned: Duration::from_millis(200),
        patience: Duration::from_secs(3),
        failures: Duration::from_millis(100),
        flight: Duration::from_secs(5),
        ..CacheConfig::standard()
    }
}

fn gatherer(config: CacheConfig) -> Gatherer {
    Gatherer::cached(client(), config).unwrap()
}

fn pinned(server: &Server, image: &Descriptor) -> Pinned {
    server.reference("app:v1").resolved(image.digest)
}

async fn gathered(gatherer: &Gatherer, server: &Server, image: &Descriptor) -> Arc<Evidence> {
    gatherer
        .gather(&pinned(server, image), &everything(), &nobody(), soon())
        .await
}

/// A registry that can be switched off.
async fn switched(shelf: Shelf, off: Reply) -> (Server, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&down);
    let server = Server::start(move |seen: &Seen| {
        if switch.load(Ordering::SeqCst) {
            off.clone()
        } else {
            shelf.reply(seen)
        }
    })
    .await;
    (server, down)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pods_of_one_image_ask_once() {
    let (shelf, image) = signed();
    let server = Server::start(move |seen: &Seen| shelf.reply(seen).after(Duration::from_millis(20))).await;
    let gatherer = gatherer(CacheConfig::standard());
    let (image, request, nobody) = (pinned(&server, &image), everything(), nobody());
    let all = (0..1000).map(|_| gatherer.gather(&image, &request, &nobody, soon()));
    for evidence in join_all(all).await {
        assert_eq!((evidence.items.len(), evidence.gaps.len()), (2, 0));
    }
    let mut lines = server.lines();
    lines.sort();
    let asked = lines.len();
    lines.dedup();
    assert_eq!((asked, lines.len()), (7, 7), "{lines:?}");
    let tags = (0..1000).map(|_| {
        let (gatherer, reference) = (gatherer.clone(), server.reference("app:v1"));
        async move { gatherer.resolve(&reference, &Credentials::anonymous(), soon()).await }
    });
    assert!(join_all(tags).await.iter().all(|digest| *digest == Ok(*image.digest())));
    assert_eq!(server.count("HEAD"), 1);
}

#[tokio::test]
async fn what_is_known_costs_nothing() {
    let (shelf, image) = signed();
    let server = Server::of(shelf).await;
    let gatherer = gatherer(CacheConfig::standard());
    let first = gathered(&gatherer, &server, &image).await;
    server.forget();
    let second = gathered(&gatherer, &server, &image).await;
    assert_eq!(server.seen().len(), 0);
    assert_eq!((first.items.len(), second.items.len()), (2, 2));
    let evidence = gatherer.counts().unwrap().evidence;
    assert_eq!((evidence.hits, evidence.misses), (1, 1));
    assert_eq!((evidence.shared, evidence.stale), (0, 0));
}

/// Also where there is no room to ask.
#[tokio::test]
async fn what_a_tag_means_is_known_without_asking() {
    let (shelf, image) = signed();
    let server = Server::of(shelf).await;
    let gatherer = gatherer(CacheConfig::standard());
    let (known, missing) = (server.reference("app:v1"), server.reference("app:v2"));
    assert_eq!(gatherer.known_digest(&known, &nobody()), None);
    for reference in [&known, &missing] {
        let _ = gatherer.resolve(reference, &nobody(), soon()).await;
    }
    server.forget();
    assert_eq!(gatherer.known_digest(&known, &nobody()), Some(image.digest));
    assert_eq!(gatherer.known_digest(&missing, &nobody()), None);
    assert_eq!(
        gatherer.known_digest(&known, &user(&server.host(), "alice")),
        None,
        "who else asks"
    );
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn another_spelling_of_the_same_image_is_told_under_its_own_name() {
    let (shelf, image) = signed();
    let server = Server::of(shelf).await;
    let gatherer = gatherer(CacheConfig::standard());
    gathered(&gatherer, &server, &image).await;
    server.forget();
    let other = server.reference(&format!("app@{}", image.digest)).pinned().unwrap();
    let evidence = gatherer.gather(&other, &everything(), &nobody(), soon()).await;
    assert_eq!(evidence.image.written(), other.written());
    let again = gatherer.gather(&other, &everything(), &nobody(), soon()).await;
    assert!(Arc::ptr_eq(&evidence, &again), "a verdict on it holds");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_list_that_is_old_is_read_again_and_its_content_is_not() {
    let (shelf, image) = signed();
    let server = Server::of(shelf).await;
    let gatherer = gatherer(config());
    gathered(&gatherer, &server, &image).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.forget();
    let evidence = gathered(&gatherer, &server, &image).await;
    assert_eq!((evidence.items.len(), evidence.stale), (2, false));
    assert_eq!(
        server.count("/blobs/") + server.count("/manifests/sha256:"),
        0,
        "{:?}",
        server.lines()
    );
    assert_eq!(
        server.seen().len(),
        4,
        "two tags, the list, its fallback: {:?}",
        server.lines()
    );
}

#[tokio::test]
async fn an_image_in_use_is_renewed_before_anybody_waits() {
    let (shelf, image) = signed();
    let server = Server::of(shelf).await;
    let gatherer = gatherer(config());
    gathered(&gatherer, &server, &image).await;
    server.forget();
    tokio::time::sleep(Duration::from_millis(500)).await;
    gathered(&gatherer, &server, &image).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.seen().len(), 4, "it was renewed in the background");
    server.forget();
    gathered(&gatherer, &server, &image).await;
    assert_eq!(server.seen().len(), 0, "and is fresh");
}

#[tokio::test]
async fn a_registry_that_is_gone_leaves_what_was_known_and_that_says_so() {
    for off in [
        Reply::new(500),
        Reply::new(429),
        Reply::new(200).manner(Manner::HangUp),
        Reply::new(200).manner(Manner::Stall),
    ] {
        let (shelf, image) = signed();
        let (server, down) = switched(shelf, off.clone()).await;
        let gatherer = gatherer(config());
        let before = gathered(&gatherer, &server, &image).await;
        down.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(700)).await;
        let evidence = gathered(&gatherer, &server, &image).await;
        assert!(evidence.stale, "{off:?}: {:?}", evidence.gaps);
        assert_eq!(evidence.as_of, before.as_of);
        assert_eq!((evidence.items.len(), evidence.gaps.len()), (2, 0), "{off:?}");
        assert_eq!(gatherer.counts().unwrap().evidence.stale, 1);
        down.store(false, Ordering::SeqCst);
        let is_back = async {
            while gathered(&gatherer, &server, &image).await.stale {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let is_back = tokio::time::timeout(Duration::from_secs(30), is_back).await;
        assert!(is_back.is_ok(), "{off:?}: the registry is back, and nobody noticed");
    }
}

#[tokio::test]
async fn who_has_something_older_does_not_wait_for_long() {
    let (shelf, image) = signed();
    let (server, down) = switched(shelf, Reply::new(200).manner(Manner::Stall)).await;
    let gatherer = gatherer(CacheConfig {
        patience: Duration::from_millis(100),
        ..config()
    });
    gathered(&gatherer, &server, &image).await;
    down.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let began = Instant::now();
    let evidence = gathered(&gatherer, &server, &image).await;
    assert!(evidence.stale);
    assert!(began.elapsed() < Duration::from_millis(350), "{:?}", began.elapsed());
}

#[tokio::test]
async fn who_may_not_wait_has_what_is_old_only_while_its_registry_fails() {
    let (shelf, image) = signed();
    let (server, down) = switched(shelf, Reply::new(503)).await;
    let gatherer = gatherer(CacheConfig {
        lists: Duration::from_millis(1),
        ..config()
    });
    let known = || gatherer.known(&pinned(&server, &image), &everything(), &nobody());
    assert!(known().is_none(), "nobody has asked yet");
    gathered(&gatherer, &server, &image).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(known().is_none(), "the registry is well, and can be asked");
    down.store(true, Ordering::SeqCst);
    gathered(&gatherer, &server, &image).await;
    let Some(evidence) = known() else {
        panic!("what was known counts while the registry fails");
    };
    assert!(evidence.stale);
    assert_eq!(evidence.items.len(), 2);
}

#[tokio::test]
async fn a_registry_that_refuses_leaves_nothing() {
    let (shelf, image) = signed();
    let (server, refusing) = switched(shelf, Reply::new(403)).await;
    let gatherer = gatherer(config());
    gathered(&gatherer, &server, &image).await;
    refusing.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let evidence = gathered(&gatherer, &server, &image).await;
    assert_eq!(
        (evidence.items.len(), evidence.gaps.len(), evidence.stale),
        (0, 3, false)
    );
}

#[tokio::test]
async fn nothing_and_failures_are_known_for_a_moment_only() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let (server, down) = switched(shelf, Reply::new(500)).await;
    let gatherer = gatherer(config());
    gathered(&gatherer, &server, &image).await;
    gathered(&gatherer, &server, &image).await;
    assert_eq!(server.count(".sig"), 1);
    tokio::time::sleep(Duration::from_millis(250)).await;
    gathered(&gatherer, &server, &image).await;
    assert_eq!(server.count(".sig"), 2, "a signature made a moment ago is found");
    down.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(
        gatherer
            .resolve(&server.reference("app:v1"), &nobody(), soon())
            .await
            .is_err()
    );
    server.forget();
    let outcome = gatherer.resolve(&server.reference("app:v1"), &nobody(), soon()).await;
    assert_eq!(
        (outcome, server.seen().len()),
        (Err(Trouble::Unavailable { status: 500 }), 0)
    );
}

#[tokio::test]
async fn a_waiter_that_gives_up_cancels_nobody_and_the_retry_finds_the_work_done() {
    let (shelf, image) = signed();
    let server = Server::start(move |seen: &Seen| shelf.reply(seen).after(Duration::from_millis(150))).await;
    let gatherer = gatherer(CacheConfig::standard());
    let began = Instant::now();
    let deadline = began + Duration::from_millis(100);
    let evidence = gatherer
        .gather(&pinned(&server, &image), &everything(), &nobody(), deadline)
        .await;
    assert!(began.elapsed() < Duration::from_millis(150), "{:?}", began.elapsed());
    assert_eq!((evidence.items.len(), evidence.gaps.len()), (0, 3));
    assert!(
        evidence
            .gaps
            .iter()
            .all(|gap| matches!(gap.cause, GapCause::TimedOut { .. })),
        "{:?}",
        evidence.gaps
    );
    tokio::time::sleep(Duration::from_millis(600)).await;
    server.forget();
    let evidence = gathered(&gatherer, &server, &image).await;
    assert_eq!((evidence.items.len(), server.seen().len()), (2, 0));
}

#[tokio::test]
async fn what_hangs_delays_only_its_own_images() {
    let (shelf, image) = signed();
    let (good, hanging) = (
        Server::of(shelf).await,
        Server::start(|_| Reply::new(200).manner(Manner::Stall)).await,
    );
    let gatherer = gatherer(CacheConfig::standard());
    let stuck: Vec<_> = (0..100)
        .map(|number| {
            let (gatherer, reference) = (gatherer.clone(), hanging.reference(&format!("app{number}:v1")));
            let pinned = reference.resolved(image.digest);
            tokio::spawn(async move { gatherer.gather(&pinned, &everything(), &nobody(), soon()).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let evidence = gathered(&gatherer, &good, &image).await;
    assert_eq!(evidence.items.len(), 2);
    assert!(stuck.iter().all(|task| !task.is_finished()), "all others still wait");
    for task in stuck {
        task.abort();
    }
}

#[tokio::test]
async fn what_alice_may_see_is_not_told_to_bob() {
    let (shelf, image) = signed();
    let server = Server::start(move |seen: &Seen| match seen.header("authorization") {
        Some(shown) if shown == basic("alice") => shelf.reply(seen),
        Some(_) => Reply::new(403),
        None => Reply::challenge("Basic"),
    })
    .await;
    let gatherer = gatherer(CacheConfig::standard());
    let image = pinned(&server, &image);
    for (who, items) in [("alice", 2), ("bob", 0), ("alice", 2)] {
        let credentials = user(&server.host(), who);
        server.forget();
        let evidence = gatherer.gather(&image, &everything(), &credentials, soon()).await;
        assert_eq!(evidence.items.len(), items, "{who}");
        for shown in server.seen().iter().filter_map(|seen| seen.header("authorization")) {
            assert_eq!(shown, basic(who));
        }
        let tag = gatherer
            .resolve(&server.reference("app:v1"), &credentials, soon())
            .await;
        assert_eq!(tag.is_ok(), who == "alice");
    }
    let evidence = gatherer.gather(&image, &everything(), &nobody(), soon()).await;
    assert_eq!(evidence.items.len(), 0);
}

#[tokio::test]
async fn a_tag_that_moves_is_followed_within_seconds_and_keys_nothing_else() {
    let mut before = Shelf::default();
    let old = before.image("app", "v1");
    before.signed("app", &old, &["b2xk"]);
    let mut after = before.clone();
    let layer = Descriptor::new(media::OCI_LAYER_GZIP, old.digest, 1);
    let new = after.manifest("app", Some("v1"), &super::scripted::manifest(vec![layer], None));
    let moved = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&moved);
    let server = Server::start(move |seen: &Seen| {
        if switch.load(Ordering::SeqCst) {
            after.reply(seen)
        } else {
            before.reply(seen)
        }
    })
    .await;
    let gatherer = gatherer(config());
    let reference = server.reference("app:v1");
    assert_eq!(gatherer.resolve(&reference, &nobody(), soon()).await, Ok(old.digest));
    assert_eq!(gathered(&gatherer, &server, &old).await.items.len(), 1);
    moved.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(gatherer.resolve(&reference, &nobody(), soon()).await, Ok(new.digest));
    let evidence = gathered(&gatherer, &server, &new).await;
    assert_eq!(evidence.items.len(), 0, "what was signed is the old one");
}

/// Kyverno's CVE-2022-47633: a registry that answers A first and B then.
#[tokio::test]
async fn what_was_resolved_is_what_is_gathered() {
    let (shelf, image) = signed();
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |seen: &Seen| {
        if seen.path().ends_with("/manifests/v1") && asked.fetch_add(1, Ordering::SeqCst) > 0 {
            return Reply::ok(media::OCI_MANIFEST, "other").with("Docker-Content-Digest", "sha256:0");
        }
        shelf.reply(seen)
    })
    .await;
    let gatherer = Gatherer::uncached(client());
    let reference = server.reference("app:v1");
    let digest = gatherer.resolve(&reference, &nobody(), soon()).await.unwrap();
    let evidence = gatherer
        .gather(&reference.resolved(digest), &everything(), &nobody(), soon())
        .await;
    assert_eq!(*evidence.image.digest(), image.digest);
    assert_eq!(server.count("/manifests/v1"), 1, "the tag is asked for once");
}
