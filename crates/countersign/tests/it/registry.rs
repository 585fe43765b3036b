//! `serve registry`.

use std::time::Duration;

use insta::assert_snapshot;

use crate::rig::{Folder, Registry};

#[test]
fn in_memory_it_forgets_and_on_disk_it_does_not() {
    let folder = Folder::new();
    folder.key("team");
    for (arguments, code) in [(&[][..], 1), (&["--storage", "images"][..], 0)] {
        let registry = Registry::with(&folder, arguments);
        registry.push("app:1.0");
        folder
            .run_unlocked(&["sign", &registry.name("app:1.0"), "--key", "team.key"])
            .with_code(0);
        let (ran, took) = registry.serving.stop("-TERM");
        let ran = ran.with_code(0);
        assert!(ran.stdout.is_empty(), "{ran}");
        assert!(took < Duration::from_secs(10), "it took {took:?} to stop");

        let registry = Registry::with(&folder, arguments);
        folder
            .run(&["verify", &registry.name("app:1.0"), "--key", "team.pub"])
            .with_code(code);
    }
}

#[test]
fn its_configuration_is_read_and_flags_outrank_it() {
    let folder = Folder::new();
    folder.write(
        "countersign.yaml",
        "apiVersion: countersign.dev/v1alpha1
kind: Configuration
registry:
  listen: 127.0.0.1:1
  storage: images
",
    );
    let registry = Registry::with(&folder, &["--config", "countersign.yaml"]);
    registry.push("app:1.0");
    assert!(folder.path("images").is_dir());
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.tell(&folder.run(&["serve", "registry", "--listen", registry.address()]));
    folder.write("photos/holiday.jpg", "");
    folder.tell(&folder.run(&["serve", "registry", "--listen", "127.0.0.1:0", "--storage", "photos"]));
    let mut command = folder.command(&["serve", "registry", "--listen", "127.0.0.1:0"]);
    command.env("COUNTERSIGN_LOG", "info,countersign=loud");
    folder.tell(&folder.ran(command));
    assert_snapshot!(folder.told());
}
