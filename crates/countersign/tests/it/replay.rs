//! `verify --save` and `replay`: the same verdict, with no network and at another time.

use insta::assert_snapshot;

use crate::rig::{Folder, Registry};

/// Saves what is gathered of a signed image, and stops the registry.
fn saved() -> Folder {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.key("other");
    folder.policy("signed-by-the-team", &registry, &key);
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.run_unlocked(&["sign", image, "--key", "team.key"]).with_code(0);
    let ran = folder
        .run(&["verify", image, "--key", "team.pub", "--save", "saved"])
        .with_code(0);
    assert_eq!(
        ran.stderr,
        "saved; to judge it again: countersign replay saved --policy FILE\n"
    );
    drop(registry);
    folder
}

#[test]
fn a_verdict_is_the_same_without_the_registry_and_at_any_time() {
    let folder = saved();
    folder.tell(&folder.run(&["replay", "saved", "--policy", "signed-by-the-team.yaml"]));
    for time in ["1999-12-31T23:59:59Z", "2126-01-01T00:00:00Z"] {
        folder
            .run(&["replay", "saved", "--key", "team.pub", "--at", time])
            .with_code(0);
        folder
            .run(&["replay", "saved", "--key", "other.pub", "--at", time])
            .with_code(1);
    }
    assert_snapshot!(folder.told());
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let folder = saved();
    folder.tell(&folder.run(&["replay", "nowhere", "--key", "team.pub"]));
    folder.tell(&folder.run(&["replay", "saved"]));
    folder.tell(&folder.run(&["replay", "saved", "--key", "team.pub", "--at", "yesterday"]));
    folder.write("saved/evidence.json", "{}");
    folder.tell(&folder.run(&["replay", "saved", "--key", "team.pub"]));
    assert_snapshot!(folder.told());
}

#[test]
fn evidence_that_was_changed_is_no_evidence() {
    let folder = saved();
    for entry in std::fs::read_dir(folder.path("saved/blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.push(b' ');
        std::fs::write(path, bytes).unwrap();
    }
    let ran = folder.run(&["replay", "saved", "--key", "team.pub"]).with_code(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("expected content with digest"),
        "{ran}"
    );
}

#[test]
fn evidence_is_saved_where_nothing_is_yet() {
    let folder = saved();
    folder.tell(&folder.run(&["verify", "127.0.0.1:1/app:1.0", "--key", "team.pub", "--save", "saved"]));
    folder.tell(&folder.run(&["verify", "a:1", "b:1", "--key", "team.pub", "--save", "new"]));
    // Where nothing could be gathered there is nothing to save, and the verdict is what it is.
    let ran = folder
        .run(&["verify", "127.0.0.1:1/app:1.0", "--key", "team.pub", "--save", "new"])
        .with_code(3);
    assert_eq!(ran.stderr, "nothing was gathered, so nothing is saved\n");
    assert!(!folder.path("new").exists());
    assert_snapshot!(folder.told());
}
