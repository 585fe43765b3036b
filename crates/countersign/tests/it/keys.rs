//! `key generate` and `key public`.

use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use crate::rig::Folder;

#[test]
fn a_key_pair_is_made_once_and_never_overwritten() {
    let folder = Folder::new();
    let made = folder.run_unlocked(&["key", "generate", "release"]).with_code(0);
    assert!(
        made.stdout
            .starts_with("private key  release.key\npublic key   release.pub\nfingerprint  sha256:"),
        "{made}"
    );
    let mode = |name: &str| std::fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("release.key"), 0o600);
    let (private, public) = (folder.read("release.key"), folder.read("release.pub"));
    assert!(private.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));

    folder.tell(&folder.run_unlocked(&["key", "generate", "release"]));
    // Either half is reason enough.
    std::fs::remove_file(folder.path("release.key")).unwrap();
    folder.tell(&folder.run_unlocked(&["key", "generate", "release"]));
    std::os::unix::fs::symlink("nowhere", folder.path("release.key")).unwrap();
    folder.run_unlocked(&["key", "generate", "release"]).with_code(1);
    assert_eq!(folder.read("release.pub"), public);
    assert_snapshot!(folder.told());
}

#[test]
fn every_kind_is_made_and_shown_again() {
    let folder = Folder::new();
    for kind in ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa3072"] {
        folder
            .run_unlocked(&["key", "generate", kind, "--kind", kind])
            .with_code(0);
        let shown = folder
            .run_unlocked(&["key", "public", "--key", &format!("{kind}.key")])
            .with_code(0);
        assert_eq!(shown.stdout, folder.read(&format!("{kind}.pub")), "{kind}");
    }
}

#[test]
fn the_password_comes_from_a_file_or_the_environment() {
    let folder = Folder::new();
    folder.write("password", "correct horse\n");
    folder.tell(&folder.run(&["key", "generate"]));
    folder
        .run(&["key", "generate", "--password-file", "password"])
        .with_code(0);

    folder
        .run(&[
            "key",
            "public",
            "--key",
            "countersign.key",
            "--password-file",
            "password",
        ])
        .with_code(0);
    for variable in ["COUNTERSIGN_PASSWORD", "COSIGN_PASSWORD"] {
        let mut command = folder.command(&["key", "public", "--key", "countersign.key"]);
        command.env(variable, "correct horse");
        folder.ran(command).with_code(0);
    }
    folder.tell(&folder.run(&["key", "public", "--key", "countersign.key"]));
    folder.tell(&folder.run_unlocked(&["key", "public", "--key", "countersign.key"]));
    assert_snapshot!(folder.told());
}

#[test]
fn what_is_no_private_key_is_said_to_be_what_it_is() {
    let folder = Folder::new();
    folder.key("team");
    folder.write("notes.txt", "buy milk\n");
    folder.tell(&folder.run(&["key", "public", "--key", "team.pub"]));
    folder.tell(&folder.run(&["key", "public", "--key", "notes.txt"]));
    folder.tell(&folder.run(&["key", "public", "--key", "nowhere.key"]));
    assert_snapshot!(folder.told());
}

#[test]
fn a_key_that_cannot_be_written_is_misuse() {
    let folder = Folder::new();
    folder.tell(&folder.run_unlocked(&["key", "generate", "no/such/folder/release"]));
    assert_snapshot!(folder.told());
}

#[test]
fn a_key_comes_out_of_the_environment_as_out_of_a_file() {
    let folder = Folder::new();
    folder.key("team");
    let shown = |name: &str, value: String| {
        let mut command = folder.command(&["key", "public", "--key", &format!("env://{name}")]);
        command.env(name, value).env("COUNTERSIGN_PASSWORD", "");
        folder.ran(command)
    };
    let whole = shown("TEAM_KEY", folder.read("team.key")).with_code(0);
    assert_eq!(whole.stdout, folder.read("team.pub"));
    folder.tell(&shown("TEAM_KEY", "buy milk".to_owned()));
    folder.tell(&folder.run(&["key", "public", "--key", "env://NOWHERE"]));
    assert_snapshot!(folder.told());
}

#[test]
fn a_name_that_leads_nowhere_is_told_what_would() {
    let folder = Folder::new();
    for key in [
        "awskms:///alias/release",
        "k8s://ns/release",
        "openbao://a/b",
        "env://A=B",
    ] {
        folder.tell(&folder.run(&["key", "public", "--key", key]));
    }
    assert_snapshot!(folder.told());
}

#[test]
fn a_vault_that_cannot_be_asked_is_told_from_one_that_does_not_answer() {
    let folder = Folder::new();
    let ask = |variables: &[(&str, &str)]| {
        let mut command = folder.command(&["key", "public", "--key", "openbao://release"]);
        command.envs(variables.iter().copied());
        folder.ran(command)
    };
    folder.tell(&ask(&[]));
    folder.tell(&ask(&[("BAO_ADDR", "http://bao.example:8200"), ("BAO_TOKEN", "s.a")]));
    folder.tell(&ask(&[
        ("BAO_ADDR", "https://bao.example"),
        ("COUNTERSIGN_VAULT_LOGIN", "ldap"),
    ]));
    folder.tell(&ask(&[("BAO_ADDR", "http://127.0.0.1:1")]));
    folder.tell(&ask(&[("BAO_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "s.a")]));
    assert_snapshot!(folder.told());
}
