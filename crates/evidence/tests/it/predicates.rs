//! What other people attest, read as its type says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Predicate, Statement};
use serde_json::Value;

use super::corpus;

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in corpus::list(directory) {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The statement in an envelope, in a bundle or by itself.
fn statement(path: &Path) -> Option<Statement> {
    let bytes = corpus::read(path);
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let envelope = value.get("dsseEnvelope").unwrap_or(&value);
    let bytes = match envelope.get("payload") {
        Some(payload) => STANDARD.decode(payload.as_str()?).ok()?,
        None => bytes,
    };
    Statement::parse(&bytes).ok()
}

fn kind(predicate: &Predicate) -> &'static str {
    match predicate {
        Predicate::Provenance(_) => "provenance",
        Predicate::Vulnerabilities(_) => "vulnerabilities",
        Predicate::Other => "other",
        _ => "another",
    }
}

#[test]
fn what_others_attest_is_what_its_type_says() {
    let Some(root) = corpus::root() else { return };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for folder in [
        "bundles",
        "slsa-verifier",
        "grype-attest",
        "sigstore-conformance",
        "scanners",
    ] {
        for path in files(&root.join(folder)) {
            let Some(statement) = statement(&path) else { continue };
            let predicate = match statement.typed() {
                Ok(predicate) => predicate,
                Err(error) => {
                    // The suite's own statements are of a type whose fields they leave out.
                    assert!(
                        error.to_string().contains("externalParameters"),
                        "{}: {error}",
                        path.display()
                    );
                    *counts.entry("malformed").or_default() += 1;
                    continue;
                }
            };
            *counts.entry(kind(&predicate)).or_default() += 1;
            if let Predicate::Provenance(provenance) = &predicate {
                let repository = provenance.source.as_ref().map(|source| source.repository.as_str());
                let known = repository.is_some_and(|address| address.starts_with("https://github.com/"));
                assert!(known, "{}: {provenance:?}", path.display());
            }
        }
    }
    let expected = [
        ("malformed", 4),
        ("other", 8),
        ("provenance", 19),
        ("vulnerabilities", 1),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn lists_of_contents_are_read_out_of_other_people_s_tools() {
    let Some(root) = corpus::root() else { return };
    for (file, predicate_type, packages) in [
        ("cyclonedx__log4j.json", "https://cyclonedx.org/bom", Some(1)),
        ("cyclonedx__invalid-cyclonedx.json", "https://cyclonedx.org/bom", None),
        ("spdx__small-spdx.json", "https://spdx.dev/Document", Some(3)),
        ("spdx__invalid-spdx.json", "https://spdx.dev/Document", None),
    ] {
        let predicate = corpus::text(&root.join("scanners").join(file));
        let statement = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{}}],"predicateType":"{predicate_type}","predicate":{predicate}}}"#
        );
        let statement = Statement::parse(statement.as_bytes());
        let found = statement.ok().and_then(|statement| match statement.typed() {
            Ok(Predicate::Sbom(sbom)) => Some(sbom.packages.len()),
            _ => None,
        });
        assert_eq!(found, packages, "{file}");
    }
}
