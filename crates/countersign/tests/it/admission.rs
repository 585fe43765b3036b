//! `serve admission`, and what is asked about its denials afterwards.

use std::path::Path;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::rig::{Certificate, Door, Folder, Registry};

const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];
const TLS: [&str; 4] = ["--tls-cert", "tls.crt", "--tls-key", "tls.key"];

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&LISTEN[..], &TLS[..], &["--policies", "policy.yaml"], more].concat()
}

#[test]
fn it_answers_writes_records_and_stops_in_time() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("policy", &registry, &key);
    let digest = registry.push("app:1.0");
    registry.push("other:1.0");
    let (signed, unsigned) = (registry.name("app:1.0"), registry.name("other:1.0"));
    folder
        .run_unlocked(&["sign", &signed, "--key", "team.key"])
        .with_code(0);

    let certificate = Certificate::write(&folder, 30);
    let mut door = Door::open(&folder, &certificate, &arguments(&["--admin", "127.0.0.1:0"]));
    let admin = door.serving.address("health, readiness and metrics are served");
    assert_eq!(door.get(&format!("{admin}/readyz")).0, 200);
    assert_eq!(door.ask("mutate", "a", &signed)["allowed"], true);
    assert_eq!(
        door.ask("validate", "b", &format!("{signed}@{digest}"))["allowed"],
        true
    );
    let denied = door.ask("validate", "c", &format!("{unsigned}@{}", registry.push("other:1.0")));
    assert_eq!(
        (&denied["allowed"], &denied["status"]["code"]),
        (&json!(false), &json!(400))
    );
    assert!(
        door.get(&format!("{admin}/metrics")).1.contains("countersign_"),
        "no metrics"
    );

    // Records have standard output to themselves; the log is JSON, which `log` checks line by line.
    let records = door
        .serving
        .until(|serving| Some(serving.records()).filter(|records| records.len() == 3));
    assert_eq!(records[2]["id"], "c");
    assert_eq!(
        records[2]["images"][0]["rulings"][0]["reasons"][0]["code"],
        "image.unsigned"
    );
    assert!(
        door.serving.log().iter().all(|line| line["level"] == "INFO"),
        "{:?}",
        door.serving.log()
    );

    let (ran, took) = door.serving.stop("-TERM");
    let ran = ran.with_code(0);
    assert!(
        ran.stderr.lines().last().unwrap().contains(r#""message":"stopped""#),
        "{ran}"
    );
    assert!(took < Duration::from_secs(10), "it took {took:?} to stop");
}

#[test]
fn a_denial_is_explained_and_replayed_from_what_the_door_kept() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("policy", &registry, &key);
    let digest = registry.push("app:1.0");
    let image = format!("{}@{digest}", registry.name("app:1.0"));
    let certificate = Certificate::write(&folder, 30);
    let mut door = Door::open(&folder, &certificate, &arguments(&["--denials", "denials"]));
    assert_eq!(door.ask("validate", "11111111-2222", &image)["allowed"], false);
    let kept = folder.path("denials/11111111-2222");
    door.serving.until(|_| kept.is_dir().then_some(()));
    door.serving.stop("-TERM").0.with_code(0);

    // Since then the image was signed, the policy is gone and the registry is too: it is judged as it was then.
    folder.run_unlocked(&["sign", &image, "--key", "team.key"]).with_code(0);
    std::fs::remove_file(folder.path("policy.yaml")).unwrap();
    drop(registry);
    let record = ["--record", "11111111-2222", "--denials", "denials"];
    folder.tell(&folder.run(&[&["replay"], &record[..]].concat()));
    let explained = folder.run(&[&["explain"], &record[..]].concat()).with_code(1);
    assert!(
        explained.stdout.contains("image.unsigned: The image is not signed"),
        "{explained}"
    );
    let mut command = folder.command(&["explain", "--record", "11111111-2222"]);
    command.env("COUNTERSIGN_DENIALS", "denials");
    folder.ran(command).with_code(1);
    assert_snapshot!(folder.told());
}

/// A policy for every image, which wants what a private Sigstore signed.
fn keyless(name: &str, root: &str) -> String {
    format!(
        "apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {{name: {name}}}
spec:
  images: [{{glob: '**'}}]
  authorities:
  - keyless:
      url: https://fulcio.mint.example
      {root}
      identities:
      - issuer: https://token.actions.githubusercontent.com
        subject: https://github.com/acme/shop/.github/workflows/release.yaml@refs/heads/main
"
    )
}

/// The door's own root admits what the embedded one does not: a replay that takes the wrong one ends otherwise.
#[test]
fn a_denial_is_replayed_on_the_trust_roots_that_the_door_had() {
    let folder = Folder::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/data/keyless-standing-trust-root-admit");
    folder.write("root.json", std::fs::read(case.join("trusted_root.json")).unwrap());
    let registry = Registry::new(&folder);
    let digest = registry.push("app:1.0");
    let image = format!("{}@{digest}", registry.name("app:1.0"));
    let policies = [keyless("standing", ""), keyless("named", "trustRootRef: corp")];
    folder.write("policy.yaml", policies.join("---\n"));
    folder.write(
        "countersign.yaml",
        "apiVersion: countersign.dev/v1alpha1
kind: Configuration
trustRoots: {named: {corp: {file: root.json}}}
",
    );
    let certificate = Certificate::write(&folder, 30);
    let more = [
        "--denials",
        "denials",
        "--trusted-root",
        "root.json",
        "--config",
        "countersign.yaml",
    ];
    let mut door = Door::open(&folder, &certificate, &arguments(&more));
    assert_eq!(door.ask("validate", "a", &image)["allowed"], false);
    let kept = folder.path("denials/a");
    door.serving.until(|_| kept.is_dir().then_some(()));
    door.serving.stop("-TERM").0.with_code(0);
    std::fs::remove_file(folder.path("root.json")).unwrap();

    let record = ["--record", "a", "--denials", "denials"];
    let replay = || folder.run(&[&["replay"], &record[..]].concat());
    assert!(replay().with_code(1).stdout.contains("image.unsigned"));
    // What the door's root admits, in the place of what was gathered.
    let evidence = kept.join("image-0");
    std::fs::remove_dir_all(&evidence).unwrap();
    copy(&case.join("evidence"), &evidence);
    replay().with_code(0);
    folder.run(&[&["explain"], &record[..]].concat()).with_code(0);
    let given = ["--trusted-root", "root.json"];
    folder
        .run(&[&["replay"], &record[..], &given[..]].concat())
        .with_code(2);

    // Another root than the one that was in force is none, and so is none at all.
    let standing = kept.join("roots/standing.json");
    let text = std::fs::read_to_string(&standing).unwrap();
    std::fs::write(&standing, format!("{text}\n")).unwrap();
    assert!(replay().with_code(2).stderr.contains("cannot be judged as it was"));
    std::fs::remove_file(&standing).unwrap();
    assert!(replay().with_code(2).stderr.contains("cannot be judged as it was"));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let beside = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &beside);
        } else {
            std::fs::copy(&path, &beside).unwrap();
        }
    }
}

#[test]
fn the_configuration_file_says_it_all_and_flags_outrank_it() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("policy", &registry, &key);
    folder.write(
        "countersign.yaml",
        "apiVersion: countersign.dev/v1alpha1
kind: Configuration
admission:
  listen: 127.0.0.1:1
  policies: [policy.yaml]
  tls: {certificate: tls.crt, key: tls.key}
  noMatch: allow
  drainGrace: 100ms
",
    );
    let digest = registry.push("app:1.0");
    let certificate = Certificate::write(&folder, 30);
    let config = ["--config", "countersign.yaml", "--listen", "127.0.0.1:0"];
    let elsewhere = "registry.example/app@sha256:0000000000000000000000000000000000000000000000000000000000000000";

    let door = Door::open(&folder, &certificate, &config);
    assert_eq!(
        door.ask("validate", "a", elsewhere)["allowed"],
        true,
        "the file's noMatch does not hold"
    );
    assert_eq!(
        door.ask("validate", "b", &format!("{}@{digest}", registry.name("app:1.0")))["allowed"],
        false
    );
    door.serving.stop("-TERM").0.with_code(0);

    let door = Door::open(&folder, &certificate, &[&config[..], &["--no-match", "deny"]].concat());
    assert_eq!(
        door.ask("validate", "a", elsewhere)["allowed"],
        false,
        "the flag does not outrank the file"
    );
}

#[test]
fn a_configuration_that_is_wrong_is_told_with_line_and_column() {
    let folder = Folder::new();
    let head = "apiVersion: countersign.dev/v1alpha1\nkind: Configuration\n";
    for (name, text) in [
        ("unknown field", format!("{head}admission:\n  listne: 127.0.0.1:0\n")),
        (
            "field twice",
            format!("{head}admission:\n  noMatch: deny\n  noMatch: allow\n"),
        ),
        ("no address", format!("{head}admission:\n  listen: everywhere\n")),
        ("no duration", format!("{head}admission:\n  drainGrace: 5\n")),
        ("another version", head.replace("v1alpha1", "v9")),
        ("empty", String::new()),
    ] {
        folder.write("countersign.yaml", text);
        let ran = folder
            .run(&["serve", "admission", "--config", "countersign.yaml"])
            .with_code(2);
        folder.tell(&format!("# {name}\n{ran}"));
    }
    assert_snapshot!(folder.told());
}

#[test]
fn what_is_missing_is_asked_for() {
    let folder = Folder::new();
    folder.tell(&folder.run(&["serve", "admission"]));
    folder.tell(&folder.run(&["serve", "admission", "--policies", "p", "--listen", "127.0.0.1:0"]));
    folder.tell(&folder.run(&["serve", "admission", "--tls-cert", "tls.crt"]));
    assert_snapshot!(folder.told());
}

#[test]
fn a_certificate_that_the_api_server_would_refuse_keeps_the_door_shut() {
    let folder = Folder::new();
    let key = folder.key("team");
    folder.write(
        "policy.yaml",
        crate::rig::policy("policy", "registry.example", &key.public().to_pem()),
    );
    let start = || folder.run(&[&["serve", "admission"], &arguments(&[])[..]].concat());
    Certificate::write(&folder, -2);
    let expired = start().with_code(2);
    assert!(expired.stderr.contains("expired at"), "{expired}");
    assert!(
        expired
            .stderr
            .contains("hint: the API server only speaks to a door whose certificate it can check"),
        "{expired}"
    );
    folder.write("tls.crt", "garbage");
    folder.tell(&start());
    Certificate::write(&folder, 30);
    folder.write("tls.key", "garbage");
    folder.tell(&start());
    let (old_key, _) = (folder.read("tls.key"), Certificate::write(&folder, 30));
    let own_key = folder.read("tls.key");
    Certificate::write(&folder, 30);
    folder.write("tls.key", own_key);
    assert_eq!(old_key, "garbage");
    folder.tell(&start());
    assert_snapshot!(folder.told());
}

#[test]
fn policies_and_places_that_are_not_there_keep_the_door_shut() {
    let folder = Folder::new();
    Certificate::write(&folder, 30);
    let start = |more: &[&str]| folder.run(&[&["serve", "admission"], &LISTEN[..], &TLS[..], more].concat());
    folder.tell(&start(&["--policies", "nowhere"]));
    folder.write("file", "");
    std::fs::create_dir(folder.path("policies")).unwrap();
    folder.tell(&start(&["--policies", "policies", "--denials", "file"]));
    folder.tell(&start(&["--policies", "policies", "--cache", "file/cache"]));
    assert_snapshot!(folder.told());
}
