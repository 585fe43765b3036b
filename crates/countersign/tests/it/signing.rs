//! `sign`, `attest` and `tree`, in every layout.

use insta::assert_snapshot;

use crate::rig::{Folder, Registry};

#[test]
fn every_layout_is_written_listed_and_believed() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    folder.write("scan.json", "{}");
    for layout in ["bundle", "tag", "referrer"] {
        registry.push(&format!("{layout}:1.0"));
        let image = &registry.name(&format!("{layout}:1.0"));
        let how = ["--key", "team.key", "--layout", layout];
        let signed = folder.run_unlocked(&[&["sign", image], &how[..]].concat()).with_code(0);
        let lines: Vec<_> = signed
            .stdout
            .lines()
            .map(|line| line.split("  ").next().unwrap())
            .collect();
        assert_eq!(lines, ["signed", "key", "published"], "{signed}");
        folder.run(&["verify", image, "--key", "team.pub"]).with_code(0);

        let attest = [
            &["attest", image, "--type", "vuln", "--predicate", "scan.json"],
            &how[..],
        ]
        .concat();
        folder.run_unlocked(&attest).with_code(0);
        folder
            .run(&["verify", image, "--key", "team.pub", "--type", "vuln"])
            .with_code(0);

        let tree = folder.run(&["tree", image, "-o", "json"]).with_code(0).document();
        let attached = tree["unverified"].as_array().unwrap();
        let kinds: Vec<_> = attached
            .iter()
            .map(|one| (one["kind"].as_str(), one["layout"].as_str()))
            .collect();
        assert!(kinds.contains(&(Some("signature"), Some(layout))), "{kinds:?}");
        assert!(kinds.contains(&(Some("attestation"), Some(layout))), "{kinds:?}");
    }
}

#[test]
fn what_was_signed_is_said() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    folder.write("scan.json", "{}");
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.tell(&folder.run(&["tree", image]));
    folder.tell(&folder.run_unlocked(&["sign", image, "--key", "team.key", "--yes", "-a", "build=7"]));
    let attest = [
        "attest",
        image,
        "--key",
        "team.key",
        "--type",
        "vuln",
        "--predicate",
        "scan.json",
        "--layout",
        "tag",
    ];
    folder.tell(&folder.run_unlocked(&attest));
    folder.tell(&folder.run(&["tree", image]));
    assert_snapshot!(folder.told());
}

#[test]
fn several_images_are_signed_or_none_where_a_name_is_wrong() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.tell(&folder.run_unlocked(&["sign", image, &registry.name("none:1.0"), "--key", "team.key"]));
    folder.run(&["verify", image, "--key", "team.pub"]).with_code(1);
    registry.push("none:1.0");
    let document = folder
        .run_unlocked(&[
            "sign",
            image,
            &registry.name("none:1.0"),
            "--key",
            "team.key",
            "-o",
            "json",
        ])
        .with_code(0)
        .document();
    assert_eq!(document["signed"].as_array().unwrap().len(), 2);
    assert_snapshot!(folder.told());
}

#[test]
fn what_cannot_be_signed_is_said() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.tell(&folder.run_unlocked(&["sign", "registry.example/App", "--key", "team.key"]));
    folder.tell(&folder.run_unlocked(&["sign", "127.0.0.1:1/app:1.0", "--key", "team.key"]));
    folder.tell(&folder.run_unlocked(&["sign", image, "--key", "team.pub"]));
    folder.tell(&folder.run_unlocked(&["sign", image, "--key", "team.key", "-a", "build"]));
    let attest = ["attest", image, "--key", "team.key", "--type", "vuln", "--predicate"];
    folder.write("list.json", "[1]");
    folder.tell(&folder.run_unlocked(&[&attest[..], &["list.json"]].concat()));
    folder.write("twice.json", r#"{"a": 1, "a": 2}"#);
    folder.tell(&folder.run_unlocked(&[&attest[..], &["twice.json"]].concat()));
    folder.tell(&folder.run(&["tree", &registry.name("none:1.0")]));
    assert_snapshot!(folder.told());
}

/// All of it is found before anybody is asked for anything.
#[test]
fn who_cannot_sign_without_a_key_is_told_why() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.write("secret.txt", "open sesame");
    // {"iss":"https://issuer.example","sub":"repo:a/b","exp":1000}
    let claims = "eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoicmVwbzphL2IiLCJleHAiOjEwMDB9";
    folder.write("expired.jwt", format!("e30.{claims}.c2ln"));
    folder.write(
        "config.json",
        r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.1+json"}"#,
    );
    for how in [
        &[][..],
        &["--keyless"],
        &["--keyless", "--key", "team.key"],
        &["--yes"],
        &["-y", "--layout", "tag"],
        &["--identity-token", "secret.txt"],
        &["--identity-token", "nowhere.jwt"],
        &["--identity-token", "expired.jwt"],
        &["--identity-token", "expired.jwt", "--layout", "tag"],
        &["--identity-token", "expired.jwt", "--signing-config", "config.json"],
        &["--identity-token", "expired.jwt", "--trusted-root", "config.json"],
        &["--identity-token", "expired.jwt", "--key", "team.key"],
    ] {
        let ran = folder.run(&[&["sign", image], how].concat()).with_code(2);
        assert!(!ran.stderr.contains("sesame"), "{ran}");
        folder.tell(&ran);
    }
    assert_snapshot!(folder.told());
}
