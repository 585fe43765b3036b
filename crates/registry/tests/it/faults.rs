//! Every way in which an answer can go wrong: that it fails, how it is called, and that a second attempt heals what can heal.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_image::{BlobError, Descriptor, Digest, media};
use countersign_registry::{Client, ContentTrouble, Trouble};

use super::scripted::{Manner, Reply, Seen, Server, Shelf, client, client_with, nobody, soon};

/// Whether another attempt helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heals {
    Yes,
    No,
}

type Spoil = fn(Reply) -> Reply;
type Recognise = fn(&Trouble) -> bool;

const FAULTS: &[(&str, Spoil, Recognise, Heals)] = &[
    (
        "stalls",
        |r| r.manner(Manner::Stall),
        |t| matches!(t, Trouble::TimedOut { .. }),
        Heals::Yes,
    ),
    (
        "stalls in the body",
        |r| r.manner(Manner::StallInBody),
        |t| matches!(t, Trouble::TimedOut { .. }),
        Heals::Yes,
    ),
    (
        "breaks off",
        |r| r.manner(Manner::Half),
        |t| matches!(t, Trouble::Unreachable { .. }),
        Heals::Yes,
    ),
    (
        "hangs up",
        |r| r.manner(Manner::HangUp),
        |t| matches!(t, Trouble::Unreachable { .. }),
        Heals::Yes,
    ),
    (
        "is no HTTP",
        |r| r.manner(Manner::Garbage),
        |t| matches!(t, Trouble::Unreachable { .. }),
        Heals::Yes,
    ),
    (
        "claims more",
        |r| r.manner(Manner::Claiming(5000)),
        |t| matches!(t, Trouble::Unreachable { .. }),
        Heals::Yes,
    ),
    (
        "claims less",
        |r| r.manner(Manner::Claiming(10)),
        |t| matches!(t, Trouble::Content(ContentTrouble::Bytes(_))),
        Heals::No,
    ),
    (
        "claims too much",
        |r| r.manner(Manner::Claiming(5 << 20)),
        is_too_large,
        Heals::No,
    ),
    ("has no end", |r| r.manner(Manner::Endless), is_too_large, Heals::No),
    (
        "is compressed",
        |r| r.with("Content-Encoding", "gzip"),
        is_protocol,
        Heals::No,
    ),
    (
        "has two types",
        |r| r.with("Content-Type", media::OCI_INDEX),
        is_protocol,
        Heals::No,
    ),
    (
        "is other content",
        |r| Reply {
            body: b"{}".to_vec(),
            ..r
        },
        |t| matches!(t, Trouble::Content(ContentTrouble::Bytes(_))),
        Heals::No,
    ),
    (
        "is empty",
        |r| Reply { body: Vec::new(), ..r },
        |t| matches!(t, Trouble::Content(ContentTrouble::Bytes(_))),
        Heals::No,
    ),
    (
        "is not there",
        |_| Reply::not_found(),
        |t| *t == Trouble::NotFound,
        Heals::No,
    ),
    (
        "is refused",
        |_| Reply::new(403),
        |t| *t == Trouble::Denied { status: 403 },
        Heals::No,
    ),
    (
        "fails",
        |_| Reply::new(500),
        |t| *t == Trouble::Unavailable { status: 500 },
        Heals::Yes,
    ),
    (
        "is down",
        |_| Reply::new(502),
        |t| *t == Trouble::Unavailable { status: 502 },
        Heals::Yes,
    ),
    (
        "is not implemented",
        |_| Reply::new(501),
        |t| *t == Trouble::Unavailable { status: 501 },
        Heals::No,
    ),
    (
        "is throttled",
        |_| Reply::new(429).with("Retry-After", "0"),
        |t| matches!(t, Trouble::Throttled { .. }),
        Heals::Yes,
    ),
    (
        "is busy",
        |_| Reply::new(503).with("Retry-After", "0"),
        |t| matches!(t, Trouble::Throttled { .. }),
        Heals::Yes,
    ),
    (
        "is throttled for long",
        |_| Reply::new(429).with("Retry-After", "99"),
        |t| matches!(t, Trouble::Throttled { .. }),
        Heals::No,
    ),
];

fn is_too_large(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Content(ContentTrouble::TooLarge { limit }) if *limit == 4 << 20)
}

fn is_protocol(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Content(ContentTrouble::Protocol { .. }))
}

/// Spoils the first `times` answers.
async fn spoilt(client: &Client, spoil: Spoil, times: usize) -> (Result<(), Trouble>, usize) {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |seen: &Seen| {
        let reply = shelf.reply(seen);
        if asked.fetch_add(1, Ordering::SeqCst) < times {
            spoil(reply)
        } else {
            reply
        }
    })
    .await;
    let fetched = client
        .manifest(&server.repository("app"), &image.digest, &nobody(), soon())
        .await;
    (fetched.map(drop), server.seen().len())
}

#[tokio::test]
async fn every_fault_is_called_what_it_is() {
    let client = &client();
    let all = FAULTS.iter().map(|(name, spoil, recognise, heals)| async move {
        let (outcome, asked) = spoilt(client, *spoil, usize::MAX).await;
        let trouble = outcome.expect_err(name);
        assert!(recognise(&trouble), "an answer that {name}: {trouble:?}");
        assert_eq!(
            asked,
            if *heals == Heals::Yes { 3 } else { 1 },
            "an answer that {name}: {trouble:?}"
        );
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn a_fault_that_passes_is_forgotten() {
    let client = &client();
    let all = FAULTS
        .iter()
        .filter(|(.., heals)| *heals == Heals::Yes)
        .map(|(name, spoil, ..)| async move {
            let (outcome, asked) = spoilt(client, *spoil, 2).await;
            assert_eq!((outcome, asked), (Ok(()), 3), "an answer that {name}");
        });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let server = Server::of(Shelf::default()).await;
    let (repository, digest) = (server.repository("app"), Digest::sha256(b"x"));
    drop(server);
    let outcome = client().manifest(&repository, &digest, &nobody(), soon()).await;
    let Err(Trouble::Unreachable { detail }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(detail.starts_with("no connection: "), "{detail}");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_unreachable() {
    let repository = countersign_image::Repository::parse("no-such-host.invalid/app").unwrap();
    let client = client_with(|config| config.limits.connect = Duration::from_secs(5));
    let outcome = client
        .manifest(&repository, &Digest::sha256(b"x"), &nobody(), soon())
        .await;
    assert!(
        matches!(outcome, Err(Trouble::Unreachable { .. } | Trouble::TimedOut { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_deadline_holds_whatever_the_registry_does() {
    for manner in [Manner::Stall, Manner::StallInBody] {
        let server = Server::start(move |_| Reply::ok(media::OCI_MANIFEST, "1234").manner(manner)).await;
        let (client, began) = (client(), Instant::now());
        let deadline = began + Duration::from_millis(250);
        let outcome = client
            .manifest(&server.repository("app"), &Digest::sha256(b"x"), &nobody(), deadline)
            .await;
        assert!(matches!(outcome, Err(Trouble::TimedOut { .. })), "{outcome:?}");
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_body_that_drips_is_ended_by_the_deadline() {
    // Each part comes in time, the whole never does.
    let server = Server::start(|_| Reply::ok(media::OCI_MANIFEST, "x".repeat(100)).manner(Manner::Dripping)).await;
    let (client, began) = (client(), Instant::now());
    let deadline = began + Duration::from_millis(1000);
    let outcome = client
        .manifest(&server.repository("app"), &Digest::sha256(b"x"), &nobody(), deadline)
        .await;
    assert!(matches!(outcome, Err(Trouble::TimedOut { .. })), "{outcome:?}");
    assert_eq!(server.seen().len(), 1, "nothing but the deadline ended it");
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn retry_after_is_waited_for_if_it_fits() {
    let asked = AtomicUsize::new(0);
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let server = Server::start(move |seen: &Seen| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(429).with("Retry-After", "1"),
        _ => shelf.reply(seen),
    })
    .await;
    let began = Instant::now();
    let fetched = client()
        .manifest(&server.repository("app"), &image.digest, &nobody(), soon())
        .await;
    assert!(fetched.is_ok(), "{fetched:?}");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_blob_is_what_its_descriptor_says_or_nothing() {
    let mut shelf = Shelf::default();
    let digest = shelf.blob("app", b"0123456789");
    let server = Server::of(shelf).await;
    let fetch = async |size, cap| {
        let descriptor = Descriptor::new("text/plain", digest, size);
        client()
            .blob(&server.repository("app"), &descriptor, cap, &nobody(), soon())
            .await
    };
    assert_eq!(fetch(10, 10).await.unwrap().bytes().as_ref(), b"0123456789");
    server.forget();
    assert_eq!(
        fetch(10, 9).await,
        Err(Trouble::Content(ContentTrouble::TooLarge { limit: 9 }))
    );
    assert_eq!(
        server.seen().len(),
        0,
        "what is too large by its own account is not asked for"
    );
    let short = Trouble::Content(ContentTrouble::Bytes(BlobError::Size {
        expected: 11,
        found: 10,
    }));
    assert_eq!(fetch(11, 100).await, Err(short));
    assert_eq!(
        fetch(9, 100).await,
        Err(Trouble::Content(ContentTrouble::TooLarge { limit: 9 })),
        "no more is read than the descriptor says"
    );
}
