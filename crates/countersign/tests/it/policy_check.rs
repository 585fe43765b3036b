//! `policy check`: the door's own parser, with lints.

use insta::assert_snapshot;

use crate::rig::{Folder, policy};

/// Its point is not on the curve.
const NO_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTs0iDOv8wNNqDOLPPPl2Yj8Ge5W
s1uGxVVQQdMdzkCvQKdXgF8qsUVWJv3RNnCCtjT3S0V1N1Hq1Pq5F6kVQA==
-----END PUBLIC KEY-----";

/// A folder with a policy in it by a key that exists.
fn folder() -> (Folder, String) {
    let folder = Folder::new();
    let pem = folder.key("team").public().to_pem();
    (folder, pem)
}

#[test]
fn good_policies_are_counted() {
    let (folder, pem) = folder();
    folder.write("policies/a.yaml", policy("a", "registry.example", &pem));
    folder.write("policies/below/b.yaml", policy("b", "registry.example", &pem));
    folder.write("policies/README.md", "not a policy");
    folder.tell(&folder.run(&["policy", "check", "policies"]));
    folder.tell(&folder.run(&["policy", "check", "policies", "-o", "json"]));
    assert_snapshot!(folder.told());
}

#[test]
fn what_may_not_be_meant_is_a_lint() {
    let (folder, pem) = folder();
    folder.write(
        "tagged.yaml",
        policy("tagged", "registry.example", &pem).replace("registry.example/**", "registry.example/app:1.0"),
    );
    folder.tell(&folder.run(&["policy", "check", "tagged.yaml"]));
    assert_snapshot!(folder.told());
}

#[test]
fn what_is_not_done_yet_is_an_error_of_the_check() {
    let folder = Folder::new();
    folder.write(
        "kms.yaml",
        "apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: kms
spec:
  images:
  - glob: \"registry.example/**\"
  authorities:
  - key:
      kms: gcpkms://projects/shop/locations/global/keyRings/release/cryptoKeys/app
",
    );
    folder.tell(&folder.run(&["policy", "check", "kms.yaml"]));
    assert_snapshot!(folder.told());
}

#[test]
fn what_is_broken_is_told_with_line_and_column() {
    let (folder, pem) = folder();
    let good = policy("good", "registry.example", &pem);
    folder.write(
        "mixed.yaml",
        format!(
            "{good}---\n{}",
            policy("bad", "registry.example", &pem).replace("glob", "globe")
        ),
    );
    folder.tell(&folder.run(&["policy", "check", "mixed.yaml"]));
    folder.write("key.yaml", policy("key", "registry.example", NO_KEY));
    folder.tell(&folder.run(&["policy", "check", "key.yaml"]));
    folder.write("yaml.yaml", "spec: [\n");
    folder.tell(&folder.run(&["policy", "check", "yaml.yaml"]));
    assert_snapshot!(folder.told());
}

#[test]
fn no_policy_at_all_is_no_success() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.tell(&folder.run(&["policy", "check", "empty"]));
    folder.tell(&folder.run(&["policy", "check", "nowhere"]));
    assert_snapshot!(folder.told());
}

/// What the README and the examples show must be what the door reads.
#[test]
fn the_examples_are_good() {
    let folder = Folder::new();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");
    if std::fs::read_dir(examples).is_ok_and(|mut entries| entries.next().is_some()) {
        folder.run(&["policy", "check", examples]).with_code(0);
    }
}
