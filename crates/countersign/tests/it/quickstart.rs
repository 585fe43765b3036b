//! `quickstart`: the story as it is told.

use std::time::Duration;

use insta::assert_snapshot;

use crate::rig::{Folder, Serving};

/// With the key in a file on every machine.
fn without_openbao(folder: &Folder, words: &[&str]) -> std::process::Command {
    let mut command = folder.command(words);
    command.env("PATH", "/nowhere");
    command
}

#[test]
fn the_story_as_it_is_told() {
    let folder = Folder::new();
    let ran = folder.ran(without_openbao(&folder, &["quickstart"]));
    folder.tell(&ran);
    // It takes everything away again.
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 0);
    assert_snapshot!(folder.told());
}

#[test]
fn the_story_as_a_document() {
    let document = Folder::new().run(&["quickstart", "-o", "json"]).with_code(0).document();
    assert_eq!(document["asTold"], true);
    let scenes = document["scenes"].as_array().unwrap();
    let submissions = document["submissions"].as_array().unwrap();
    let states: Vec<_> = submissions
        .iter()
        .map(|built| built["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["REJECTED", "PUBLISHED"]);
    assert_eq!(submissions[0]["reasons"], serde_json::json!(["findings"]));
    let verdicts: Vec<_> = scenes.iter().map(|scene| scene["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["admit", "deny", "deny", "deny"]);
    assert!(document["stays"].is_null());
}

#[test]
fn what_stays_can_be_played_with_until_it_is_stopped() {
    let folder = Folder::new();
    let mut serving = Serving::start(
        &folder,
        "quickstart",
        without_openbao(&folder, &["quickstart", "--stay", "-o", "json"]),
    );
    let stays = serving.until(|serving| {
        let document: serde_json::Value = serde_json::from_str(&serving.output()).ok()?;
        Some(document["stays"].clone())
    });
    let stays = |field: &str| stays[field].as_str().unwrap().to_owned();
    let unsigned = format!("{}/shop/unsigned:1.0", stays("registry"));
    folder
        .run(&["verify", &unsigned, "--policy", &stays("policy")])
        .with_code(1);
    folder
        .run_unlocked(&["sign", &unsigned, "--key", &stays("privateKey")])
        .with_code(0);
    folder
        .run(&["verify", &unsigned, "--policy", &stays("policy")])
        .with_code(0);
    folder
        .run(&["verify", &unsigned, "--key", &stays("publicKey")])
        .with_code(0);

    let (ran, took) = serving.stop("-INT");
    assert_eq!(ran.with_code(0).document()["asTold"], true);
    assert!(took < Duration::from_secs(10), "it took {took:?} to stop");
    assert!(!std::path::Path::new(&stays("policy")).exists());
}

#[test]
fn a_cluster_needs_an_address_and_kubectl() {
    let folder = Folder::new();
    folder.write("kubeconfig", "");
    folder.run(&["quickstart", "--kubeconfig", "kubeconfig"]).with_code(2);
    folder.run(&["quickstart", "--advertise", "10.0.0.5:8443"]).with_code(2);
    let mut command = folder.command(&["quickstart", "--kubeconfig", "kubeconfig", "--advertise", "127.0.0.1:1"]);
    command.env("PATH", folder.path(""));
    // Port 1 is not ours to listen on unless we are root, and then there is no kubectl.
    let ran = folder.ran(command).with_code(2);
    assert!(ran.stdout.is_empty(), "{ran}");
}
