//! A repository packed as `tar.gz`, as TrustRoot documents carry it: unpacked into memory, verified like any other.

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
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(GzDecoder::new(packed).take(MAX_UNPACKED + 1));
    let mut read = 0;
    for (index, entry) in archive.entries().map_err(ArchiveError::Unpacking)?.enumerate() {
        let mut entry = entry.map_err(|error| unpacking(error, read))?;
        if index == MAX_ENTRIES {
            return Err(ArchiveError::TooMany);
        }
        read += entry.size();
        if read > MAX_UNPACKED {
            return Err(ArchiveError::TooLarge);
        }
        // Links and devices are no files of a repository.
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let Some(name) = inside(&path) else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| unpacking(error, read))?;
        files.insert(name, Bytes::from(bytes));
    }
    if files.is_empty() {
        return Err(ArchiveError::Empty);
    }
    Ok(files)
}

/// Where the reading was cut off, the archive is too large; the unpacker only sees that it ends early.
fn unpacking(error: io::Error, read: u64) -> ArchiveError {
    if read > MAX_UNPACKED {
        ArchiveError::TooLarge
    } else {
        ArchiveError::Unpacking(error)
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
