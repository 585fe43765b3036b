//! The first thing that anybody reads.

use insta::assert_snapshot;

use crate::rig::Folder;

#[test]
fn the_commands_at_a_glance() {
    let folder = Folder::new();
    folder.tell(&folder.run(&["-h"]));
    assert_snapshot!(folder.told());
}

#[test]
fn every_command_has_help() {
    let folder = Folder::new();
    for command in [
        "quickstart",
        "verify",
        "explain",
        "replay",
        "sign",
        "attest",
        "submit",
        "tree",
        "key",
        "key generate",
        "key public",
        "policy",
        "policy check",
        "policy test",
        "serve",
        "serve admission",
        "serve registry",
        "completions",
    ] {
        let mut words: Vec<_> = command.split(' ').collect();
        words.push("--help");
        let ran = folder.run(&words).with_code(0);
        assert!(ran.stdout.contains(&format!("Usage: countersign {command}")), "{ran}");
        // Somebody who looks for a flag reads the whole text.
        assert!(ran.stdout.lines().count() <= 120, "{ran}");
        assert!(ran.stderr.is_empty(), "{ran}");
    }
}

#[test]
fn the_version_is_one_line() {
    let ran = Folder::new().run(&["--version"]).with_code(0);
    assert_eq!(ran.stdout, concat!("countersign ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn no_command_is_misuse() {
    let ran = Folder::new().run(&[]).with_code(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("Usage: countersign"),
        "{ran}"
    );
}

#[test]
fn a_flag_that_does_not_exist_is_misuse() {
    let folder = Folder::new();
    folder.tell(&folder.run(&["verify", "app:1.0", "--kye", "f"]));
    assert_snapshot!(folder.told());
}
