//! A repository packed as `tar.gz`, as TrustRoot documents carry it: unpacked into memory, verified like any other.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use countersign_evidence::trust::TrustRoot;
use flate2::read::GzDecoder;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use sigstore_tuf::Repository;
use sigstore_tuf::transport::FetchFuture;
use thiserror::Error;

use super::kept::Kept;
use super::limits::Limits;
use super::name;
use super::refresh::{Found, Wanted, bounded, walk};
use crate::error::RefreshError;
use crate::source;

/// The most bytes that an archive may have when it is unpacked, everything counted.
pub const MAX_UNPACKED: u64 = 32 << 20;
/// The most entries that an archive may have.
pub const MAX_ENTRIES: usize = 4096;
/// The folder in an archive that is the repository.
const FOLDER: &str = "repository/";

/// Why an archive holds no trust root.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is not a `tar.gz`.
    #[error("it cannot be unpacked: it must be a `tar.gz`")]
    Unpacking(#[source] io::Error),
    /// It is larger than is read.
    #[error("it has more than {MAX_UNPACKED} bytes when it is unpacked")]
    TooLarge,
    /// It has more entries than are read.
    #[error("it has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// Nothing lies where the repository should.
    #[error("nothing in it lies below `{FOLDER}`")]
    Empty,
    /// What is in it is not believed, or holds no trust root.
    #[error("the repository in it gave no trust root")]
    Metadata(#[from] RefreshError),
}

/// The trust root of a packed repository, as of `now`. Nothing is fetched and no file is written.
///
/// # Errors
/// Where the archive cannot be unpacked within its limits, or its repository is not believed at `now`: its metadata ends
/// like any other's, and has to be packed anew before it does.
pub fn from_archive(archive: &source::Archive, now: Timestamp) -> Result<Arc<TrustRoot>, ArchiveError> {
    found_in(archive, now).map(|found| found.root)
}

pub(crate) fn found_in(archive: &source::Archive, now: Timestamp) -> Result<Found, ArchiveError> {
    if !name::is_relative(&archive.targets) {
        return Err(ArchiveError::Metadata(RefreshError::Name {
            name: archive.targets.clone(),
        }));
    }
    let unpacked = Unpacked {
        files: unpack(&archive.packed)?,
        targets: archive.targets.clone(),
    };
    let wanted = Wanted {
        initial_root: &archive.initial_root,
        target: &archive.target,
    };
    let kept = Arc::new(Kept::default());
    let limits = Limits::standard();
    let found = walk(wanted, unpacked, &kept, &limits, now);
    // Nothing in it waits for anything: every file is in memory.
    let found = found.now_or_never().unwrap_or(Err(RefreshError::Panicked));
    Ok(found?)
}

fn unpack(packed: &[u8]) -> Result<BTreeMap<String, Bytes>, ArchiveError> {
    let over = Cell::new(false);
    let unpacked = Bounded {
        inner: GzDecoder::new(packed),
        left: MAX_UNPACKED,
        over: &over,
    };
    let files = files(unpacked);
    // The unpacker sees an error of some kind; we know of which.
    if over.get() {
        return Err(ArchiveError::TooLarge);
    }
    let files = files?;
    if files.is_empty() {
        return Err(ArchiveError::Empty);
    }
    Ok(files)
}

fn files(unpacked: impl Read) -> Result<BTreeMap<String, Bytes>, ArchiveError> {
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(unpacked);
    for (index, entry) in archive.entries().map_err(ArchiveError::Unpacking)?.enumerate() {
        let mut entry = entry.map_err(ArchiveError::Unpacking)?;
        if index == MAX_ENTRIES {
            return Err(ArchiveError::TooMany);
        }
        // Links and devices are no files of a repository.
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let Some(name) = inside(&path) else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(ArchiveError::Unpacking)?;
        files.insert(name, Bytes::from(bytes));
    }
    Ok(files)
}

/// A reader that fails where it would give more than it may, instead of ending there.
struct Bounded<'a, R> {
    inner: R,
    left: u64,
    over: &'a Cell<bool>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => {
                self.over.set(true);
                Err(io::Error::other("more than may be unpacked"))
            }
        }
    }
}

/// An entry's name below the repository's folder. Names are keys in memory and never paths.
fn inside(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let name = path.strip_prefix(FOLDER)?;
    name::is_relative(name).then(|| name.to_owned())
}

struct Unpacked {
    files: BTreeMap<String, Bytes>,
    targets: String,
}

impl Repository for Unpacked {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move { bounded(self.files.get(name), name, max_length) })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move { bounded(self.files.get(&format!("{}/{path}", self.targets)), path, max_length) })
    }
}
