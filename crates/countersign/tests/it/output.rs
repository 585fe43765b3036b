//! `-o json`, pipes, and what goes where.

use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::rig::{Folder, Registry};

#[test]
fn a_failure_is_one_document_too() {
    let folder = Folder::new();
    folder.tell(&folder.run(&["verify", "app:1.0", "--key", "nowhere.pub", "-o", "json"]));
    assert_snapshot!(folder.told());
}

#[test]
fn so_is_a_command_line_that_cannot_be_understood() {
    let folder = Folder::new();
    folder.tell(&folder.run(&["verify", "-o", "json"]));
    let document = folder.run(&["--output=json", "nonsense"]).with_code(2).document();
    assert_eq!(document["kind"], "Failure");
    assert_eq!(document["exit"], 2);
    assert_snapshot!(folder.told());
}

/// Every command that prints a result, succeeding and failing: exactly one document with its version and kind.
#[test]
fn every_command_prints_one_document() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("policy", &registry, &key);
    folder.write("predicate.json", "{}");
    folder.write("pod.yaml", "{apiVersion: v1, kind: Service, metadata: {name: a}}");
    registry.push("app:1.0");
    let image = &registry.name("app:1.0");
    let runs: [(&[&str], &str, i32); 18] = [
        (&["sign", image, image, "--key", "team.key"], "Signing", 0),
        (
            &[
                "attest",
                image,
                "--key",
                "team.key",
                "--type",
                "vuln",
                "--predicate",
                "predicate.json",
            ],
            "Attestation",
            0,
        ),
        (&["tree", image], "Tree", 0),
        (
            &["verify", image, "--key", "team.pub", "--save", "saved"],
            "Verification",
            0,
        ),
        (
            &["verify", image, &registry.name("none:1"), "--key", "team.pub"],
            "Verification",
            1,
        ),
        (&["verify", image], "Failure", 2),
        (&["explain", image, "--policy", "policy.yaml"], "Explanation", 0),
        (
            &["explain", "127.0.0.1:1/app:1", "--policy", "policy.yaml"],
            "Explanation",
            3,
        ),
        (&["replay", "saved", "--key", "team.pub"], "Replay", 0),
        (&["replay", "nothing", "--key", "team.pub"], "Failure", 2),
        (&["key", "generate", "new"], "KeyPair", 0),
        (&["key", "generate", "new"], "Failure", 1),
        (&["key", "public", "--key", "team.key"], "PublicKey", 0),
        (&["policy", "check", "policy.yaml"], "PolicyCheck", 0),
        (
            &[
                "policy",
                "test",
                "--policy",
                "policy.yaml",
                "--image",
                image,
                "--resource",
                "pod.yaml",
            ],
            "PolicyTest",
            0,
        ),
        (&["sign", &registry.name("none:1"), "--key", "team.key"], "Failure", 1),
        (&["completions", "fish"], "Completions", 0),
        (&["quickstart"], "Quickstart", 0),
    ];
    for (arguments, kind, code) in runs {
        let ran = folder
            .run_unlocked(&[arguments, &["-o", "json"]].concat())
            .with_code(code);
        let document = ran.document();
        assert_eq!(document["kind"], kind, "{ran}");
        assert_eq!(document["apiVersion"], "countersign.dev/v1alpha1", "{ran}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let mut command = folder.command(&["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_is_read_from_the_terminal() {
    let folder = Folder::new();
    folder.key("team");
    let mut command: Command = folder.command(&["key", "public", "--key", "team.key"]);
    command.stdin(Stdio::null());
    folder.ran(command).with_code(2);
}
