//! Policy files on disk: which they are, whether they changed, and what they say.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use countersign_policy::Parsed;

/// The most policy files that are read from all paths together.
pub const MAX_FILES: usize = 20_000;
/// The most bytes that all policy files together may have.
pub const MAX_TOTAL_BYTES: u64 = 256 << 20;
/// How deep directories are followed.
const MAX_DEPTH: usize = 16;

/// Why policy files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file or directory is not there, or may not be read.
    #[error("`{}` could not be read", path.display())]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// More files than are read.
    #[error("more than {MAX_FILES} policy files were found; the last one looked at is `{}`", path.display())]
    TooMany {
        /// The file that was one too many.
        path: PathBuf,
    },
    /// More bytes than are read.
    #[error("the policy files have more than {MAX_TOTAL_BYTES} bytes together; the last one looked at is `{}`", path.display())]
    TooLarge {
        /// The file that was too much.
        path: PathBuf,
    },
    /// Directories inside directories, deeper than is followed.
    #[error("`{}` lies more than {MAX_DEPTH} directories deep", path.display())]
    TooDeep {
        /// The directory that was not entered.
        path: PathBuf,
    },
}

/// What is known of the files without reading them; unlike means changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<Mark>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    /// Which file it is, and when the system last changed it: tools that copy a file give it the length and time of another.
    inode: (u64, u64),
    changed: (i64, i64),
}

impl Fingerprint {
    pub(super) fn of(paths: &[PathBuf]) -> Result<Self, FilesError> {
        let mut marks = Vec::new();
        for path in list(paths)? {
            let metadata = fs::metadata(&path).map_err(unreadable(&path))?;
            // Kubernetes swaps a symbolic link above the files: the real path changes where time and length do not.
            let real = fs::canonicalize(&path).map_err(unreadable(&path))?;
            marks.push(Mark {
                path: real,
                length: metadata.len(),
                modified: metadata.modified().ok(),
                inode: (metadata.dev(), metadata.ino()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            });
        }
        Ok(Self(marks))
    }
}

/// A policy file's content.
#[derive(Debug, Clone)]
pub struct PolicyText {
    /// Where it was read.
    pub path: PathBuf,
    /// What it says.
    pub text: Arc<str>,
}

impl PolicyText {
    /// The file, as policies and errors name it.
    pub(super) fn file(&self) -> String {
        self.path.display().to_string()
    }
}

/// Parses texts, each by itself.
#[must_use]
pub fn parse(texts: &[PolicyText]) -> Vec<Parsed> {
    texts
        .iter()
        .map(|text| countersign_policy::parse(&text.file(), &text.text))
        .collect()
}

/// Reads every policy file under `paths` (files, or directories with `.yaml`, `.yml` and `.json` files).
///
/// # Errors
/// Where a file cannot be read, or there is more than the limits allow.
pub fn read(paths: &[PathBuf]) -> Result<Vec<PolicyText>, FilesError> {
    let mut remaining = MAX_TOTAL_BYTES;
    let mut texts = Vec::new();
    for path in list(paths)? {
        let file = fs::File::open(&path).map_err(unreadable(&path))?;
        let mut bytes = Vec::new();
        file.take(remaining + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable(&path))?;
        remaining = remaining
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| FilesError::TooLarge { path: path.clone() })?;
        texts.push(PolicyText {
            path,
            text: text(bytes),
        });
    }
    Ok(texts)
}

/// What is not UTF-8 must not parse: YAML allows no NUL anywhere, so one in its place makes the parser say where.
fn text(bytes: Vec<u8>) -> Arc<str> {
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => String::from_utf8_lossy(error.as_bytes())
            .replace(char::REPLACEMENT_CHARACTER, "\0")
            .into(),
    }
}

fn list(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FilesError> {
    let mut files = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(unreadable(path))?;
        if metadata.is_dir() {
            walk(path, MAX_DEPTH, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), FilesError> {
    if depth == 0 {
        return Err(FilesError::TooDeep {
            path: directory.to_owned(),
        });
    }
    let mut entries = fs::read_dir(directory)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(unreadable(directory))?;
    entries.sort();
    for path in entries {
        // A ConfigMap volume keeps its generations in `..data` and its kin; the names beside them link there.
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        {
            continue;
        }
        if fs::metadata(&path).map_err(unreadable(&path))?.is_dir() {
            walk(&path, depth - 1, files)?;
        } else if path
            .extension()
            .is_some_and(|kind| kind == "yaml" || kind == "yml" || kind == "json")
        {
            if files.len() == MAX_FILES {
                return Err(FilesError::TooMany { path });
            }
            files.push(path);
        }
    }
    Ok(())
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |source| FilesError::Unreadable { path, source }
}
