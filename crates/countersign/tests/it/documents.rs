//! What the documents show is what the binary does.

use std::path::PathBuf;

use crate::ledger::copy;
use crate::rig::{Certificate, Folder, Registry, Serving};

/// The page whose examples are run, and whose outputs are compared. `COUNTERSIGN_BLESS=1` writes them.
#[test]
fn the_page_of_commands_shows_what_they_print() {
    let path = document("docs/commands.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let desk = Folder::new();
    let registry = furnish(&desk);
    let shown = played(&page, &desk, &registry);
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::write(&path, shown).unwrap();
    } else {
        // The whole page at once, so that a difference is seen where it stands.
        assert!(
            page == shown,
            "docs/commands.md is out of date; `COUNTERSIGN_BLESS=1 cargo test -p countersign` writes:\n{shown}"
        );
    }
}

/// What the page says that there is.
fn furnish(desk: &Folder) -> Registry<'_> {
    let registry = Registry::new(desk);
    let key = desk.key("release");
    desk.policy("policy", &registry, &key);
    desk.write(
        "policy.yaml",
        desk.read("policy.yaml")
            .replace("name: policy", "name: signed-by-release"),
    );
    desk.write("scan.json", r#"{"scanner": {"result": []}}"#);
    registry.push("app:1.0");
    registry.push("other:1.0");
    copy(desk, "mirror", 600, "jti_replayed");
    copy(desk, "earlier", 300, "jti_replayed");
    desk.write("kept.checkpoint", desk.read("earlier/checkpoint"));
    let deployment = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - {{name: app, image: \"{0}/app:1.0\"}}
      - {{name: sidecar, image: \"{0}/other:1.0\"}}
",
        registry.address()
    );
    desk.write("web.yaml", deployment);
    Certificate::write(desk, 30);
    registry
}

/// The page with every example's output as it is now.
fn played(page: &str, desk: &Folder, registry: &Registry<'_>) -> String {
    let mut shown = String::new();
    let mut digests = Vec::new();
    let mut in_example = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_example = line == "```console";
        } else if in_example {
            if let Some(command) = line.strip_prefix("$ ") {
                let output = printed(&command.replace(PAGE_REGISTRY, registry.address()), desk);
                shown.push_str(&format!("$ {command}\n{}", lettered(&output, &mut digests)));
            }
            continue;
        }
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// The registry's address, as the page has it.
const PAGE_REGISTRY: &str = "registry.example";

fn printed(command: &str, desk: &Folder) -> String {
    let mut words = command.split(' ');
    assert_eq!(
        words.next(),
        Some("countersign"),
        "only our own commands are run here: {command}"
    );
    let words: Vec<_> = words.collect();
    if words.first() == Some(&"serve") {
        return logged(&words, desk);
    }
    let ran = desk.run_unlocked(&words).to_string().replace("REGISTRY", PAGE_REGISTRY);
    // The first line is the command, which the page has.
    ran.lines()
        .skip(1)
        .map(|line| format!("{}\n", line.strip_prefix("2> ").unwrap_or(line)))
        .collect()
}

/// The first lines of a log, from a port that is free here.
fn logged(words: &[&str], desk: &Folder) -> String {
    let free: Vec<_> = words
        .iter()
        .map(|word| {
            if word.contains("127.0.0.1:") {
                "127.0.0.1:0"
            } else {
                word
            }
        })
        .collect();
    let last = if words.contains(&"admission") {
        "policies are in force"
    } else {
        "the registry listens"
    };
    let mut serving = Serving::start(desk, "page", desk.command(&free));
    serving.until(|serving| serving.log().iter().any(|line| line["message"] == last).then_some(()));
    let (ran, _) = serving.stop("-TERM");
    let log = ran.with_code(0).to_string();
    let address = words.iter().find(|word| word.contains("127.0.0.1:")).unwrap();
    log.lines()
        .skip(1)
        .map(|line| {
            format!(
                "{}\n",
                line.trim_start_matches("2> ").replace("127.0.0.1:PORT", address)
            )
        })
        .collect()
}

/// Digests are shortened to letters, each to its own.
fn lettered(text: &str, known: &mut Vec<String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("sha256") {
        let (before, digest) = rest.split_at(at);
        result.push_str(before);
        match digest
            .get(7..)
            .and_then(|name| name.strip_prefix('<'))
            .and_then(|name| name.split_once('>'))
        {
            Some((name, after)) => {
                let number = known.iter().position(|known| known == name).unwrap_or_else(|| {
                    known.push(name.to_owned());
                    known.len() - 1
                });
                let letter = char::from(b'a' + u8::try_from(number).unwrap());
                result.push_str(&format!("{}{letter}{letter}{letter}{letter}…", &digest[..7]));
                rest = after;
            }
            None => {
                result.push_str(&digest[..6]);
                rest = &digest[6..];
            }
        }
    }
    result + rest
}

/// A page that shows a flag or a command that does not exist helps nobody.
#[test]
fn every_command_in_the_documents_is_one() {
    for name in [
        "README.md",
        "docs/install.md",
        "docs/policies.md",
        "docs/configuration.md",
        "docs/differences.md",
    ] {
        for command in commands(&std::fs::read_to_string(document(name)).unwrap()) {
            let folder = Folder::new();
            let words: Vec<_> = command.split_whitespace().skip(1).collect();
            let ran = folder.run(&words);
            for complaint in [
                "unexpected argument",
                "unrecognized subcommand",
                "required arguments were not provided",
            ] {
                assert!(!ran.stderr.contains(complaint), "{name}: {ran}");
            }
        }
    }
}

/// Our commands on a page, without comments and prompts, and in one line.
fn commands(page: &str) -> Vec<String> {
    let page = page
        .replace("\\\n", " ")
        .replace("cargo run --release -- ", "countersign ");
    let lines = page.lines().filter_map(|line| line.trim_start().strip_prefix("$ "));
    lines
        .filter(|line| line.starts_with("countersign "))
        .map(|line| line.split(" #").next().unwrap().to_owned())
        .collect()
}

/// Everything in the page's example is understood; what fails afterwards is that its files are not on this machine.
#[test]
fn the_configuration_that_is_shown_can_be_read() {
    let page = std::fs::read_to_string(document("docs/configuration.md")).unwrap();
    let example = page
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let folder = Folder::new();
    folder.write("countersign.yaml", example);
    let ran = folder
        .run(&["serve", "admission", "--config", "countersign.yaml"])
        .with_code(2);
    assert!(
        ran.stderr
            .contains("`/etc/countersign/registry-ca.pem` could not be read"),
        "{ran}"
    );
}

/// The policy in the README is one, once its key is.
#[test]
fn the_first_policy_is_one() {
    let page = std::fs::read_to_string(document("README.md")).unwrap();
    let example = page
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let folder = Folder::new();
    let pem = folder.key("release").public().to_pem();
    let body: Vec<_> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(example.contains("        …\n"), "{example}");
    folder.write(
        "policy.yaml",
        example.replace("        …\n", &format!("        {}\n", body.join("\n        "))),
    );
    let checked = folder.run(&["policy", "check", "policy.yaml"]).with_code(0);
    assert_eq!(checked.stdout, "1 policy, 0 errors\n");
}

/// The webhooks are registered as the documents say, in YAML that `kubectl` reads.
#[test]
fn the_documents_name_files_that_are_there() {
    for name in [
        "README.md",
        "docs/install.md",
        "docs/commands.md",
        "docs/configuration.md",
        "docs/signing.md",
    ] {
        let text = std::fs::read_to_string(document(name)).unwrap();
        let folder = document(name).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(
                    folder.join(target).exists(),
                    "{name} points to `{target}`, which is not there"
                );
            }
        }
    }
}

fn document(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name)
}
