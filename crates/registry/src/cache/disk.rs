//! Content on disk: one file per digest, written whole or not at all, the least used removed first.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use countersign_image::{Blob, Digest};
use tracing::{debug, warn};

use super::CacheError;

/// Largest file that is written or read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// How full it is after room was made, in tenths.
const ROOM_LEFT: u64 = 8;

/// A directory of our own with content in it.
#[derive(Debug)]
pub(super) struct Disk {
    content: PathBuf,
    limit: u64,
    used: AtomicU64,
    /// Held while room is made.
    making_room: Mutex<()>,
}

impl Disk {
    pub(super) fn open(directory: &Path, limit: u64) -> Result<Self, CacheError> {
        let content = directory.join("content");
        let refused = |source| CacheError {
            path: directory.to_owned(),
            source,
        };
        fs::create_dir_all(&content).map_err(refused)?;
        let files = list(&content).map_err(refused)?;
        let used = files.iter().map(|file| file.size).sum();
        Ok(Self {
            content,
            limit,
            used: AtomicU64::new(used),
            making_room: Mutex::new(()),
        })
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Blob> {
        let path = self.path(digest);
        let file = File::open(&path).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).ok()?;
        match Blob::check(Bytes::from(bytes), digest, None) {
            Ok(blob) => {
                // The time of last use; a file system that does not keep it removes in order of writing.
                let _ = File::options()
                    .append(true)
                    .open(&path)
                    .and_then(|file| file.set_modified(SystemTime::now()));
                Some(blob)
            }
            Err(error) => {
                warn!(path = %path.display(), %error, "a cached file is not what its name says, and is removed");
                self.remove(&path);
                None
            }
        }
    }

    pub(super) fn put(&self, blob: &Blob) {
        if blob.size() > MAX_FILE.min(self.limit) {
            return;
        }
        let path = self.path(blob.digest());
        if path.exists() {
            return;
        }
        match write(&path, blob.bytes()) {
            Ok(()) => {
                let used = self.used.fetch_add(blob.size(), Ordering::Relaxed) + blob.size();
                if used > self.limit {
                    self.make_room();
                }
            }
            Err(error) => debug!(path = %path.display(), %error, "content could not be cached"),
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.content.join(digest.algorithm().name()).join(&hex[..2]).join(hex)
    }

    fn remove(&self, path: &Path) {
        let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if fs::remove_file(path).is_ok() {
            let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(used.saturating_sub(size))
            });
        }
    }

    fn make_room(&self) {
        let Ok(_making_room) = self.making_room.try_lock() else {
            return;
        };
        let Ok(mut files) = list(&self.content) else { return };
        files.sort_by_key(|file| file.used);
        let mut used: u64 = files.iter().map(|file| file.size).sum();
        let enough = self.limit / 10 * ROOM_LEFT;
        for file in files {
            if used <= enough {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                used -= file.size;
            }
        }
        self.used.store(used, Ordering::Relaxed);
    }
}

/// Content goes to a name of its own first: a reader sees all of it or none.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)?;
    let own = directory.join(format!(".{:016x}", fastrand::u64(..)));
    let written = File::create_new(&own)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&own, path));
    if written.is_err() {
        let _ = fs::remove_file(&own);
    }
    written
}

struct Kept {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

/// Every file two levels down, also those that a crash left behind under a name of their own.
fn list(content: &Path) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for directory in folders(content)?
        .iter()
        .map(|algorithm| folders(algorithm))
        .collect::<io::Result<Vec<_>>>()?
        .concat()
    {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                kept.push(Kept {
                    path: entry.path(),
                    size: metadata.len(),
                    used,
                });
            }
        }
    }
    Ok(kept)
}

fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn blob(seed: u8) -> Blob {
        Blob::new(vec![seed; 1000])
    }

    #[test]
    fn what_was_put_is_there_and_survives() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 1 << 20).unwrap();
        disk.put(&blob(1));
        assert_eq!(disk.get(blob(1).digest()), Some(blob(1)));
        assert_eq!(disk.get(blob(2).digest()), None);
        let again = Disk::open(directory.path(), 1 << 20).unwrap();
        assert_eq!(again.get(blob(1).digest()), Some(blob(1)));
        assert_eq!(again.used.load(Ordering::Relaxed), 1000);
    }

    #[test]
    fn a_file_that_somebody_changed_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 1 << 20).unwrap();
        disk.put(&blob(1));
        let path = disk.path(blob(1).digest());
        fs::write(&path, b"forged").unwrap();
        assert_eq!(disk.get(blob(1).digest()), None);
        assert!(!path.exists());
    }

    #[test]
    fn the_least_used_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 5000).unwrap();
        for seed in 0..5 {
            disk.put(&blob(seed));
            let age = SystemTime::now() - Duration::from_secs(1000 - u64::from(seed));
            File::options()
                .append(true)
                .open(disk.path(blob(seed).digest()))
                .unwrap()
                .set_modified(age)
                .unwrap();
        }
        assert!(disk.get(blob(0).digest()).is_some());
        disk.put(&blob(5));
        let left: Vec<u8> = (0..6).filter(|seed| disk.get(blob(*seed).digest()).is_some()).collect();
        assert_eq!(left, [0, 3, 4, 5], "1 and 2 were used least");
        assert_eq!(disk.used.load(Ordering::Relaxed), 4000);
    }

    #[test]
    fn what_is_larger_than_the_cache_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 999).unwrap();
        disk.put(&blob(1));
        assert_eq!(disk.get(blob(1).digest()), None);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"").unwrap();
        assert_eq!(Disk::open(&file, 1).unwrap_err().path, file);
    }
}
