//! The store as a process has it: documents come and go, files are replaced, repositories are followed in the background.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_image::Digest;
use countersign_roots::embedded::Instance;
use countersign_roots::{
    Clock, Document, MAX_ROOTS, Obtained, PUBLIC_GOOD, PublicGood, RootError, Schedule, Source, StoreError,
    TrustRootStore, file,
};

use jiff::{Timestamp, ToSpan as _};

use crate::mint::{BEGIN, Mint, days};
use crate::mirror::{Answer, Mirror};
use crate::scene::{config, first, repository, second};

fn document(name: &str, source: Source) -> Document {
    Document {
        digest: Digest::sha256(name.as_bytes()),
        name: name.to_owned(),
        source,
    }
}

fn obtained(store: &TrustRootStore, name: &str) -> Option<Obtained> {
    store.current().obtained.get(&Digest::sha256(name.as_bytes())).cloned()
}

fn is(root: &Obtained, instance: Instance) -> bool {
    matches!(root, Ok(root) if root.generation() == instance.root().unwrap().generation())
}

/// Waits for something that happens in the background; a test that waits for ever has failed.
async fn until(what: impl Fn() -> bool) {
    let waited = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), waited).await.unwrap();
}

#[tokio::test]
async fn documents_come_and_go_and_keep_what_was_obtained_for_them() {
    let mint = Mint::new(first());
    let mirror = Mirror::start().await;
    mirror.serve(&mint.files);
    let store = TrustRootStore::open(config([])).unwrap();
    let empty = store.current().generation;
    let github = document("hub", Source::Embedded(Instance::GitHub));
    let corp = document("corp", Source::Repository(repository(&mint.initial_root(), &mirror)));
    store.look_after(vec![github.clone(), corp.clone()]);
    assert!(is(&obtained(&store, "hub").unwrap(), Instance::GitHub));
    assert!(matches!(obtained(&store, "corp"), Some(Err(error)) if matches!(*error, RootError::NotYet)));
    assert_ne!(store.current().generation, empty);

    store.refresh("corp").await.unwrap();
    let with_both = store.current().generation;
    assert!(is(&obtained(&store, "corp").unwrap(), Instance::Staging));
    store.look_after(vec![corp.clone()]);
    assert!(obtained(&store, "hub").is_none());
    assert!(
        is(&obtained(&store, "corp").unwrap(), Instance::Staging),
        "what stays is not fetched again"
    );
    // A comment was added: another document, and what it says of where its root is, is the same.
    let edited = Document {
        digest: Digest::sha256(b"corp, edited"),
        ..corp.clone()
    };
    store.look_after(vec![edited]);
    let found = store.current().obtained.get(&Digest::sha256(b"corp, edited")).cloned();
    assert!(
        is(&found.unwrap(), Instance::Staging),
        "what was good is not thrown away"
    );
    store.look_after(vec![github, corp]);
    assert_eq!(store.current().generation, with_both);
    store.look_after(Vec::new());
    assert_eq!(store.current().generation, empty);

    let many = (0..100).map(|number| document(&format!("n{number}"), Source::Embedded(Instance::GitHub)));
    store.look_after(many.collect());
    let current = store.current();
    let (usable, others): (Vec<_>, Vec<_>) = current.obtained.values().partition(|root| root.is_ok());
    assert_eq!((usable.len(), others.len()), (MAX_ROOTS - 1, 100 - (MAX_ROOTS - 1)));
    let is_too_many = |root: &&Obtained| matches!(root, Err(error) if matches!(**error, RootError::TooMany));
    assert!(others.iter().all(is_too_many), "each says why");
    assert_eq!(store.facts().len(), MAX_ROOTS);
    // One that did not fit is looked after once there is room.
    store.look_after(vec![
        document("n99", Source::Embedded(Instance::GitHub)),
        document("n1", Source::Embedded(Instance::GitHub)),
    ]);
    assert!(store.current().obtained.values().all(Result::is_ok));
}

#[tokio::test]
async fn what_cannot_be_read_at_the_start_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trusted_root.json");
    let open = || {
        let mut config = config([]);
        config.public_good = PublicGood::File(path.clone());
        TrustRootStore::open(config)
    };
    assert!(told(&open().unwrap_err()).contains("cannot be read"));
    std::fs::write(&path, "{}").unwrap();
    assert!(told(&open().unwrap_err()).contains("holds no trust root"));
    std::fs::write(&path, vec![b' '; (4 << 20) + 1]).unwrap();
    assert!(told(&open().unwrap_err()).contains("more than 4194304 bytes"));
    std::fs::write(&path, first()).unwrap();
    assert!(open().is_ok());
    assert!(file::read(&path).is_ok());

    // A named root that cannot be read keeps nothing from starting: what rests on it says why.
    let mut with_named = config([]);
    with_named
        .named
        .insert("gone".to_owned(), Source::File(directory.path().join("gone.json")));
    let store = TrustRootStore::open(with_named).unwrap();
    assert!(matches!(&store.current().named["gone"], Err(error) if matches!(**error, RootError::File(_))));
    let mut reserved = config([]);
    reserved
        .named
        .insert(PUBLIC_GOOD.to_owned(), Source::Embedded(Instance::GitHub));
    assert!(matches!(TrustRootStore::open(reserved), Err(StoreError::Reserved)));
}

fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn a_frozen_copy_is_read_again_when_it_is_replaced_and_never_refreshed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trusted_root.json");
    std::fs::write(&path, first()).unwrap();
    let mut config = config([]);
    config.public_good = PublicGood::File(path.clone());
    let store = Arc::new(TrustRootStore::open(config).unwrap());
    let generation = || *store.current().public_good.generation();
    let of = |instance: Instance| *instance.root().unwrap().generation();
    assert_eq!(generation(), of(Instance::Staging));
    let running = tokio::spawn(Arc::clone(&store).run());
    replace(&path, second());
    until(|| generation() == of(Instance::GitHub)).await;
    let refused = || {
        store.facts()[0]
            .attempts
            .iter()
            .filter(|(outcome, _)| outcome.word() == "unreadable")
            .map(|(_, n)| n)
            .sum::<u64>()
    };
    replace(&path, b"{\"mediaType\":");
    until(|| refused() == 1).await;
    assert_eq!(generation(), of(Instance::GitHub), "what was good stays");
    replace(&path, first());
    until(|| generation() == of(Instance::Staging)).await;
    running.abort();
}

#[tokio::test]
async fn repositories_are_followed_in_the_background_and_their_trouble_ends() {
    let mut mint = Mint::new(first());
    let mirror = Mirror::start().await;
    mirror.serve(&mint.files);
    mirror.answer("timestamp.json", Answer::Status(503));
    let mut config = config([("corp", repository(&mint.initial_root(), &mirror))]);
    config.schedule = Schedule {
        every: Duration::from_millis(40),
        first_retry: Duration::from_millis(10),
        longest_retry: Duration::from_millis(40),
    };
    let store = Arc::new(TrustRootStore::open(config).unwrap());
    let running = tokio::spawn(Arc::clone(&store).run());
    let corp = || store.current().named["corp"].clone();
    until(|| matches!(corp(), Err(error) if matches!(*error, RootError::Refresh(_)))).await;
    mirror.serve(&mint.files);
    until(|| is(&corp(), Instance::Staging)).await;
    mint.replace(second());
    mint.publish();
    mirror.serve(&mint.files);
    until(|| is(&corp(), Instance::GitHub)).await;
    // A document that comes is followed too, and one that went is asked for no more.
    let other = Mint::new(first());
    let other_mirror = Mirror::start().await;
    other_mirror.serve(&other.files);
    let source = Source::Repository(repository(&other.initial_root(), &other_mirror));
    store.look_after(vec![document("other", source)]);
    until(|| obtained(&store, "other").is_some_and(|root| is(&root, Instance::Staging))).await;
    store.look_after(Vec::new());
    tokio::task::yield_now().await;
    let settled = async || {
        other_mirror.asked();
        tokio::time::sleep(Duration::from_millis(200)).await;
        other_mirror.asked().is_empty()
    };
    // The last question may have been under way.
    assert!(settled().await || settled().await);
    running.abort();
}

#[tokio::test]
async fn taking_the_roots_waits_for_nothing() {
    let mint = Mint::new(first());
    let mirror = Mirror::start().await;
    mirror.serve(&mint.files);
    mirror.answer("timestamp.json", Answer::Silent);
    let store = TrustRootStore::open(config([("corp", repository(&mint.initial_root(), &mirror))])).unwrap();
    let mut asking = Box::pin(store.refresh("corp"));
    // While a refresh hangs, and is still hanging afterwards.
    tokio::select! {
        biased;
        _ = &mut asking => panic!("the mirror is silent"),
        () = until(|| mirror.asked().contains(&"timestamp.json".to_owned())) => {}
    }
    for _ in 0..1000 {
        assert!(store.current().named["corp"].is_err());
        assert_eq!(store.facts().len(), 2);
    }
    assert!(futures_util::poll!(&mut asking).is_pending());
}

/// A command has nobody who looks after roots: what it needs and nobody remembers is asked for once.
#[tokio::test]
async fn what_is_needed_and_not_remembered_is_obtained_by_its_name() {
    let mint = Mint::new(first());
    let mirror = Mirror::start().await;
    mirror.serve(&mint.files);
    let source = Source::Repository(repository(&mint.initial_root(), &mirror));
    let directory = tempfile::tempdir().unwrap();
    let at = |cache: bool, now: Timestamp| {
        let mut config = config([("other", repository(&mint.initial_root(), &mirror))]);
        config.cache = cache.then(|| directory.path().to_owned());
        config.clock = Clock::Standing(now);
        let store = TrustRootStore::open(config).unwrap();
        store.look_after(vec![document("corp", source.clone())]);
        store
    };
    let open = |cache| at(cache, BEGIN);
    let names = |name: &str| [Arc::from(name)].into();
    let store = open(true);
    store.obtain(&names("nobody")).await;
    assert_eq!(mirror.asked(), Vec::<String>::new());
    store.obtain(&names("corp")).await;
    assert!(is(&obtained(&store, "corp").unwrap(), Instance::Staging));
    assert!(
        store.current().named["other"].is_err(),
        "what nobody needs is not asked for"
    );
    assert!(!mirror.asked().is_empty());
    store.obtain(&names("corp")).await;
    assert_eq!(mirror.asked(), Vec::<String>::new(), "once");
    let store = open(true);
    store.obtain(&names("corp")).await;
    assert!(is(&obtained(&store, "corp").unwrap(), Instance::Staging));
    assert_eq!(
        mirror.asked(),
        Vec::<String>::new(),
        "what is remembered is not asked for"
    );
    assert!(obtained(&open(false), "corp").unwrap().is_err());
    // What is older than the schedule has it is asked for again, and what was good stays where nobody answers.
    mirror.answer("timestamp.json", Answer::Status(503));
    for (hours, asks) in [(6, false), (7, true)] {
        let store = at(true, BEGIN + hours.hours());
        store.obtain(&names("corp")).await;
        assert!(is(&obtained(&store, "corp").unwrap(), Instance::Staging));
        assert_eq!(!mirror.asked().is_empty(), asks, "after {hours} hours");
    }
}

/// A document may have the name of a root of the configuration, with the same initial root and another mirror.
#[tokio::test]
async fn a_document_and_a_root_of_one_name_share_neither_memory_nor_a_series() {
    let (one, two) = (Mint::new(first()), Mirror::start().await);
    let mirror = Mirror::start().await;
    mirror.serve(&one.files);
    two.serve(&one.files);
    let directory = tempfile::tempdir().unwrap();
    let mut config = config([("corp", repository(&one.initial_root(), &mirror))]);
    config.cache = Some(directory.path().to_owned());
    config.clock = Clock::Standing(BEGIN);
    let store = TrustRootStore::open(config).unwrap();
    let public_good = document(PUBLIC_GOOD, Source::Embedded(Instance::GitHub));
    let corp = document("corp", Source::Repository(repository(&one.initial_root(), &two)));
    store.look_after(vec![corp, public_good]);
    store.obtain(&[Arc::from("corp")].into()).await;
    let files = || {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".json")).collect::<Vec<_>>()
    };
    assert_eq!(files().len(), 2, "{:?}", files());
    let facts = store.facts();
    let names: BTreeSet<&str> = facts.iter().map(|facts| facts.name.as_str()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains("corp") && names.contains(PUBLIC_GOOD));
    assert_eq!(
        names.iter().filter(|name| name.contains(" (document ")).count(),
        2,
        "{names:?}"
    );
}

/// What is remembered for documents that are gone is removed, after so long that nobody brings them back.
#[tokio::test]
async fn what_is_remembered_for_documents_that_are_gone_is_removed_in_time() {
    let mint = Mint::new(first());
    let mirror = Mirror::start().await;
    mirror.serve(&mint.files);
    let directory = tempfile::tempdir().unwrap();
    let store = |after| {
        let mut config = config([("named", repository(&mint.initial_root(), &mirror))]);
        config.cache = Some(directory.path().to_owned());
        // The files have the times of this machine.
        config.clock = Clock::Standing(Timestamp::now() + days(after));
        TrustRootStore::open(config).unwrap()
    };
    let documents = |names: &[&str]| {
        let source = Source::Repository(repository(&mint.initial_root(), &mirror));
        names
            .iter()
            .map(|name| document(name, source.clone()))
            .collect::<Vec<_>>()
    };
    let files = || {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".json")).count()
    };
    {
        let mut config = config([("named", repository(&mint.initial_root(), &mirror))]);
        config.cache = Some(directory.path().to_owned());
        config.clock = Clock::Standing(BEGIN);
        let store = TrustRootStore::open(config).unwrap();
        store.look_after(documents(&["stays", "goes"]));
        store.obtain(&["named", "stays", "goes"].map(Arc::from).into()).await;
    }
    assert_eq!(files(), 3);
    // Nobody answers: what is there was written at the beginning.
    mirror.answer("timestamp.json", Answer::Status(503));
    let looked_after = async |after, names: &[&str], expected| {
        let store = Arc::new(store(after));
        store.look_after(documents(names));
        let running = tokio::spawn(Arc::clone(&store).run());
        // It asks for the first time after it has forgotten.
        until(|| {
            store
                .facts()
                .iter()
                .any(|facts| facts.name == "named" && !facts.attempts.is_empty())
        })
        .await;
        running.abort();
        assert_eq!(files(), expected, "after {after} days");
    };
    looked_after(29, &["stays"], 3).await;
    // A command knows no document but its own, and forgets none.
    store(31).look_after(Vec::new());
    assert_eq!(files(), 3);
    looked_after(31, &["stays"], 2).await;
    // Roots of the configuration are not documents.
    looked_after(31, &[], 1).await;
}
