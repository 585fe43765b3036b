//! `docs/gate.md`, `docs/gate-reasons.md` and `docs/submission-states.md` are what the code is.
#![expect(
    clippy::disallowed_methods,
    reason = "the pages are files, and the crate that they describe has none"
)]

use std::path::{Path, PathBuf};

use countersign_gate::check::{CODES, markdown};
use countersign_gate::{Bindings, Gate, Gates, RepositoryBinding};
use countersign_image::Repository;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[test]
fn pages_that_are_made_from_the_code_are_what_it_says() {
    for (name, expected) in [
        ("gate-reasons.md", markdown()),
        ("submission-states.md", countersign_gate::submission::markdown()),
    ] {
        if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
            std::fs::write(page(name), &expected).unwrap();
        }
        let found = std::fs::read_to_string(page(name)).unwrap_or_default();
        assert!(
            found == expected,
            "docs/{name} is not what the code says: run `COUNTERSIGN_BLESS=1 cargo test -p countersign-gate`"
        );
    }
}

#[test]
fn codes_are_what_they_are_called() {
    let mut names: Vec<&str> = CODES.iter().map(|(_, name, ..)| *name).collect();
    for (code, name, meaning, remedy) in CODES {
        assert_eq!(code.name(), *name);
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{name}"
        );
        assert!(
            meaning.ends_with('.') && !remedy.ends_with('.') && !remedy.is_empty(),
            "{name}"
        );
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CODES.len());
}

/// Each block of YAML on the page is a document of ours, and they go together.
#[test]
fn the_examples_of_the_page_are_read() {
    let text = std::fs::read_to_string(page("gate.md")).unwrap();
    let examples: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|part| part.split("```").next())
        .collect();
    let (mut gates, mut bindings) = (Vec::new(), Vec::new());
    for example in &examples {
        let wrong = |error: &dyn std::fmt::Display| format!("{example}\n{error}");
        if example.contains("kind: RepositoryBinding") {
            bindings.push(RepositoryBinding::read(example).map_err(|error| wrong(&error)).unwrap());
        } else {
            gates.push(Gate::read(example).map_err(|error| wrong(&error)).unwrap());
        }
    }
    assert!(gates.len() >= 3 && !bindings.is_empty(), "{} examples", examples.len());
    let (gates, bindings) = (Gates::new(gates).unwrap(), Bindings::new(bindings).unwrap());
    let image = Repository::parse("registry.corp/unsigned/payments/api").unwrap();
    for binding in bindings.iter() {
        assert!(binding.may_touch(&image));
        for (environment, name) in &binding.gates {
            let gate = gates.governing(name, environment, &image).unwrap();
            assert!(
                gate.checks.iter().any(|check| check.id == "secrets"),
                "the floor lies under `{name}`"
            );
        }
    }
}
