//! The attacks that the TUF specification names (section 1.5.2), each played by a mirror, and what is believed after it.

use std::time::Duration;

use bytes::Bytes;
use countersign_roots::tuf::MirrorError;
use countersign_roots::{Outcome, RefreshError, RootsConfig, TrustRootStore};
use serde_json::json;

use crate::mint::{BEGIN, Key, Mint, days, signed};
use crate::mirror::{Answer, Mirror};
use crate::scene::{Scene, believes, config, first, limits, pass, refresh_error, repository, second, told};

#[tokio::test]
async fn a_new_state_is_taken_and_the_same_one_costs_two_questions() {
    let mut scene = Scene::new().await;
    scene.mirror.asked();
    scene.refreshed().await;
    assert_eq!(
        scene.mirror.asked(),
        ["2.root.json", "timestamp.json"],
        "what is known is not fetched again"
    );
    scene.mint.replace(second());
    scene.mint.publish();
    scene.serve();
    scene.refreshed().await;
    assert!(scene.believes(second()));
    let facts = scene.facts();
    assert_eq!(facts.expires, Some(BEGIN + days(7)), "the timestamp ends first");
    assert_eq!(facts.attempts[&Outcome::Refreshed], 3);
}

#[tokio::test]
async fn a_repository_without_consistent_snapshots_is_followed_too() {
    let mut mint = Mint::new(first());
    mint.consistent = false;
    mint.files.clear();
    mint.sign_root();
    mint.sign_all();
    let mut scene = Scene::of(mint).await;
    scene.mint.replace(second());
    scene.mint.publish();
    scene.serve();
    scene.refreshed().await;
    assert!(scene.believes(second()));
}

// Arbitrary software installation.

#[tokio::test]
async fn arbitrary_roots_of_who_holds_no_key_are_refused() {
    let scene = Scene::new().await;
    let mut thief = Mint::new(second());
    // All of it but the root, which the thief cannot sign.
    thief.publish();
    thief.files.remove("1.root.json");
    scene.mirror.serve(&thief.files);
    scene.refused_as(Outcome::Unproven).await;

    // A next root by the thief's keys, and everything under it.
    thief.publish_root();
    scene.mirror.serve(&thief.files);
    scene.refused_as(Outcome::Unproven).await;
    assert!(scene.believes(first()));
}

#[tokio::test]
async fn each_role_signs_for_itself_only() {
    for role in ["timestamp", "snapshot", "targets"] {
        let scene = Scene::new().await;
        let mut mint = scene.mint.clone();
        mint.replace(second());
        // Another role's keys, one of which any role's holder has.
        match role {
            "timestamp" => mint.timestamp.keys = mint.snapshot.keys.clone(),
            "snapshot" => mint.snapshot.keys = mint.timestamp.keys.clone(),
            _ => mint.targets.keys = [mint.snapshot.keys.clone(), mint.timestamp.keys.clone()].concat(),
        }
        mint.publish();
        scene.mirror.serve(&mint.files);
        scene.refused_as(Outcome::Unproven).await;
    }
}

// Rollback.

#[tokio::test]
async fn an_older_state_of_each_role_is_refused() {
    let mut scene = Scene::new().await;
    let old = scene.mint.clone();
    scene.mint.replace(second());
    scene.mint.publish();
    scene.serve();
    scene.refreshed().await;

    // Everything as it was.
    scene.mirror.serve(&old.files);
    scene.refused_as(Outcome::Rollback).await;

    // A new timestamp about an old snapshot.
    let mut mint = scene.mint.clone();
    mint.snapshot.version = old.snapshot.version;
    mint.timestamp.version += 1;
    mint.sign_timestamp();
    scene.mirror.serve(&mint.files);
    scene.refused_as(Outcome::Rollback).await;

    // A new snapshot about old targets.
    let mut mint = scene.mint.clone();
    mint.targets.version = old.targets.version;
    mint.snapshot.version += 1;
    mint.timestamp.version += 2;
    mint.sign_snapshot();
    mint.sign_timestamp();
    scene.mirror.serve(&mint.files);
    scene.refused_as(Outcome::Rollback).await;

    assert!(scene.believes(second()));
}

#[tokio::test]
async fn a_root_is_followed_by_the_next_one_only() {
    let scene = Scene::new().await;
    for version in [1, 3] {
        let mut mint = scene.mint.clone();
        mint.root.version = version;
        mint.sign_root();
        let offered = mint.files[&format!("{version}.root.json")].clone();
        mint.files.insert("2.root.json".to_owned(), offered);
        scene.mirror.serve(&mint.files);
        scene.refused_as(Outcome::Rollback).await;
    }
}

#[tokio::test]
async fn targets_do_not_vanish_from_a_snapshot() {
    let mut scene = Scene::new().await;
    let mut body = scene.mint.snapshot_body();
    body["meta"] = json!({});
    body["version"] = json!(2);
    scene.mint.snapshot.version = 2;
    scene.mint.timestamp.version = 2;
    let bytes = signed(&body, &scene.mint.snapshot.keys);
    scene.mint.files.insert("2.snapshot.json".to_owned(), bytes);
    scene.mint.sign_timestamp();
    scene.serve();
    scene.refused_as(Outcome::Mismatched).await;
}

#[tokio::test]
async fn an_older_state_is_refused_after_a_restart_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::unread(Mint::new(first()), Some(directory.path())).await;
    let old = scene.mint.clone();
    scene.mint.replace(second());
    scene.mint.publish();
    scene.serve();
    scene.refreshed().await;

    scene.store = Scene::open(&scene.mint, &scene.mirror, Some(directory.path()));
    assert!(scene.believes(second()), "a restart needs no network");
    scene.mirror.serve(&old.files);
    scene.refused_as(Outcome::Rollback).await;
    assert!(scene.believes(second()));
}

#[tokio::test]
async fn what_was_proved_before_a_refresh_broke_off_is_a_floor_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::unread(Mint::new(first()), Some(directory.path())).await;
    scene.refreshed().await;
    let old = scene.mint.clone();
    scene.mint.replace(second());
    scene.mint.publish();
    scene.serve();
    // The new timestamp comes, and the snapshot does not.
    scene.mirror.answer("2.snapshot.json", Answer::Status(500));
    scene.refused_as(Outcome::Unreachable).await;

    scene.store = Scene::open(&scene.mint, &scene.mirror, Some(directory.path()));
    assert!(scene.believes(first()), "the last good state is kept whole beside it");
    scene.mirror.serve(&old.files);
    scene.refused_as(Outcome::Rollback).await;
}

// Fast-forward.

#[tokio::test]
async fn a_stolen_timestamp_key_that_ran_ahead_is_recovered_from_by_a_new_root() {
    for stolen in ["timestamp", "snapshot"] {
        let mut scene = Scene::new().await;
        let honest = scene.mint.clone();
        scene.mint.timestamp.version = u64::MAX;
        scene.mint.snapshot.version = 1_000_000;
        scene.mint.sign_snapshot();
        scene.mint.sign_timestamp();
        scene.serve();
        scene.refreshed().await;

        // The holders go on where they were, which is a rollback to us ...
        let mut honest = honest;
        honest.replace(second());
        honest.publish();
        scene.mirror.serve(&honest.files);
        scene.refused_as(Outcome::Rollback).await;

        // ... until the root says that either key is another one.
        match stolen {
            "timestamp" => honest.timestamp.keys = vec![Key::ed25519()],
            _ => honest.snapshot.keys = vec![Key::p256()],
        }
        honest.publish_root();
        honest.publish();
        scene.mirror.serve(&honest.files);
        scene.refreshed().await;
        assert!(scene.believes(second()), "{stolen}");
    }
}

// Indefinite freeze.

#[tokio::test]
async fn a_mirror_that_stands_still_is_told_when_the_metadata_ends() {
    let scene = Scene::new().await;
    pass(days(6));
    scene.refreshed().await;
    pass(days(1));
    // It ends at this second: the end has to be later than now.
    let text = scene.refused_as(Outcome::Expired).await;
    assert!(text.contains("timestamp"), "{text}");
    assert!(scene.believes(first()), "what was good stays");
    let facts = scene.facts();
    assert_eq!(facts.verified, Some(BEGIN + days(6)), "and its age tells");
    assert_eq!(facts.expires, Some(BEGIN + days(7)));
    assert_eq!(facts.attempts[&Outcome::Expired], 1);
}

#[tokio::test]
async fn each_role_ends() {
    for role in ["root", "timestamp", "snapshot", "targets"] {
        let mut scene = Scene::new().await;
        let mint = &mut scene.mint;
        mint.replace(second());
        let ended = BEGIN - days(1);
        match role {
            "root" => mint.root.expires = ended,
            "timestamp" => mint.timestamp.expires = ended,
            "snapshot" => mint.snapshot.expires = ended,
            _ => mint.targets.expires = ended,
        }
        mint.publish_root();
        mint.publish();
        scene.serve();
        let text = scene.refused_as(Outcome::Expired).await;
        assert!(text.contains(role), "{role}: {text}");
    }
}

// Endless data.

#[tokio::test]
async fn endless_files_are_read_to_their_limit() {
    let mut scene = Scene::new().await;
    scene.mint.replace(second());
    scene.mint.publish_root();
    scene.mint.publish();
    let target = scene.mint.target_name("trusted_root.json", second());
    for name in [
        "2.root.json",
        "timestamp.json",
        "2.snapshot.json",
        "2.targets.json",
        &target,
    ] {
        scene.serve();
        scene
            .mirror
            .answer(name, Answer::Endless(Bytes::from_static(&[b' '; 16 << 10])));
        let error = scene.refused().await;
        assert!(
            matches!(refresh_error(&error), RefreshError::Mirror(MirrorError::TooLong { .. })),
            "{name}: {}",
            told(&error)
        );
        // One that is not compressed when it is sent and without end when it is unpacked.
        scene
            .mirror
            .answer(name, Answer::Compressed(Bytes::from_static(b"\x1f\x8b")));
        let error = scene.refused().await;
        assert!(
            matches!(
                refresh_error(&error),
                RefreshError::Mirror(MirrorError::Compressed { .. })
            ),
            "{name}: {}",
            told(&error)
        );
    }
}

#[tokio::test]
async fn a_target_that_is_announced_larger_than_any_trust_root_is_not_fetched() {
    let mut scene = Scene::new().await;
    scene.mint.replace(&vec![b' '; 5 << 20]);
    scene.mint.publish();
    scene.serve();
    scene.mirror.asked();
    scene.refused_as(Outcome::Mismatched).await;
    assert!(!scene.mirror.asked().iter().any(|name| name.starts_with("targets/")));
}

// Slow retrieval.

#[tokio::test]
async fn a_mirror_that_drips_or_is_silent_is_given_up() {
    let mut scene = Scene::unread(Mint::new(first()), None).await;
    for (answer, whole) in [(Answer::Silent, 20_000), (Answer::Drips, 200)] {
        let mut config = config([("corp", repository(&scene.mint.initial_root(), &scene.mirror))]);
        // A whole refresh has a deadline, and so has each part of an answer.
        config.limits.answer = Duration::from_millis(if whole == 200 { 20_000 } else { 200 });
        config.limits.deadline = Duration::from_millis(whole);
        scene.store = TrustRootStore::open(config).unwrap();
        scene.mirror.answer("timestamp.json", answer);
        scene.refused_as(Outcome::Slow).await;
    }
}

// Extraneous dependencies, mix and match.

#[tokio::test]
async fn files_of_two_states_do_not_mix() {
    let mut scene = Scene::new().await;
    let old = scene.mint.clone();
    scene.mint.replace(second());
    scene.mint.publish();
    for (name, of_old) in [
        ("2.snapshot.json", "1.snapshot.json"),
        ("2.targets.json", "1.targets.json"),
    ] {
        let mut files = scene.mint.files.clone();
        files.insert(name.to_owned(), old.files[of_old].clone());
        scene.mirror.serve(&files);
        scene.refused_as(Outcome::Mismatched).await;
    }
    // The target of the old state under the name of the new one.
    let mut files = scene.mint.files.clone();
    let (new_name, old_name) = (
        scene.mint.target_name("trusted_root.json", second()),
        old.target_name("trusted_root.json", first()),
    );
    files.insert(new_name, files[&old_name].clone());
    scene.mirror.serve(&files);
    scene.refused_as(Outcome::Mismatched).await;
}

#[tokio::test]
async fn a_snapshot_is_the_one_that_the_timestamp_hashed() {
    let mut scene = Scene::new().await;
    scene.mint.publish();
    // Properly signed, of the version announced, and of the same length; only the hash is another.
    let mut other = scene.mint.clone();
    other.snapshot.expires = BEGIN + days(22);
    other.sign_snapshot();
    let name = "2.snapshot.json".to_owned();
    assert_eq!(other.files[&name].len(), scene.mint.files[&name].len());
    scene.mint.files.insert(name.clone(), other.files[&name].clone());
    scene.serve();
    scene.refused_as(Outcome::Mismatched).await;
}

#[tokio::test]
async fn a_target_is_the_one_that_was_hashed_and_measured() {
    let mut scene = Scene::new().await;
    scene.mint.replace(second());
    scene.mint.publish();
    let name = scene.mint.target_name("trusted_root.json", second());
    let mut flipped = second().to_vec();
    flipped[10] ^= 1;
    let mut shorter = second().to_vec();
    shorter.pop();
    let mut longer = second().to_vec();
    longer.push(b' ');
    for wrong in [flipped, shorter, longer, Vec::new()] {
        let mut files = scene.mint.files.clone();
        files.insert(name.clone(), wrong);
        scene.mirror.serve(&files);
        scene.refused_as(Outcome::Mismatched).await;
    }
    scene.serve();
    scene.refreshed().await;
    assert!(scene.believes(second()));
}

// Repositories that are taken for each other.

#[tokio::test]
async fn two_repositories_in_one_process_never_mix() {
    let (one, other) = (Mint::new(first()), Mint::new(second()));
    let (mirror, other_mirror) = (Mirror::start().await, Mirror::start().await);
    mirror.serve(&one.files);
    other_mirror.serve(&other.files);
    let directory = tempfile::tempdir().unwrap();
    let config = || RootsConfig {
        cache: Some(directory.path().to_owned()),
        ..config([
            ("one", repository(&one.initial_root(), &mirror)),
            ("other", repository(&other.initial_root(), &other_mirror)),
        ])
    };
    let store = TrustRootStore::open(config()).unwrap();
    store.refresh("one").await.unwrap();
    store.refresh("other").await.unwrap();
    assert!(believes(&store, "one", first()) && believes(&store, "other", second()));

    // Each mirror serves the other's files.
    mirror.serve(&other.files);
    other_mirror.serve(&one.files);
    for name in ["one", "other"] {
        let error = store.refresh(name).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unproven, "{}", told(&error));
    }
    let restarted = TrustRootStore::open(config()).unwrap();
    assert!(believes(&restarted, "one", first()) && believes(&restarted, "other", second()));

    // And each one's memory is put in the other's place.
    let files: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    let [a, b] = files.as_slice() else { panic!("{files:?}") };
    let (of_a, of_b) = (std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    std::fs::write(a, of_b).unwrap();
    std::fs::write(b, of_a).unwrap();
    let confused = TrustRootStore::open(config()).unwrap();
    let current = confused.current();
    assert!(
        current.named.values().all(Result::is_err),
        "what another's keys signed is not believed"
    );
}

// What a mirror may say besides.

#[tokio::test]
async fn a_mirror_leads_nowhere_else() {
    let mut scene = Scene::new().await;
    scene.mint.publish();
    scene.serve();
    let elsewhere = Mirror::start().await;
    elsewhere.serve(&scene.mint.files);
    let to = format!("{}/timestamp.json", elsewhere.url);
    scene.mirror.answer("timestamp.json", Answer::Redirect(to.clone()));
    let text = scene.refused_as(Outcome::Unreachable).await;
    assert!(text.contains(&to) && text.contains("not followed"), "{text}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_password_in_an_address_is_told_to_nobody() {
    let scene = Scene::new().await;
    let mut repository = repository(&scene.mint.initial_root(), &scene.mirror);
    repository.mirror.set_username("somebody").unwrap();
    repository.mirror.set_password(Some("secret")).unwrap();
    let store = TrustRootStore::open(config([("corp", repository)])).unwrap();
    scene.mirror.answer("timestamp.json", Answer::Status(500));
    let error = store.refresh("corp").await.unwrap_err();
    let text = format!("{} {error:?}", told(&error));
    assert!(
        text.contains("/tuf/timestamp.json") && !text.contains("secret") && !text.contains("somebody"),
        "{text}"
    );
}

#[tokio::test]
async fn an_error_of_the_mirrors_is_not_the_end_of_the_chain_of_roots() {
    let mut scene = Scene::new().await;
    scene.mint.publish_root();
    for status in [500, 503, 429, 204, 304] {
        scene.serve();
        scene.mirror.answer("2.root.json", Answer::Status(status));
        let error = scene.refused().await;
        assert_eq!(error.outcome(), Outcome::Unreachable, "{status}: {}", told(&error));
    }
    for status in [404, 403] {
        scene.serve();
        scene.mirror.answer("2.root.json", Answer::Status(status));
        scene.refreshed().await;
    }
}

#[tokio::test]
async fn limits_that_nobody_signed_are_ours() {
    let mut mint = Mint::new(first());
    for _ in 0..5 {
        mint.publish_root();
    }
    let scene = Scene::unread(mint, None).await;
    let mut config = config([("corp", repository(&scene.mint.initial_root(), &scene.mirror))]);
    config.limits = countersign_roots::tuf::Limits {
        rotations: 3,
        ..limits()
    };
    let store = TrustRootStore::open(config).unwrap();
    let error = store.refresh("corp").await.unwrap_err();
    assert!(told(&error).contains("3 root rotations"), "{}", told(&error));
    // Three more of them are walked at the next attempt, from where this one came to.
    store.refresh("corp").await.unwrap();
    assert!(believes(&store, "corp", first()));
}
