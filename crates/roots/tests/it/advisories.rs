//! Flaws that other clients of TUF had, each as a case here. `docs/attacks.md` lists them.

use std::path::Path;
use std::sync::Arc;

use countersign_roots::embedded::Instance;
use countersign_roots::{Outcome, RefreshError, RootsConfig, TrustRootStore};
use serde_json::{Value, json};

use crate::mint::{BEGIN, Key, Mint, days, listed, signed, written};
use crate::mirror::Mirror;
use crate::scene::{Scene, believes, config, first, refresh_error, repository, second, told};

/// A delegated role, the trust root that it lists, and who signs it.
type Delegated<'a> = (&'a str, &'a [u8], &'a [Arc<Key>]);

/// A delegated role that lists a trust root.
fn delegated(version: u64, name: &str, trusted_root: &[u8], keys: &[Arc<Key>]) -> Vec<u8> {
    let body = json!({
        "_type": "targets", "spec_version": "1.0.31", "version": version, "expires": written(BEGIN + days(90)),
        "targets": {name: listed(trusted_root, None)},
    });
    signed(&body, keys)
}

fn role(name: &str, keys: &[Arc<Key>], threshold: Value, paths: &[&str], terminating: bool) -> Value {
    let ids: Vec<&String> = keys.iter().map(|key| &key.id).collect();
    json!({"name": name, "keyids": ids, "threshold": threshold, "paths": paths, "terminating": terminating})
}

fn delegations(roles: Vec<Value>, keys: &[Arc<Key>]) -> Value {
    let mut all = json!({"keys": {}, "roles": roles});
    for key in keys {
        all["keys"][&key.id] = key.declared.clone();
    }
    all
}

/// A repository whose own targets list no trust root, so that it is looked for in what they delegate.
fn delegating(roles: Vec<Value>, keys: &[Arc<Key>], files: &[Delegated<'_>]) -> Mint {
    let mut mint = Mint::new(first());
    mint.contents.clear();
    mint.delegations = Some(delegations(roles, keys));
    for (name, trusted_root, keys) in files {
        mint.delegated.insert(
            (*name).to_owned(),
            (1, delegated(1, "trusted_root.json", trusted_root, keys)),
        );
        let path = mint.target_name("trusted_root.json", trusted_root);
        mint.files.insert(path, trusted_root.to_vec());
    }
    mint.publish();
    mint
}

#[tokio::test]
async fn a_delegated_role_is_believed_for_what_it_was_given_and_by_its_own_keys() {
    let (key, thief) = (Key::ed25519(), Key::p256());
    let keys = [Arc::clone(&key)];
    let one = json!(1);
    for (paths, signers, believed) in [
        (&["trusted_root.json"][..], [&key], true),
        (&["*.json"], [&key], true),
        (&["*.json"], [&thief], false),
        (&["other/*.json"], [&key], false),
        (&["**/trusted_root.json"], [&key], false),
        (&[], [&key], false),
    ] {
        let signers = signers.map(Arc::clone);
        let mint = delegating(
            vec![role("corp", &keys, one.clone(), paths, false)],
            &keys,
            &[("corp", second(), &signers)],
        );
        let scene = Scene::unread(mint, None).await;
        let asked = scene.store.refresh("corp").await;
        assert_eq!(
            asked.is_ok(),
            believed,
            "{paths:?}: {:?}",
            asked.map_err(|error| told(&error))
        );
        assert_eq!(scene.believes(second()), believed);
    }
}

// CVE-2024-47534 (go-tuf), CVE-2025-2886 (tough).
#[tokio::test]
async fn the_first_delegation_that_is_meant_answers_and_a_terminating_one_is_the_last() {
    let (one, other) = (Key::ed25519(), Key::p256());
    let keys = [Arc::clone(&one), Arc::clone(&other)];
    let roles = |terminating| {
        vec![
            role("one", &keys[..1], json!(1), &["*.json"], terminating),
            role("other", &keys[1..], json!(1), &["*.json"], false),
        ]
    };
    // Both list it: the first one counts.
    let mint = delegating(
        roles(false),
        &keys,
        &[("one", second(), &keys[..1]), ("other", first(), &keys[1..])],
    );
    let scene = Scene::unread(mint, None).await;
    scene.refreshed().await;
    assert!(scene.believes(second()));

    // The first one does not list it, and is the last that is asked, or is not.
    for terminating in [true, false] {
        let mut mint = delegating(roles(terminating), &keys, &[("other", first(), &keys[1..])]);
        mint.delegated.insert(
            "one".to_owned(),
            (1, delegated(1, "something.else", second(), &keys[..1])),
        );
        mint.publish();
        let scene = Scene::unread(mint, None).await;
        let asked = scene.store.refresh("corp").await;
        assert_eq!(asked.is_err(), terminating);
        if let Err(error) = asked {
            assert!(
                matches!(refresh_error(&error), RefreshError::NoSuchTarget { .. }),
                "{}",
                told(&error)
            );
        }
    }
}

// tough, before 0.20: delegations in a circle.
#[tokio::test]
async fn delegations_in_a_circle_end() {
    let key = Key::ed25519();
    let keys = [Arc::clone(&key)];
    let to = |name: &str| delegations(vec![role(name, &keys, json!(1), &["*"], false)], &keys);
    let mut mint = Mint::new(first());
    mint.contents.clear();
    mint.delegations = Some(to("a"));
    for (name, next) in [("a", "b"), ("b", "a")] {
        let body = json!({
            "_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": written(BEGIN + days(90)),
            "targets": {}, "delegations": to(next),
        });
        mint.delegated.insert(name.to_owned(), (1, signed(&body, &keys)));
    }
    mint.publish();
    let scene = Scene::unread(mint, None).await;
    let error = scene.refused().await;
    assert!(
        matches!(refresh_error(&error), RefreshError::NoSuchTarget { .. }),
        "{}",
        told(&error)
    );
}

// CVE-2026-23992 (go-tuf).
#[tokio::test]
async fn a_delegation_with_a_threshold_of_none_delegates_nothing() {
    let key = Key::ed25519();
    let keys = [Arc::clone(&key)];
    for threshold in [json!(0), json!(-1)] {
        let mint = delegating(
            vec![role("corp", &keys, threshold.clone(), &["*.json"], false)],
            &keys,
            &[("corp", second(), &[])],
        );
        let scene = Scene::unread(mint, None).await;
        assert_eq!(scene.refused().await.outcome(), Outcome::Unreadable, "{threshold}");
    }
}

#[tokio::test]
async fn one_key_under_two_ids_is_one_signer_of_a_delegation_too() {
    let key = Key::ed25519();
    let mut mint = Mint::new(first());
    mint.contents.clear();
    let declared = json!({
        "keys": {"one": key.declared, "two": key.declared},
        "roles": [{"name": "corp", "keyids": ["one", "two"], "threshold": 2, "paths": ["*"], "terminating": false}],
    });
    mint.delegations = Some(declared);
    let body: Value = serde_json::from_slice(&delegated(1, "trusted_root.json", second(), &[])).unwrap();
    let named = [
        ("one".to_owned(), Arc::clone(&key)),
        ("two".to_owned(), Arc::clone(&key)),
    ];
    mint.delegated
        .insert("corp".to_owned(), (1, crate::mint::signed_as(&body["signed"], &named)));
    let path = mint.target_name("trusted_root.json", second());
    mint.files.insert(path, second().to_vec());
    mint.publish();
    let scene = Scene::unread(mint, None).await;
    let error = scene.refused().await;
    assert!(
        matches!(refresh_error(&error), RefreshError::RepeatedKey { .. }),
        "{}",
        told(&error)
    );
}

// CVE-2025-2887 (tough): a delegated role went backwards.
#[tokio::test]
async fn a_delegated_role_does_not_go_backwards() {
    let key = Key::ed25519();
    let keys = [Arc::clone(&key)];
    let roles = vec![role("corp", &keys, json!(1), &["*.json"], false)];
    let mut mint = delegating(roles, &keys, &[("corp", first(), &keys)]);
    let old = mint.delegated["corp"].clone();
    mint.delegated.insert(
        "corp".to_owned(),
        (2, delegated(2, "trusted_root.json", first(), &keys)),
    );
    mint.publish();
    let mut scene = Scene::of(mint).await;
    scene.mint.delegated.insert("corp".to_owned(), old);
    scene.mint.publish();
    scene.serve();
    scene.refused_as(Outcome::Rollback).await;
}

// GHSA-3633-5h82-39pq (go-tuf): keys in another form than the one declared.
#[tokio::test]
async fn a_key_in_the_wrong_form_is_no_key() {
    let honest = Mint::new(first());
    let public = honest.timestamp.keys[0].declared["keyval"]["public"].clone();
    let ed25519 = honest.snapshot.keys[0].declared["keyval"]["public"].clone();
    for (scheme, kind, public) in [
        ("ecdsa-sha2-nistp384", "ecdsa", public.clone()),
        ("ed25519", "ecdsa", public.clone()),
        ("ecdsa-sha2-nistp256", "ecdsa", ed25519),
        ("ecdsa-sha2-nistp256", "ecdsa", json!("")),
        (
            "ecdsa-sha2-nistp256",
            "ecdsa",
            json!("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
        ),
        ("rsassa-pss-sha256", "rsa", public.clone()),
        ("none", "none", public),
    ] {
        let mut mint = honest.clone();
        let id = mint.timestamp.keys[0].id.clone();
        let mut body = mint.root_body();
        body["keys"][&id] = json!({"keytype": kind, "scheme": scheme, "keyval": {"public": public}});
        mint.files
            .insert("1.root.json".to_owned(), signed(&body, &mint.root.keys));
        let scene = Scene::unread(mint, None).await;
        assert_eq!(scene.refused().await.outcome(), Outcome::Unproven, "{kind} {scheme}");
    }
}

// CVE-2026-23991 (go-tuf): JSON that is no metadata ended the process.
#[tokio::test]
async fn whatever_a_mirror_says_it_ends_in_an_error() {
    let mut scene = Scene::new().await;
    scene.mint.publish_root();
    scene.mint.publish();
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let bodies: Vec<Vec<u8>> = [
        "", " ", "null", "0", "[]", "{}", "\"\"", "{\"signed\":null,\"signatures\":null}",
        "{\"signed\":{},\"signatures\":[]}", "{\"signed\":[],\"signatures\":{}}",
        "{\"signed\":{\"_type\":\"root\"},\"signatures\":[{}]}",
        "{\"signed\":{\"_type\":7,\"version\":-1,\"expires\":\"never\"},\"signatures\":[{\"keyid\":null,\"sig\":\"zz\"}]}",
        "{\"signed\":{\"version\":1e400},\"signatures\":[]}", "{\"signed\":", "\u{feff}{}",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([b"\xff\xfe".to_vec(), vec![0; 64], deep])
    .collect();
    for name in ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"] {
        for body in &bodies {
            let mut files = scene.mint.files.clone();
            files.insert(name.to_owned(), body.clone());
            // Announced as they are, so that it is not the announcement that refuses them.
            if name == "2.snapshot.json" {
                files.insert("timestamp.json".to_owned(), announcing(&scene.mint, body));
            }
            scene.mirror.serve(&files);
            let error = scene.refused().await;
            assert!(
                !matches!(refresh_error(&error), RefreshError::Panicked),
                "{name}: {body:?}"
            );
        }
    }
    scene.serve();
    // Every one of those was refused as a whole, and none of them is a floor for what is honest.
    scene.mint.timestamp.version += 1;
    scene.mint.sign_timestamp();
    scene.serve();
    scene.refreshed().await;
}

fn announcing(mint: &Mint, snapshot: &[u8]) -> Vec<u8> {
    let mut body = mint.timestamp_body();
    body["meta"]["snapshot.json"] = listed(snapshot, None);
    body["meta"]["snapshot.json"]["version"] = json!(mint.snapshot.version);
    signed(&body, &mint.timestamp.keys)
}

// What is signed counts, to the last bit.
#[tokio::test]
async fn no_damaged_metadata_is_believed() {
    let mint = Mint::new(second());
    let scene = Scene::unread(mint.clone(), None).await;
    let (mut harmless, mut trials) = (0, 0);
    for name in ["1.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"] {
        let whole = mint.files[name].clone();
        for at in (0..whole.len()).step_by(11) {
            let mut damaged = mint.clone();
            let byte = &mut damaged.files.get_mut(name).unwrap()[at];
            *byte ^= 1 << (at % 8);
            scene.mirror.serve(&damaged.files);
            // From nothing, and with the damaged root as the first one where it is the root.
            trials += 1;
            let store = Scene::open(&damaged, &scene.mirror, None);
            match store.refresh("corp").await {
                // A digit of a signature in the other case is the same digit, and of three signatures two are enough.
                Ok(()) => {
                    assert!(believes(&store, "corp", second()), "{name} at {at}");
                    harmless += 1;
                }
                Err(error) => assert_ne!(
                    error.outcome(),
                    Outcome::Unreachable,
                    "{name} at {at}: {}",
                    told(&error)
                ),
            }
        }
    }
    assert!(harmless * 3 < trials, "{harmless} of {trials}");
}

// CVE-2026-24137 (sigstore), CVE-2026-24686 (go-tuf): names became paths.
#[tokio::test]
async fn no_name_becomes_a_path() {
    let outside = tempfile::tempdir().unwrap();
    let cache = outside.path().join("a/b/cache");
    let key = Key::ed25519();
    let keys = [Arc::clone(&key)];
    for name in [
        "../x",
        "../../x",
        "/tmp/x",
        "a/../../x",
        "..",
        "root_history/9.root",
        "x\u{0}y",
        "..\\x",
        "lock",
    ] {
        let mint = delegating(
            vec![role(name, &keys, json!(1), &["*.json"], false)],
            &keys,
            &[(name, second(), &keys)],
        );
        let mut mint = mint;
        // Served under every spelling that could be asked for.
        let (version, bytes) = mint.delegated[name].clone();
        for spelled in [name.replace('/', "%2F"), name.replace('\\', "%5C"), name.to_owned()] {
            mint.files.insert(format!("{version}.{spelled}.json"), bytes.clone());
        }
        let scene = Scene::unread(mint, Some(&cache)).await;
        let _ = scene.store.refresh("corp").await;
        assert_eq!(names_in(outside.path()), ["a"], "{name}");
        assert_eq!(names_in(&outside.path().join("a/b")), ["cache"], "{name}");
        let kept = names_in(&cache);
        assert!(
            kept.iter().all(|kept| kept == "lock" || kept.ends_with(".json")),
            "{kept:?}"
        );
    }
}

#[tokio::test]
async fn a_source_cannot_name_a_target_outside_its_mirror() {
    let scene = Scene::new().await;
    for name in [
        "../1.root.json",
        "/etc/passwd",
        "a//b",
        "http://127.0.0.1:1/x",
        "..\\x",
        "",
        ".",
    ] {
        for (targets, target) in [("targets", name), (name, "trusted_root.json")] {
            let mut config = config([("corp", repository(&scene.mint.initial_root(), &scene.mirror))]);
            for source in config.named.values_mut() {
                if let countersign_roots::Source::Repository(repository) = source {
                    repository.targets = targets.to_owned();
                    repository.target = target.to_owned();
                }
            }
            scene.mirror.asked();
            let store = TrustRootStore::open(config).unwrap();
            let error = store.refresh("corp").await.unwrap_err();
            assert!(
                matches!(refresh_error(&error), RefreshError::Name { .. }),
                "{name}: {}",
                told(&error)
            );
            assert!(scene.mirror.asked().is_empty(), "nothing is asked for");
        }
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

// kyverno#15983: two roots used at once crashed the process, or were taken for each other.
#[tokio::test]
async fn two_hundred_refreshes_of_two_roots_at_once_do_not_mix() {
    let (one, other) = (Mint::new(first()), Mint::new(second()));
    let (mirror, other_mirror) = (Mirror::start().await, Mirror::start().await);
    mirror.serve(&one.files);
    other_mirror.serve(&other.files);
    let directory = tempfile::tempdir().unwrap();
    let cached = || RootsConfig {
        cache: Some(directory.path().to_owned()),
        ..config([
            ("one", repository(&one.initial_root(), &mirror)),
            ("other", repository(&other.initial_root(), &other_mirror)),
        ])
    };
    let store = TrustRootStore::open(cached()).unwrap();
    let asking = (0..200).map(|number| store.refresh(if number % 2 == 0 { "one" } else { "other" }));
    for asked in futures_util::future::join_all(asking).await {
        asked.unwrap();
        assert!(believes(&store, "one", first()) && believes(&store, "other", second()));
    }
    // Both were remembered, though they were written at the same time; and a start waits for nobody who writes.
    let writing = std::fs::File::create(directory.path().join("lock")).unwrap();
    writing.lock().unwrap();
    let again = TrustRootStore::open(cached()).unwrap();
    assert!(believes(&again, "one", first()) && believes(&again, "other", second()));
}

// CVE-2025-2885 (tough): the version of a root was not looked at. `attacks::a_root_is_followed_by_the_next_one_only` has it.

// CVE-2024-51491 (notation): a cache that could not be written stopped verification.
#[tokio::test]
async fn a_cache_that_cannot_be_written_costs_a_refresh_after_a_restart_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let scene = Scene::unread(Mint::new(first()), Some(&cache)).await;
    std::fs::remove_dir_all(&cache).unwrap();
    std::fs::write(&cache, "in the way").unwrap();
    scene.refreshed().await;
    assert!(scene.believes(first()));
    // At the start it is an error that names it.
    let mut config = config([]);
    config.cache = Some(cache.clone());
    let error = TrustRootStore::open(config).unwrap_err();
    assert!(error.to_string().contains(&cache.display().to_string()), "{error}");
    assert!(Instance::PublicGood.root().is_ok());
}
