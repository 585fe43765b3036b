//! Files in a directory of our own: each written whole or not at all, the least used removed first.
//!
//! ```text
//! key                         a secret of this directory, 32 random bytes
//! content/<algorithm>/ab/ab…  content, under its digest
//! lists/v1/cd/cd…             what is said of an image, under a keyed hash of what was asked
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use aws_lc_rs::{hmac, rand};
use bytes::Bytes;
use countersign_image::{Blob, Digest};
use tracing::{debug, warn};

use super::CacheError;

/// Largest file that is written or read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// How full it is after room was made, in tenths.
const ROOM_LEFT: u64 = 8;
/// How many bytes the secret has.
const SECRET: usize = 32;

/// What a file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Content(Digest),
    List(Digest),
}

/// A directory of our own with files in it. One at a time writes; anybody reads.
pub(super) struct Disk {
    root: PathBuf,
    limit: u64,
    used: AtomicU64,
    /// Looking at every file takes its time, and nobody who waits for an answer waits for that.
    counted: Once,
    secret: hmac::Key,
}

impl Disk {
    pub(super) fn open(directory: &Path, limit: u64) -> Result<Self, CacheError> {
        let refused = |source| CacheError {
            path: directory.to_owned(),
            source,
        };
        for kind in KINDS {
            create_private(&directory.join(kind)).map_err(refused)?;
        }
        let secret = secret(&directory.join("key")).map_err(refused)?;
        Ok(Self {
            root: directory.to_owned(),
            limit,
            used: AtomicU64::new(0),
            counted: Once::new(),
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
        })
    }

    /// A hash that nobody can repeat who does not have the secret of this directory.
    pub(super) fn keyed_hash(&self, bytes: &[u8]) -> Digest {
        Digest::sha256(hmac::sign(&self.secret, bytes).as_ref())
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Blob> {
        let name = Name::Content(*digest);
        let bytes = self.read(&name, MAX_FILE)?;
        match Blob::check(Bytes::from(bytes), digest, None) {
            Ok(blob) => {
                self.was_used(&name);
                Some(blob)
            }
            Err(error) => {
                let path = self.path(&name);
                warn!(path = %path.display(), %error, "a cached file is not what its name says, and is removed");
                self.remove(&name);
                None
            }
        }
    }

    pub(super) fn put(&self, blob: &Blob) {
        let name = Name::Content(*blob.digest());
        if !self.path(&name).exists() {
            self.replace(&name, blob.bytes());
        }
    }

    /// The bytes of a file, if it has no more than `limit`.
    pub(super) fn read(&self, name: &Name, limit: u64) -> Option<Vec<u8>> {
        let file = File::open(self.path(name)).ok()?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The time of last use; a file system that does not keep it removes in order of writing.
    pub(super) fn was_used(&self, name: &Name) {
        let _ = File::options()
            .append(true)
            .open(self.path(name))
            .and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Writes a file, whole, in the place of the one that may be there. Where it cannot be written, that one goes all the
    /// same: what was to take its place is newer.
    pub(super) fn replace(&self, name: &Name, bytes: &[u8]) {
        self.counted.call_once(|| self.count());
        let (path, size) = (self.path(name), bytes.len() as u64);
        if size > MAX_FILE.min(self.limit) {
            self.remove(name);
            return;
        }
        let before = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        match write(&path, bytes) {
            Ok(()) => {
                self.less(before);
                let used = self.used.fetch_add(size, Ordering::Relaxed) + size;
                if used > self.limit {
                    self.make_room();
                }
            }
            Err(error) => {
                debug!(path = %path.display(), %error, "a file could not be cached");
                self.remove(name);
            }
        }
    }

    pub(super) fn remove(&self, name: &Name) {
        let path = self.path(name);
        let Ok(metadata) = fs::metadata(&path) else { return };
        match fs::remove_file(&path) {
            Ok(()) => self.less(metadata.len()),
            Err(error) => warn!(path = %path.display(), %error, "a cached file could not be removed"),
        }
    }

    fn path(&self, name: &Name) -> PathBuf {
        let (folder, digest) = match name {
            Name::Content(digest) => (self.root.join("content").join(digest.algorithm().name()), digest),
            Name::List(digest) => (self.root.join("lists").join("v1"), digest),
        };
        let hex = digest.hex();
        folder.join(&hex[..2]).join(hex)
    }

    fn less(&self, size: u64) {
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            Some(used.saturating_sub(size))
        });
    }

    fn count(&self) {
        let files = list(&self.root).unwrap_or_default();
        self.used
            .store(files.iter().map(|file| file.size).sum(), Ordering::Relaxed);
    }

    fn make_room(&self) {
        let Ok(mut files) = list(&self.root) else { return };
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

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("root", &self.root).finish_non_exhaustive()
    }
}

const KINDS: [&str; 2] = ["content", "lists"];

/// The secret in a file: the one that is there, or a new one. Without the old one everything is merely asked for again.
fn secret(path: &Path) -> io::Result<[u8; SECRET]> {
    if let Some(kept) = fs::read(path).ok().and_then(|bytes| bytes.try_into().ok()) {
        return Ok(kept);
    }
    let mut secret = [0; SECRET];
    rand::fill(&mut secret).map_err(|_| io::Error::other("the system gives no randomness"))?;
    write(path, &secret)?;
    Ok(secret)
}

/// A directory that is for nobody else to look into, where the system knows of such.
fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Content goes to a name of its own first: a reader sees all of it or none.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    create_private(directory)?;
    let own = directory.join(format!(".{:016x}", fastrand::u64(..)));
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&own)
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

/// Every file of both kinds, also those that a crash or another version left behind under names of their own.
fn list(root: &Path) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    let folders_of = |paths: &[PathBuf]| -> io::Result<Vec<PathBuf>> {
        Ok(paths
            .iter()
            .map(|path| folders(path))
            .collect::<io::Result<Vec<_>>>()?
            .concat())
    };
    let kinds = KINDS.map(|kind| root.join(kind));
    for directory in folders_of(&folders_of(&kinds)?)? {
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
        again.put(&blob(3));
        assert_eq!(again.used.load(Ordering::Relaxed), 2000);
    }

    #[test]
    fn a_file_that_somebody_changed_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 1 << 20).unwrap();
        disk.put(&blob(1));
        let path = disk.path(&Name::Content(*blob(1).digest()));
        fs::write(&path, b"forged").unwrap();
        assert_eq!(disk.get(blob(1).digest()), None);
        assert!(!path.exists());
    }

    #[test]
    fn the_least_used_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 5000).unwrap();
        let list = Name::List(Digest::sha256(b"list"));
        disk.replace(&list, b"used least of all");
        let long_ago = SystemTime::now() - Duration::from_secs(2000);
        File::options()
            .append(true)
            .open(disk.path(&list))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        for seed in 0..4 {
            disk.put(&blob(seed));
            let age = SystemTime::now() - Duration::from_secs(1000 - u64::from(seed));
            File::options()
                .append(true)
                .open(disk.path(&Name::Content(*blob(seed).digest())))
                .unwrap()
                .set_modified(age)
                .unwrap();
        }
        assert!(disk.get(blob(0).digest()).is_some());
        disk.put(&blob(5));
        let left: Vec<u8> = (0..6).filter(|seed| disk.get(blob(*seed).digest()).is_some()).collect();
        assert_eq!(left, [0, 2, 3, 5], "1 was used least of all content");
        assert_eq!(disk.read(&list, 100), None, "lists go as well");
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
    fn a_file_that_cannot_be_written_leaves_no_older_one_behind() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 1000).unwrap();
        let name = Name::List(Digest::sha256(b"list"));
        disk.replace(&name, b"with a signature that is gone");
        disk.replace(&name, &[0; 1001]);
        assert_eq!(disk.read(&name, 2000), None);
        assert_eq!(disk.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"").unwrap();
        assert_eq!(Disk::open(&file, 1).unwrap_err().path, file);
    }

    #[test]
    fn the_secret_stays_and_is_nobody_elses() {
        let directory = tempfile::tempdir().unwrap();
        let hash = || Disk::open(directory.path(), 1).unwrap().keyed_hash(b"who asked");
        let first = hash();
        assert_eq!(first, hash());
        let path = directory.path().join("key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&path, b"torn").unwrap();
        assert_ne!(first, hash(), "what is no secret is replaced");
        let other = tempfile::tempdir().unwrap();
        assert_ne!(first, Disk::open(other.path(), 1).unwrap().keyed_hash(b"who asked"));
    }

    #[test]
    fn a_file_that_takes_anothers_place_is_counted_once() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 5000).unwrap();
        let name = Name::List(Digest::sha256(b"list"));
        for size in [100, 2000, 30] {
            disk.replace(&name, &vec![0; size]);
            assert_eq!(disk.used.load(Ordering::Relaxed), size as u64);
        }
        disk.remove(&name);
        assert_eq!((disk.used.load(Ordering::Relaxed), disk.read(&name, 100)), (0, None));
    }
}
