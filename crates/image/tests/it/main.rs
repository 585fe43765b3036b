//! Other people's manifests and indexes, read in place from the corpus, which is not part of the repository. Where it is
//! not there, one line says how much did not run.
#![expect(clippy::unwrap_used, reason = "a suite stops at the first surprise")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use countersign_image::{Blob, Digest, Document};
use serde_json::Value;

/// How many documents there are.
const CASES: usize = 21;

#[expect(clippy::disallowed_methods, reason = "a test may be told where the corpus is")]
fn root() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = PathBuf::from(std::env::var("COUNTERSIGN_CORPUS").unwrap_or_else(|_| beside.to_owned()));
    if root.is_dir() {
        return Some(root);
    }
    // Not `eprintln!`: what a test that passes prints is swallowed.
    let _ = writeln!(std::io::stderr(), "corpus not found: {CASES} cases did not run");
    None
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every document of the corpus that says of itself that it is a manifest or an index, with its bytes.
#[expect(clippy::disallowed_methods, reason = "a test may read the corpus")]
fn documents(root: &Path) -> Vec<(PathBuf, Vec<u8>, Value)> {
    let mut paths = Vec::new();
    for folder in [
        "connaisseur",
        "containers-image",
        "cosign-3.1.3-generated",
        "slsa-verifier",
    ] {
        files(&root.join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        (value.get("schemaVersion")? == 2).then_some((path, bytes, value))
    };
    paths.into_iter().filter_map(read).collect()
}

#[test]
fn real_manifests_and_indexes_are_read_as_what_they_are() {
    let Some(root) = root() else { return };
    let documents = documents(&root);
    for (path, bytes, value) in &documents {
        let blob = Blob::new(bytes.clone());
        let media_type = value.get("mediaType").and_then(Value::as_str);
        let read =
            Document::parse(&blob, media_type, None).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        let list = match &read {
            Document::Manifest(manifest) => {
                assert_eq!(
                    Document::parse(&Blob::new(manifest.to_json()), None, None).as_ref(),
                    Ok(&read)
                );
                ("layers", manifest.layers.len())
            }
            Document::Index(index) => {
                assert_eq!(
                    Document::parse(&Blob::new(index.to_json()), None, None).as_ref(),
                    Ok(&read)
                );
                ("manifests", index.manifests.len())
            }
        };
        assert_eq!(value[list.0].as_array().unwrap().len(), list.1, "{}", path.display());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
        if let Ok(digest) = format!("sha256:{stem}").parse::<Digest>() {
            assert_eq!(blob.digest(), &digest, "{}", path.display());
        }
    }
    assert_eq!(documents.len(), CASES);
}
