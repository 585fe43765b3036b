//! What is remembered across restarts: verified again, kept whole, and worth nothing in other hands.

use std::path::{Path, PathBuf};

use countersign_roots::embedded::{EMBEDDED_AT, Instance};
use countersign_roots::{Outcome, PUBLIC_GOOD, PublicGood, TrustRootStore};
use jiff::SignedDuration;

use crate::mint::{BEGIN, Mint, days};
use crate::mirror::{Answer, Mirror};
use crate::scene::{Scene, config, first, pass, repository, second};

fn file_in(directory: &Path) -> PathBuf {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[tokio::test]
async fn a_restart_without_a_network_has_the_last_good_root_and_its_age() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::unread(Mint::new(first()), Some(directory.path())).await;
    scene.refreshed().await;
    // Long after all of its metadata ended.
    pass(days(400));
    scene.store = Scene::open(&scene.mint, &scene.mirror, Some(directory.path()));
    assert!(
        scene.believes(first()),
        "an outage of a year is not what takes a root away"
    );
    let facts = scene.facts();
    assert_eq!(
        (facts.verified, facts.expires),
        (Some(BEGIN), Some(BEGIN + days(7))),
        "and the metrics say how old it is"
    );
    scene.refused_as(Outcome::Expired).await;
}

#[tokio::test]
async fn what_is_remembered_is_worth_no_more_than_a_mirror() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::unread(Mint::new(first()), Some(directory.path())).await;
    scene.refreshed().await;
    let file = file_in(directory.path());
    let whole = std::fs::read(&file).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let damaged: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{}".to_vec(),
        whole[..whole.len() / 2].to_vec(),
        text.replacen("\"form\":1", "\"form\":2", 1).into_bytes(),
        text.replace("timestamp.json", "elsewhere.json").into_bytes(),
        text.replace("targets.json", "elsewhere.json").into_bytes(),
        // A character in the middle of the target, of the targets and of the timestamp.
        flipped(&text, "targets/trusted_root.json"),
        flipped(&text, "\"targets.json"),
        flipped(&text, "\"timestamp.json"),
        flipped(&text, "\"snapshot.json"),
    ];
    for (number, bytes) in damaged.into_iter().enumerate() {
        std::fs::write(&file, bytes).unwrap();
        scene.store = Scene::open(&scene.mint, &scene.mirror, Some(directory.path()));
        assert!(scene.root().is_none(), "{number}");
        scene.refreshed().await;
        assert!(scene.believes(first()), "{number}");
        scene.store = Scene::open(&scene.mint, &scene.mirror, Some(directory.path()));
        assert!(scene.believes(first()), "{number}: it is written anew");
    }
}

/// One character of the first file of this name, another one.
fn flipped(text: &str, name: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = text.find(name).unwrap() + name.len() + 60;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    bytes
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_make_a_root_younger() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::unread(Mint::new(first()), Some(directory.path())).await;
    scene.refreshed().await;
    pass(SignedDuration::from_hours(-24));
    scene.store = Scene::open(&scene.mint, &scene.mirror, Some(directory.path()));
    assert!(scene.believes(first()));
    assert_eq!(
        scene.facts().verified,
        Some(BEGIN - days(1)),
        "nobody has verified anything in times to come"
    );
}

#[tokio::test]
async fn public_good_is_the_embedded_one_until_its_repository_gave_another() {
    // Another repository in the place of Sigstore's, which nobody here can sign for.
    let mint = Mint::new(second());
    let mirror = Mirror::start().await;
    mirror.serve(&mint.files);
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let mut config = config([]);
        config.public_good = PublicGood::Followed(repository(&mint.initial_root(), &mirror));
        config.cache = Some(directory.path().to_owned());
        TrustRootStore::open(config).unwrap()
    };
    let is = |store: &TrustRootStore, instance: Instance| {
        store.current().public_good.generation() == instance.root().unwrap().generation()
    };
    let store = open();
    assert!(is(&store, Instance::PublicGood));
    assert_eq!(store.facts()[0].verified, Some(EMBEDDED_AT));
    mirror.answer("timestamp.json", Answer::Status(503));
    store.refresh(PUBLIC_GOOD).await.unwrap_err();
    assert!(
        is(&store, Instance::PublicGood),
        "what could not be fetched takes nothing away"
    );
    let before = store.current().generation;
    mirror.serve(&mint.files);
    store.refresh(PUBLIC_GOOD).await.unwrap();
    assert!(is(&store, Instance::GitHub));
    assert_ne!(store.current().generation, before, "policies are to be compiled again");
    assert!(is(&open(), Instance::GitHub), "and it is remembered");
    // A release that is newer than what is remembered brings the newer root.
    let since = EMBEDDED_AT.duration_since(BEGIN) - SignedDuration::from_hours(1);
    pass(since);
    std::fs::remove_file(file_in(directory.path())).unwrap();
    let mut early = mint.clone();
    early.timestamp.version += 1;
    early.sign_timestamp();
    mirror.serve(&early.files);
    open().refresh(PUBLIC_GOOD).await.unwrap();
    pass(days(1));
    assert!(is(&open(), Instance::PublicGood));
}
