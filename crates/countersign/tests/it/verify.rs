//! `verify`: what the door would say, and the exit codes that scripts rely on.

use insta::assert_snapshot;

use crate::rig::{Folder, Registry};

#[test]
fn a_signed_image_is_admitted_by_key_and_by_policy() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("signed-by-the-team", &registry, &key);
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.run_unlocked(&["sign", image, "--key", "team.key"]).with_code(0);
    folder.tell(&folder.run(&["verify", image, "--key", "team.pub"]));
    folder.tell(&folder.run(&["verify", image, "--policy", "signed-by-the-team.yaml"]));
    // Of several keys, any.
    folder.key("other");
    folder
        .run(&["verify", image, "--key", "other.pub", "--key", "team.pub"])
        .with_code(0);
    assert_snapshot!(folder.told());
}

#[test]
fn an_unsigned_image_is_denied() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("signed-by-the-team", &registry, &key);
    registry.push("app:1.0");
    folder.tell(&folder.run(&[
        "verify",
        &registry.name("app:1.0"),
        "--policy",
        "signed-by-the-team.yaml",
    ]));
    assert_snapshot!(folder.told());
}

#[test]
fn an_image_signed_by_another_key_is_denied() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    folder.key("other");
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.run_unlocked(&["sign", image, "--key", "other.key"]).with_code(0);
    folder.tell(&folder.run(&["verify", image, "--key", "team.pub"]));
    assert_snapshot!(folder.told());
}

#[test]
fn an_attestation_of_a_type_can_be_demanded() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    folder.write("scan.json", r#"{"scanner": {"result": "nothing"}}"#);
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.tell(&folder.run(&["verify", image, "--key", "team.pub", "--type", "vuln"]));
    let attest = [
        "attest",
        image,
        "--key",
        "team.key",
        "--type",
        "vuln",
        "--predicate",
        "scan.json",
    ];
    folder.run_unlocked(&attest).with_code(0);
    folder.tell(&folder.run(&["verify", image, "--key", "team.pub", "--type", "vuln"]));
    // Of several types, all; and an attestation is no signature.
    folder
        .run(&[
            "verify", image, "--key", "team.pub", "--type", "vuln", "--type", "spdxjson",
        ])
        .with_code(1);
    folder.run(&["verify", image, "--key", "team.pub"]).with_code(1);
    assert_snapshot!(folder.told());
}

#[test]
fn a_registry_that_is_not_there_leaves_the_image_undecided() {
    let folder = Folder::new();
    folder.key("team");
    folder.tell(&folder.run(&["verify", "127.0.0.1:1/app:1.0", "--key", "team.pub"]));
    assert_snapshot!(folder.told());
}

#[test]
fn a_tag_that_is_not_there_is_denied() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    folder.tell(&folder.run(&["verify", &registry.name("app:1.0"), "--key", "team.pub"]));
    assert_snapshot!(folder.told());
}

/// As the door does: the name is part of what is judged.
#[test]
fn a_name_that_is_none_is_denied() {
    let folder = Folder::new();
    folder.key("team");
    folder.tell(&folder.run(&["verify", "registry.example/App", "--key", "team.pub"]));
    assert_snapshot!(folder.told());
}

#[test]
fn of_several_images_a_denial_outranks_an_undecided_one() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    folder.key("team");
    registry.push("app:1.0");
    registry.push("other:1.0");
    let (signed, unsigned) = (registry.name("app:1.0"), registry.name("other:1.0"));
    let (signed, unsigned, gone) = (signed.as_str(), unsigned.as_str(), "127.0.0.1:1/app:1.0");
    folder.run_unlocked(&["sign", signed, "--key", "team.key"]).with_code(0);
    let rows: [(&[&str], i32); 4] = [
        (&[signed, signed], 0),
        (&[gone, signed], 3),
        (&[gone, unsigned, signed], 1),
        (&[unsigned, gone], 1),
    ];
    for (images, code) in rows {
        let ran = folder
            .run(&[&["verify"], images, &["--key", "team.pub"]].concat())
            .with_code(code);
        // In the order in which they were named.
        let headings: Vec<_> = ran.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(headings.len(), images.len(), "{ran}");
        assert!(
            headings
                .iter()
                .zip(images)
                .all(|(heading, image)| heading.starts_with(image)),
            "{ran}"
        );
    }
}

#[test]
fn a_policy_that_only_warns_keeps_nothing_out() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("soft", &registry, &key);
    folder.write(
        "soft.yaml",
        folder.read("soft.yaml").replace("spec:\n", "spec:\n  mode: warn\n"),
    );
    registry.push("app:1.0");
    let ran = folder
        .run(&["verify", &registry.name("app:1.0"), "--policy", "soft.yaml"])
        .with_code(0);
    assert!(ran.stdout.contains("  warned     by policy soft"), "{ran}");
}

#[test]
fn an_image_that_no_policy_governs_is_denied_unless_somebody_says_otherwise() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("elsewhere", &registry, &key);
    folder.write(
        "elsewhere.yaml",
        folder
            .read("elsewhere.yaml")
            .replace(registry.address(), "registry.example"),
    );
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    folder.tell(&folder.run(&["verify", image, "--policy", "elsewhere.yaml"]));
    folder
        .run(&["verify", image, "--policy", "elsewhere.yaml", "--no-match", "warn"])
        .with_code(0);
    folder
        .run(&["verify", image, "--policy", "elsewhere.yaml", "--no-match", "allow"])
        .with_code(0);
    assert_snapshot!(folder.told());
}

#[test]
fn a_policy_that_cannot_be_read_is_misuse_with_line_and_column() {
    let folder = Folder::new();
    folder.write(
        "policy.yaml",
        "apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: odd
spec:
  images:
  - glob: \"**\"
    tag: latest
  authorities:
  - static: {action: pass}
",
    );
    folder.tell(&folder.run(&["verify", "app:1.0", "--policy", "policy.yaml"]));
    folder.write("policy.yaml", "spec: [\n");
    folder.tell(&folder.run(&["verify", "app:1.0", "--policy", "policy.yaml"]));
    assert_snapshot!(folder.told());
}

#[test]
fn files_that_are_not_there_or_not_what_they_should_be_are_misuse() {
    let folder = Folder::new();
    folder.key("team");
    folder.write("notes.txt", "buy milk\n");
    folder.tell(&folder.run(&["verify", "app:1.0", "--policy", "nowhere.yaml"]));
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "nowhere.pub"]));
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "notes.txt"]));
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "team.key"]));
    folder.tell(&folder.run(&["verify", "app:1.0"]));
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "team.pub", "--registry-ca", "team.pub"]));
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "team.pub", "--docker-config", "notes.txt"]));
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "team.pub", "--timeout", "10"]));
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "team.pub", "--mirror", "docker.io"]));
    assert_snapshot!(folder.told());
}
