//! Where the corpus is, and how its files are read.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// How many cases all suites of this crate judge, mutants not counted.
const CASES: usize = 4506;

/// The corpus; or nothing, and one line for all suites together that says how much does not run without it.
#[expect(clippy::disallowed_methods, reason = "a test may be told where the corpus is")]
pub(crate) fn root() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = PathBuf::from(std::env::var("COUNTERSIGN_CORPUS").unwrap_or_else(|_| beside.to_owned()));
    if root.is_dir() {
        return Some(root);
    }
    // Not `eprintln!`: what a test that passes prints is swallowed.
    SAID.call_once(|| {
        let _ = writeln!(std::io::stderr(), "corpus not found: {CASES} cases did not run");
    });
    None
}

/// A file of the corpus.
#[expect(clippy::disallowed_methods, reason = "a test may read the corpus")]
pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of the corpus that is text.
pub(crate) fn text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is in a directory of the corpus, sorted by name.
pub(crate) fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The last part of a path, as text.
pub(crate) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}
