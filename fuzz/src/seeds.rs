//! Where inputs come from that reach deep at once: what we made ourselves, and what others wrote.

use std::path::{Path, PathBuf};

use crate::Target;

/// The largest file that is taken for a seed, in bytes: mutations of larger ones take long and find little.
const MAX_SEED: u64 = 64 << 10;

/// The inputs that a target begins with.
#[derive(Debug, Default)]
pub struct Seeds {
    corpus: Option<PathBuf>,
    own: Vec<Vec<u8>>,
    others: Vec<Vec<u8>>,
}

impl Seeds {
    /// The seeds of a target: ours first, then those of the corpus, where it is.
    pub fn of(target: &Target) -> Self {
        let corpus = std::env::var_os("COUNTERSIGN_CORPUS")
            .map_or_else(|| repository().join("..").join("shared").join("corpus"), PathBuf::from);
        let mut seeds = Self {
            corpus: Some(corpus).filter(|path| path.is_dir()),
            ..Self::default()
        };
        (target.seeds)(&mut seeds);
        for list in [&mut seeds.own, &mut seeds.others] {
            list.sort();
            list.dedup();
        }
        seeds
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.own.iter().chain(&self.others).map(Vec::as_slice)
    }

    /// How many come from the corpus.
    pub fn from_corpus(&self) -> usize {
        self.others.len()
    }

    /// Whether the corpus is there.
    pub fn has_corpus(&self) -> bool {
        self.corpus.is_some()
    }

    /// One of our own.
    pub(crate) fn add(&mut self, seed: impl Into<Vec<u8>>) {
        self.own.push(seed.into());
    }

    /// Our own files below a folder of the repository, each through `shape`, which may leave it out.
    pub(crate) fn add_files(&mut self, folder: &str, shape: impl Fn(&Path, &[u8]) -> Option<Vec<u8>>) {
        let folder = repository().join(folder);
        let found = files(&folder);
        assert!(!found.is_empty(), "no files below {}", folder.display());
        self.own
            .extend(found.iter().filter_map(|(path, bytes)| shape(path, bytes)));
    }

    /// Other people's files below some folders of the corpus, in the same way.
    pub(crate) fn add_corpus(&mut self, folders: &[&str], shape: impl Fn(&Path, &[u8]) -> Option<Vec<u8>>) {
        let Some(corpus) = &self.corpus else { return };
        for folder in folders {
            let found = files(&corpus.join(folder));
            self.others
                .extend(found.iter().filter_map(|(path, bytes)| shape(path, bytes)));
        }
    }
}

/// The inputs that broke a promise once, and must not again.
pub fn regressions(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    files(&repository().join("fuzz").join("regressions").join(target.name))
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_owned)
}

/// Whether a file's name ends so.
pub(crate) fn named(path: &Path, endings: &[&str]) -> bool {
    let name = path.to_string_lossy();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Every file below a folder that is not too large, in the order of their paths; none if there is no such folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let kind = entry.metadata().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.len() <= MAX_SEED {
                let bytes = std::fs::read(entry.path()).unwrap();
                found.push((entry.path(), bytes));
            }
        }
    }
    found.sort();
    found
}
