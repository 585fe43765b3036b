//! A trust root in a file: a frozen copy, read again when it is replaced, and never renewed from anywhere.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_evidence::trust::{MAX_TRUST_ROOT_BYTES, TrustRoot};
use jiff::Timestamp;

use crate::error::FileError;

/// Reads a `trusted_root.json`.
///
/// # Errors
/// Where it cannot be read, is longer than [`MAX_TRUST_ROOT_BYTES`], or is no trust root.
pub fn read(path: &Path) -> Result<Arc<TrustRoot>, FileError> {
    let unreadable = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_TRUST_ROOT_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > MAX_TRUST_ROOT_BYTES {
        return Err(FileError::TooLong { path: path.to_owned() });
    }
    match TrustRoot::parse(&bytes) {
        Ok(root) => Ok(Arc::new(root)),
        Err(source) => Err(FileError::NotATrustRoot {
            path: path.to_owned(),
            source,
        }),
    }
}

/// What is known of a file without reading it; unlike means replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Kubernetes swaps a symbolic link above the file: the real path changes where the rest may not.
    real: PathBuf,
    length: u64,
    inode: (u64, u64),
    modified: (i64, i64),
    /// Tools that copy a file give it the time of another.
    changed: (i64, i64),
}

impl Mark {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            real: fs::canonicalize(path).ok()?,
            length: metadata.len(),
            inode: (metadata.dev(), metadata.ino()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// When the file was written, which is how old its root is at least.
    pub(crate) fn written(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.modified.0).ok()
    }
}
