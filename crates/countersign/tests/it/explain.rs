//! `explain`: everything that there is to say about one image.

use insta::assert_snapshot;

use crate::rig::{Folder, Registry};

#[test]
fn a_denial_is_explained_with_what_its_code_means() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.key("other");
    folder.policy("signed-by-the-team", &registry, &key);
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder
        .run_unlocked(&["sign", image, "--key", "other.key", "--layout", "tag"])
        .with_code(0);
    folder.tell(&folder.run(&["explain", image, "--policy", "signed-by-the-team.yaml"]));
    assert_snapshot!(folder.told());
}

#[test]
fn an_admission_is_explained_too() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.run_unlocked(&["sign", image, "--key", "team.key"]).with_code(0);
    folder.tell(&folder.run(&["explain", image, "--key", "team.pub"]));
    let document = folder
        .run(&["explain", image, "--key", "team.pub", "-o", "json"])
        .with_code(0)
        .document();
    assert_eq!(document["images"][0]["verdict"], "admit");
    assert_eq!(document["images"][0]["evidence"]["unverified"][0]["kind"], "signature");
    assert_snapshot!(folder.told());
}

#[test]
fn one_thing_is_explained_at_a_time() {
    let folder = Folder::new();
    folder.run(&["explain"]).with_code(2);
    folder
        .run(&["explain", "app:1.0", "--record", "1", "--denials", "."])
        .with_code(2);
    folder.tell(&folder.run(&["explain", "--record", "1"]));
    folder.tell(&folder.run(&["explain", "--record", "none", "--denials", "."]));
    folder
        .run(&["explain", "--record", "../secrets", "--denials", "."])
        .with_code(2);
    assert_snapshot!(folder.told());
}
