//! Blobs on disk, by their digest.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use countersign_image::{Digest, digest::Algorithm};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Why a blob was not kept or not found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The disk did not do it.
    #[error("cannot {verb} `{path}`", path = .path.display())]
    Disk {
        /// What was to be done.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// It is too large.
    #[error("the blob has more than {most} bytes")]
    TooLarge {
        /// The most that one may have.
        most: u64,
    },
    /// What is kept is not what was put.
    #[error("the blob {digest} is damaged: its bytes have the digest {found}")]
    Corrupt {
        /// The blob.
        digest: Box<Digest>,
        /// The digest of what is there.
        found: Box<Digest>,
    },
    /// There is none.
    #[error("there is no blob {digest}")]
    Missing {
        /// The blob.
        digest: Digest,
    },
}

/// A directory of blobs: `blobs/sha256/<two digits>/<64 digits>`, and `arriving` for what is not whole yet.
///
/// These calls wait for the disk, all but [`keep`](Self::keep) and [`fetch`](Self::fetch): whoever must not wait calls these two.
#[derive(Clone, Debug)]
pub struct Blobs {
    dir: PathBuf,
    most: u64,
}

impl Blobs {
    /// Opens the directory, and makes it if there is none. No blob may have more than `most` bytes.
    pub fn open(dir: &Path, most: u64) -> Result<Self, BlobError> {
        let blobs = Self {
            dir: dir.to_owned(),
            most,
        };
        for dir in [blobs.arriving(), blobs.kept()] {
            fs::create_dir_all(&dir).map_err(|error| disk("make", &dir, error))?;
        }
        sync(&blobs.dir)?;
        Ok(blobs)
    }

    fn arriving(&self) -> PathBuf {
        self.dir.join("arriving")
    }

    fn kept(&self) -> PathBuf {
        self.dir.join("blobs/sha256")
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.kept().join(&hex[..2]).join(hex)
    }

    /// Keeps bytes: once this returns, they outlive a loss of power.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, BlobError> {
        let mut upload = self.begin()?;
        upload.write(bytes)?;
        upload.finish()
    }

    /// Begins to keep what comes piece by piece.
    pub fn begin(&self) -> Result<Upload, BlobError> {
        let path = self.arriving().join(format!("{:016x}", fastrand::u64(..)));
        let file = File::create_new(&path).map_err(|error| disk("make", &path, error))?;
        Ok(Upload {
            blobs: self.clone(),
            path,
            file,
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// The bytes of a blob, which are what was put.
    pub fn get(&self, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        let path = self.path(digest);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::Missing { digest: *digest },
            _ => disk("read", &path, error),
        })?;
        let found = Digest::sha256(&bytes);
        if found != *digest {
            return Err(BlobError::Corrupt {
                digest: Box::new(*digest),
                found: Box::new(found),
            });
        }
        Ok(bytes)
    }

    /// [`put`](Self::put) on a thread that may wait.
    pub async fn keep(&self, bytes: Vec<u8>) -> Result<Digest, BlobError> {
        let blobs = self.clone();
        self.apart(move || blobs.put(&bytes)).await
    }

    /// [`get`](Self::get) on a thread that may wait.
    pub async fn fetch(&self, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        let (blobs, digest) = (self.clone(), *digest);
        self.apart(move || blobs.get(&digest)).await
    }

    async fn apart<T: Send + 'static>(
        &self,
        wait: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        match tokio::task::spawn_blocking(wait).await {
            Ok(done) => done,
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            // The runtime ends.
            Err(ended) => Err(disk("wait for", &self.dir, io::Error::other(ended))),
        }
    }

    /// Removes the blobs that are older than a time and that nobody needs, and what never became whole; says how many. The
    /// time keeps those for which a row is just being written.
    pub fn sweep(&self, older: SystemTime, needed: impl Fn(&Digest) -> bool) -> Result<u64, BlobError> {
        let mut removed = 0;
        for (path, modified) in files(&self.arriving())? {
            if modified < older {
                remove(&path)?;
                removed += 1;
            }
        }
        let kept = self.kept();
        for shard in fs::read_dir(&kept).map_err(|error| disk("list", &kept, error))? {
            let shard = shard.map_err(|error| disk("list", &kept, error))?.path();
            for (path, modified) in files(&shard)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let digest = Digest::parse(&format!("sha256:{name}"));
                // A file of another name is not ours.
                if modified < older && digest.is_ok_and(|digest| !needed(&digest)) {
                    remove(&path)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// A blob on its way. Dropped before it is finished, it was never there.
#[derive(Debug)]
pub struct Upload {
    blobs: Blobs,
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
}

impl Upload {
    /// The next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.size += bytes.len() as u64;
        if self.size > self.blobs.most {
            return Err(BlobError::TooLarge { most: self.blobs.most });
        }
        self.hash.update(bytes);
        self.file
            .write_all(bytes)
            .map_err(|error| disk("write", &self.path, error))
    }

    /// How many bytes there were.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All bytes were written: keeps them.
    pub fn finish(mut self) -> Result<Digest, BlobError> {
        let hash = std::mem::take(&mut self.hash).finalize();
        let digest = Digest::from_raw(Algorithm::Sha256, &hash).unwrap_or_else(|| Digest::sha256(&[]));
        self.file.sync_all().map_err(|error| disk("write", &self.path, error))?;
        let path = self.blobs.path(&digest);
        let shard = path.parent().unwrap_or(&self.blobs.dir).to_owned();
        if !shard.is_dir() {
            fs::create_dir_all(&shard).map_err(|error| disk("make", &shard, error))?;
            sync(&self.blobs.kept())?;
        }
        // Also over one that is there: it may be damaged, and its age begins anew.
        fs::rename(&self.path, &path).map_err(|error| disk("rename", &self.path, error))?;
        sync(&shard)?;
        Ok(digest)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // After a rename there is none; what stays is swept.
        let _ = fs::remove_file(&self.path);
    }
}

fn files(dir: &Path) -> Result<Vec<(PathBuf, SystemTime)>, BlobError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| disk("list", dir, error))? {
        let path = entry.map_err(|error| disk("list", dir, error))?.path();
        let meta = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| disk("look at", &path, error))?,
        };
        let modified = meta.modified().map_err(|error| disk("look at", &path, error))?;
        if meta.is_file() {
            files.push((path, modified));
        }
    }
    Ok(files)
}

fn remove(path: &Path) -> Result<(), BlobError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk("remove", path, error)),
        _ => Ok(()),
    }
}

/// What a directory lists outlives a loss of power only once the directory itself is written.
pub(crate) fn sync(dir: &Path) -> Result<(), BlobError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| disk("write", dir, error))
}

pub(crate) fn disk(verb: &'static str, path: &Path, error: io::Error) -> BlobError {
    BlobError::Disk {
        verb,
        path: path.to_owned(),
        error,
    }
}
