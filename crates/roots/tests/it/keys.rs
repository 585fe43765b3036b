//! Thresholds that are not met, keys that were stolen, and roots that follow each other.

use std::sync::Arc;

use countersign_roots::{Outcome, RefreshError};
use serde_json::{Value, json};

use crate::mint::{BEGIN, Key, Mint, days, signed, signed_as};
use crate::scene::{Scene, first, refresh_error, second, told};

#[tokio::test]
async fn fewer_keys_than_the_threshold_sign_nothing() {
    let scene = Scene::new().await;
    let mint = &scene.mint;
    // One of two targets' keys was stolen.
    let mut stolen = mint.clone();
    stolen.replace(second());
    stolen.targets.keys.truncate(1);
    stolen.publish();
    scene.mirror.serve(&stolen.files);
    scene.refused_as(Outcome::Unproven).await;

    // It signs twice: under one id, and under the id of the other.
    let (thief, other) = (&mint.targets.keys[0], &mint.targets.keys[1]);
    for second_id in [&thief.id, &other.id] {
        let named = [
            (thief.id.clone(), Arc::clone(thief)),
            (second_id.clone(), Arc::clone(thief)),
        ];
        stolen
            .files
            .insert("2.targets.json".to_owned(), signed_as(&stolen.targets_body(), &named));
        scene.mirror.serve(&stolen.files);
        scene.refused_as(Outcome::Unproven).await;
    }

    // One of three roots' keys was stolen, where two sign: it cannot put itself in charge.
    let mut root = mint.clone();
    root.root.version = 2;
    root.root.threshold = 1;
    root.root.keys.truncate(1);
    let body = root.root_body();
    root.files
        .insert("2.root.json".to_owned(), signed(&body, &root.root.keys));
    scene.mirror.serve(&root.files);
    scene.refused_as(Outcome::Unproven).await;
}

#[tokio::test]
async fn a_new_root_is_signed_by_the_old_keys_and_by_its_own() {
    let scene = Scene::new().await;
    let old = scene.mint.root.keys.clone();
    let new = vec![Key::ed25519(), Key::p256()];
    for signers in [&old, &new] {
        let mut mint = scene.mint.clone();
        mint.root.keys.clone_from(&new);
        mint.root.version = 2;
        let body = mint.root_body();
        mint.files.insert("2.root.json".to_owned(), signed(&body, signers));
        scene.mirror.serve(&mint.files);
        scene.refused_as(Outcome::Unproven).await;
    }
    let mut mint = scene.mint.clone();
    mint.root.keys = new;
    mint.publish_root();
    scene.mirror.serve(&mint.files);
    scene.refreshed().await;
}

#[tokio::test]
async fn one_key_under_two_ids_is_one_signer() {
    let mut mint = Mint::new(first());
    let key = mint.targets.keys[0].clone();
    let names = [
        ("one".to_owned(), Arc::clone(&key)),
        ("two".to_owned(), Arc::clone(&key)),
    ];
    // By mistake the root lists one holder twice, where two must sign.
    let mut body = mint.root_body();
    body["roles"]["targets"]["keyids"] = json!(["one", "two"]);
    body["keys"]["one"] = key.declared.clone();
    body["keys"]["two"] = key.declared.clone();
    body["keys"]["two"]["x-owner"] = json!("somebody else");
    mint.files
        .insert("1.root.json".to_owned(), signed(&body, &mint.root.keys));
    mint.files
        .insert("1.targets.json".to_owned(), signed_as(&mint.targets_body(), &names));
    let scene = Scene::unread(mint, None).await;
    let error = scene.refused().await;
    assert!(
        matches!(
            refresh_error(&error),
            RefreshError::RepeatedKey {
                found: 1,
                threshold: 2,
                ..
            }
        ),
        "{}",
        told(&error)
    );
    assert_eq!(error.outcome(), Outcome::Unproven);
}

#[tokio::test]
async fn a_threshold_of_none_is_no_threshold() {
    for threshold in [json!(0), json!(-1), json!(1.5), json!("1"), Value::Null] {
        let mut mint = Mint::new(first());
        let mut body = mint.root_body();
        body["roles"]["targets"]["threshold"] = threshold.clone();
        mint.files
            .insert("1.root.json".to_owned(), signed(&body, &mint.root.keys));
        mint.files
            .insert("1.targets.json".to_owned(), signed(&mint.targets_body(), &[]));
        let scene = Scene::unread(mint, None).await;
        let error = scene.refused().await;
        assert_eq!(error.outcome(), Outcome::Unreadable, "{threshold}: {}", told(&error));
    }
}

// Rotation of roots.

#[tokio::test]
async fn a_long_chain_of_roots_is_walked_and_each_may_have_ended() {
    let mut mint = Mint::new(first());
    mint.root.expires = BEGIN - days(100);
    for step in 0..40 {
        // One key goes and one comes at each step, so that no two ends of the chain know each other.
        mint.root.keys.remove(0);
        mint.root
            .keys
            .push(if step % 2 == 0 { Key::ed25519() } else { Key::p256() });
        mint.publish_root();
    }
    mint.root.expires = BEGIN + days(365);
    mint.timestamp.keys = vec![Key::ed25519()];
    mint.publish_root();
    mint.publish();
    let scene = Scene::of(mint).await;
    assert_eq!(
        scene
            .mirror
            .asked()
            .iter()
            .filter(|name| name.ends_with(".root.json"))
            .count(),
        42
    );
}

#[tokio::test]
async fn a_chain_with_a_gap_ends_at_the_gap() {
    let mut scene = Scene::new().await;
    scene.mint.replace(second());
    scene.mint.timestamp.keys = vec![Key::ed25519()];
    scene.mint.publish_root();
    scene.mint.publish_root();
    scene.mint.publish();
    let missing = scene.mint.files.remove("2.root.json").unwrap();
    scene.serve();
    // The third root is there, and nobody leads to it: what its keys sign is a stranger's.
    scene.refused_as(Outcome::Unproven).await;
    scene.mint.files.insert("2.root.json".to_owned(), missing);
    scene.serve();
    scene.refreshed().await;
    assert!(scene.believes(second()));
}

#[tokio::test]
async fn a_key_that_a_root_took_away_signs_no_more() {
    let mut scene = Scene::new().await;
    let former = scene.mint.timestamp.keys.clone();
    scene.mint.timestamp.keys = vec![Key::p256()];
    scene.mint.publish_root();
    scene.mint.replace(second());
    scene.mint.publish();
    let bytes = signed(&scene.mint.timestamp_body(), &former);
    scene.mint.files.insert("timestamp.json".to_owned(), bytes);
    scene.serve();
    scene.refused_as(Outcome::Unproven).await;
}
