//! A registry as files, each written whole or not at all.
//!
//! ```text
//! layout                                    which format this is
//! lock                                      held while a registry lives here
//! staging/UUID                              what is being written; emptied at the start
//! content/sha256/ab/abcd…                   bytes, named by what they hash to
//! repositories/team+app/blobs/sha256-…      empty: the repository holds this blob
//! repositories/team+app/manifests/sha256-…  the manifest's media type and subject
//! repositories/team+app/tags/latest         a digest
//! ```
//!
//! Every file is written in `staging`, synced, and renamed to its place. Content comes before what refers to it and goes
//! after, so that whatever instruction was the last, nothing refers to what is not there; what nothing refers to is
//! removed at the next start. A kill loses nothing that was written; a power cut loses what was not synced, and nothing is shown or
//! answered before its file and its directory are. Open uploads are in `staging` and end with the process. Names cannot leave the directory: a repository's name has no component `.` or `..`, and
//! its slashes become `+`, which no name holds.

use std::collections::HashSet;
use std::fs::{self, DirEntry, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_image::{Digest, Tag, json};
use thiserror::Error;
use uuid::Uuid;

use super::index::{Change, Entry, Index};
use super::route::Name;

const LAYOUT: &str = "countersign registry 1\n";

/// Largest file under `repositories`, in bytes.
const MAX_RECORD: u64 = 64 * 1024;

/// Why a directory cannot be opened as a registry.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The system said no.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process, or another registry in this one, lives here.
    #[error("`{}` is in use by another registry", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds something else. Nothing in it was touched.
    #[error("`{}` is not empty and holds no registry that this version can read: expected the file `layout` to say `{}`", path.display(), LAYOUT.trim_end())]
    NotARegistry {
        /// The directory.
        path: PathBuf,
    },
    /// A file below `repositories` is not what belongs there.
    #[error("`{}` does not belong into a registry: {found}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
}

/// The files of one registry.
pub(super) struct Disk {
    root: PathBuf,
    _lock: File,
}

impl Disk {
    /// Takes possession of `root`, reads what is stored and removes what an interruption left.
    pub(super) fn open(root: &Path) -> Result<(Self, Index), StorageError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StorageError::Io { path, source }
        };
        // Absolute, so that every place below has a directory above it, wherever the process goes.
        let root = fs::create_dir_all(root)
            .and_then(|()| fs::canonicalize(root))
            .map_err(at(root))?;
        let root = root.as_path();
        claim(root)
            .map_err(at(root))?
            .ok_or_else(|| StorageError::NotARegistry { path: root.to_owned() })?;
        let lock = root.join("lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(at(&lock))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StorageError::InUse { path: root.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(at(root)(source)),
        }
        let disk = Self {
            root: root.to_owned(),
            _lock: lock,
        };
        disk.empty_staging().map_err(at(root))?;
        let index = disk.load()?;
        disk.sweep(&index).map_err(at(root))?;
        Ok((disk, index))
    }

    /// Where something may be written that has no name yet.
    pub(super) fn staging_path(&self) -> PathBuf {
        self.root.join("staging").join(Uuid::new_v4().to_string())
    }

    /// Where content is.
    pub(super) fn content_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root
            .join("content")
            .join(digest.algorithm().name())
            .join(&hex[..2])
            .join(&hex)
    }

    /// Gives a synced file of `staging` its name as content.
    pub(super) fn keep_file(&self, staged: &Path, digest: &Digest) -> io::Result<()> {
        put(staged, &self.content_path(digest))
    }

    pub(super) fn keep_bytes(&self, bytes: &[u8], digest: &Digest) -> io::Result<()> {
        self.write(&self.content_path(digest), bytes)
    }

    pub(super) fn remove(&self, digest: &Digest) -> io::Result<()> {
        take_away(&self.content_path(digest))
    }

    /// Makes the change durable.
    pub(super) fn record(&self, change: &Change) -> io::Result<()> {
        match change {
            Change::HoldBlob { name, digest, .. } => {
                self.write(&self.record_path(name, BLOBS, &digest.tag_form()), b"")
            }
            Change::DropBlob { name, digest } => take_away(&self.record_path(name, BLOBS, &digest.tag_form())),
            Change::HoldManifest {
                name, digest, entry, ..
            } => {
                let record = serde_json::to_vec(entry)?;
                self.write(&self.record_path(name, MANIFESTS, &digest.tag_form()), &record)
            }
            Change::DropManifest { name, digest } => take_away(&self.record_path(name, MANIFESTS, &digest.tag_form())),
            Change::SetTag { name, tag, digest } => self.write(
                &self.record_path(name, TAGS, tag.as_str()),
                digest.to_string().as_bytes(),
            ),
            Change::DropTag { name, tag } => take_away(&self.record_path(name, TAGS, tag.as_str())),
        }
    }

    fn record_path(&self, name: &Name, kind: &str, file: &str) -> PathBuf {
        self.root
            .join("repositories")
            .join(name.as_str().replace('/', "+"))
            .join(kind)
            .join(file)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let staged = self.staging_path();
        let written = (|| {
            let mut file = File::create_new(&staged)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            put(&staged, path)
        })();
        if written.is_err() {
            // What cannot be removed now is removed at the next start.
            let _left_for_later = fs::remove_file(&staged);
        }
        written
    }
}

const BLOBS: &str = "blobs";
const MANIFESTS: &str = "manifests";
const TAGS: &str = "tags";

/// Reading at the start.
impl Disk {
    fn empty_staging(&self) -> io::Result<()> {
        for left in fs::read_dir(self.root.join("staging"))? {
            fs::remove_file(left?.path())?;
        }
        Ok(())
    }

    fn load(&self) -> Result<Index, StorageError> {
        let mut index = Index::default();
        for directory in entries(&self.root.join("repositories"))? {
            let name = file_name(&directory)?.replace('+', "/");
            let name = Name::parse(&name).map_err(|error| foreign(&directory.path(), &error))?;
            self.load_repository(&name, &directory.path(), &mut index)?;
        }
        Ok(index)
    }

    fn load_repository(&self, name: &Name, directory: &Path, index: &mut Index) -> Result<(), StorageError> {
        for file in entries(&directory.join(BLOBS))? {
            let digest = digest_of(&file)?;
            if let Some(size) = self.content_size(&digest)? {
                index.apply(Change::HoldBlob {
                    name: name.clone(),
                    digest,
                    size,
                });
            }
        }
        for file in entries(&directory.join(MANIFESTS))? {
            let digest = digest_of(&file)?;
            let entry: Entry =
                json::strict(&read_record(&file.path())?).map_err(|error| foreign(&file.path(), &error))?;
            if let Some(size) = self.content_size(&digest)? {
                index.apply(Change::HoldManifest {
                    name: name.clone(),
                    digest,
                    size,
                    entry,
                });
            }
        }
        for file in entries(&directory.join(TAGS))? {
            let path = file.path();
            let tag = Tag::parse(&file_name(&file)?).map_err(|error| foreign(&path, &error))?;
            let text = String::from_utf8(read_record(&path)?).map_err(|error| foreign(&path, &error))?;
            let digest = Digest::parse(&text).map_err(|error| foreign(&path, &error))?;
            let known = index
                .repository(name)
                .is_some_and(|repository| repository.manifests.contains_key(&digest));
            if known {
                index.apply(Change::SetTag {
                    name: name.clone(),
                    tag,
                    digest,
                });
            }
        }
        Ok(())
    }

    /// None, with a word about it, where somebody removed the file: the rest of the registry is still good.
    fn content_size(&self, digest: &Digest) -> Result<Option<u64>, StorageError> {
        let path = self.content_path(digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(%digest, "the registry's storage has lost this content; what needs it is gone");
                Ok(None)
            }
            Err(source) => Err(StorageError::Io { path, source }),
        }
    }

    /// Removes content that nothing holds: a push or a delete that was interrupted.
    fn sweep(&self, index: &Index) -> io::Result<()> {
        let held: HashSet<PathBuf> = index.content().map(|(digest, _)| self.content_path(digest)).collect();
        for algorithm in fs::read_dir(self.root.join("content"))? {
            for prefix in fs::read_dir(algorithm?.path())? {
                for content in fs::read_dir(prefix?.path())? {
                    let path = content?.path();
                    if !held.contains(&path) {
                        fs::remove_file(path)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Makes `root` a registry if it is empty. None if it holds something else.
fn claim(root: &Path) -> io::Result<Option<()>> {
    let layout = root.join("layout");
    match fs::read(&layout) {
        Ok(found) if found == LAYOUT.as_bytes() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let begun = root.join(".layout");
            for held in fs::read_dir(root)? {
                if held?.path() != begun {
                    return Ok(None);
                }
            }
            let mut file = File::create(&begun)?;
            file.write_all(LAYOUT.as_bytes())?;
            file.sync_all()?;
            put(&begun, &layout)?;
        }
        Err(error) => return Err(error),
    }
    for directory in ["staging", "content", "repositories"] {
        make_directory(&root.join(directory))?;
    }
    Ok(Some(()))
}

fn entries(directory: &Path) -> Result<Vec<DirEntry>, StorageError> {
    let listed = match fs::read_dir(directory) {
        Ok(listed) => listed.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    listed.map_err(|source| StorageError::Io {
        path: directory.to_owned(),
        source,
    })
}

fn file_name(entry: &DirEntry) -> Result<String, StorageError> {
    let not_text = |name: std::ffi::OsString| foreign(&entry.path(), &format!("its name `{}`", name.display()));
    entry.file_name().into_string().map_err(not_text)
}

fn digest_of(entry: &DirEntry) -> Result<Digest, StorageError> {
    let name = file_name(entry)?.replacen('-', ":", 1);
    Digest::parse(&name).map_err(|error| foreign(&entry.path(), &error))
}

fn read_record(path: &Path) -> Result<Vec<u8>, StorageError> {
    let io = |source| StorageError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::metadata(path).map_err(io)?.len() {
        length if length > MAX_RECORD => Err(foreign(path, &format!("{length} bytes"))),
        _ => fs::read(path).map_err(io),
    }
}

fn foreign(path: &Path, found: &dyn std::fmt::Display) -> StorageError {
    StorageError::Foreign {
        path: path.to_owned(),
        found: found.to_string(),
    }
}

/// Renames a synced file to where it belongs, durably.
fn put(staged: &Path, path: &Path) -> io::Result<()> {
    let directory = path.parent().expect("every place is below the root");
    make_directory(directory)?;
    fs::rename(staged, path)?;
    sync_directory(directory)
}

/// Removes a file, durably. It may be gone already: a delete that is repeated after an interruption.
fn take_away(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory(path.parent().expect("every place is below the root")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a directory and those above it, each durable in the one above.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().expect("every place is below the root");
    make_directory(above)?;
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    sync_directory(above)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
