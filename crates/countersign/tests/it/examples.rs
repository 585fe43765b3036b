//! The examples are what they claim to be: pipelines whose commands go through, a configuration and gates that the service reads.

use std::path::{Path, PathBuf};

use countersign_evidence::KeyKind;
use countersign_gate::{Proof, RepositoryRef};
use countersign_image::{Digest, Repository};
use countersign_keys::{PrivateKey, SigningKey};
use countersign_submissions::catalog::Catalog;
use countersign_submissions::keyring::{Keyring, NamedKey, Role};
use countersign_wire::{NewSubmission, State};
use serde_json::Value;

use crate::rig::{Folder, Scripted, token};

fn examples(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples")).join(name)
}

const PIPELINES: [&str; 4] = ["github-actions.yaml", "gitlab-ci.yml", "tekton.yaml", "Jenkinsfile"];

/// Every text that a pipeline has: of YAML the values, so that what is folded there is folded here.
fn texts(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(examples("pipelines").join(name)).unwrap();
    if name == "Jenkinsfile" {
        let pod = text.split("yaml '''").nth(1).unwrap().split("'''").next().unwrap();
        let _: Value = serde_saphyr::from_str(pod).unwrap();
        return vec![text];
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut texts = Vec::new();
    let mut left: Vec<&Value> = documents.iter().collect();
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => texts.push(text.clone()),
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.values()),
            _ => {}
        }
    }
    texts
}

/// The arguments of our command in a pipeline, with variables of the shell as they could be.
fn words(name: &str) -> Vec<String> {
    let image = format!("registry.example/unsigned/shop@{}", Digest::sha256(b"shop"));
    let texts = texts(name).into_iter().map(|text| text.replace("\\\n", " "));
    let commands: Vec<String> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| Some(line.trim().strip_prefix("countersign ")?.to_owned()))
        .collect();
    assert_eq!(commands.len(), 1, "{name} submits once: {commands:?}");
    let meant = |word: &str| match word.trim_matches('"') {
        "$IMAGE@$DIGEST" | "$IMAGE" => image.clone(),
        word if word.starts_with('$') => "0a1b2c3d".to_owned(),
        word => word.to_owned(),
    };
    commands[0].split_whitespace().map(meant).collect()
}

#[test]
fn the_command_of_each_pipeline_goes_through() {
    let listed = std::fs::read_dir(examples("pipelines")).unwrap().count();
    assert_eq!(listed, PIPELINES.len(), "a pipeline is not looked at");
    for name in PIPELINES {
        let folder = Folder::new();
        let words = words(name);
        for pair in words.windows(2).filter(|pair| pair[0] == "--report") {
            folder.write(&pair[1], "{}");
        }
        let service = Scripted::new(
            &folder,
            &[],
            vec![Box::new(|submission| submission.state = State::Published)],
        );
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = folder.command(&words);
        command.env("COUNTERSIGN_SERVER", service.url());
        command.env("COUNTERSIGN_ID_TOKEN", token("a"));
        folder.ran(command).with_code(0);
        // Source, secrets, components and vulnerabilities.
        assert_eq!(service.slots().len(), 4, "{name}");
        let asked: NewSubmission = serde_json::from_slice(&service.seen("create")[0].body).unwrap();
        assert!(asked.promote.tag.is_some(), "{name}");
        assert_eq!(
            asked.source.is_some(),
            ["tekton.yaml", "Jenkinsfile"].contains(&name),
            "{name}"
        );
    }
}

/// What is handed in was written by a step before, and the token is for the service that is asked.
#[test]
fn pipelines_hand_in_what_they_made_to_whom_their_token_is_for() {
    for name in PIPELINES {
        let text = std::fs::read_to_string(examples("pipelines").join(name)).unwrap();
        let before = text.split("countersign submit \"").next().unwrap();
        let words = words(name);
        for pair in words.windows(2).filter(|pair| pair[0] == "--report") {
            assert!(before.contains(&pair[1]), "{name}: nobody writes {}", pair[1]);
        }
        let server = "https://sign.example.com";
        assert!(text.contains(server), "{name}");
        let audiences = text
            .lines()
            .filter(|line| line.contains("aud: ") || line.contains("audience: "));
        let mut audiences = audiences.peekable();
        assert_eq!(
            audiences.peek().is_none(),
            name == "github-actions.yaml",
            "GitHub's is asked for at the service's name"
        );
        assert!(audiences.all(|line| line.contains(server)), "{name}");
        // What an expression puts into a shell is not quoted: whoever names a branch would write the script.
        assert!(
            !text
                .split("run: |")
                .skip(1)
                .any(|script| script.contains("${{ github.ref")),
            "{name}"
        );
    }
}

/// Everything in it is understood; what fails afterwards is that there is no vault here.
#[test]
fn the_configuration_of_the_service_can_be_read() {
    let folder = Folder::new();
    let config = examples("signing/countersign.yaml").display().to_string();
    let ran = folder.run(&["serve", "signing", "--config", &config]).with_code(2);
    assert!(
        ran.stderr.contains("`openbao://release-prod` cannot be reached"),
        "{ran}"
    );
}

#[test]
fn the_gates_and_bindings_go_together_with_the_configuration() {
    let config: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(examples("signing/countersign.yaml")).unwrap()).unwrap();
    let names = |role: &str| -> Vec<String> {
        config["signing"]["keys"][role]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let key = |role, name: String, kind| NamedKey {
        role,
        name,
        key: SigningKey::Held(PrivateKey::generate(kind).unwrap()),
    };
    let mut keys = vec![key(Role::Log, "log".to_owned(), KeyKind::Ed25519)];
    keys.extend(
        names("release")
            .into_iter()
            .map(|name| key(Role::Release, name, KeyKind::EcdsaP256)),
    );
    keys.extend(
        names("attest")
            .into_iter()
            .map(|name| key(Role::Attest, name, KeyKind::EcdsaP256)),
    );
    let keyring = Keyring::new(keys, "sign.example.com/log/2027").unwrap();
    let catalog = Catalog::read(&examples("signing/gates"), &keyring).unwrap();

    let registry = config["signing"]["registries"][0].as_str().unwrap();
    let shop = Repository::parse(&format!("{registry}/unsigned/shop")).unwrap();
    let issuers = config["signing"]["issuers"].as_array().unwrap();
    for (issuer, repository_id, owner_id) in [
        ("github-corp", "456789", Some("123456")),
        ("builds", "ci-shop/builder", None),
    ] {
        assert!(issuers.iter().any(|known| known["name"] == issuer), "{issuer}");
        let source = RepositoryRef {
            issuer,
            repository_id,
            owner_id,
        };
        let binding = catalog.bindings.of(&source).unwrap();
        assert!(binding.may_touch(&shop));
        let gate = catalog
            .gates
            .governing(binding.gate("prod").unwrap(), "prod", &shop)
            .unwrap();
        let checks: Vec<&str> = gate.checks.iter().map(|check| check.id.as_str()).collect();
        assert!(checks.contains(&"non-root"), "the floor lies under it: {checks:?}");
        // The service gives neither (docs/signing.md): an image could not pass.
        for check in &gate.checks {
            assert!(check.fail.kev.is_none() && check.min_proof < Proof::E3, "{}", check.id);
        }
        let to = &gate.publish.as_ref().unwrap().to;
        assert!(format!("{to:?}").contains(registry), "it goes where the service writes");
    }
}
