//! What is remembered of repositories across restarts: one file for each, replaced whole or not at all.
//!
//! A kill at any moment leaves the file from before or the one after. What is in it is bytes, verified again from the initial
//! root when they are read, as of the time that the file names: whoever may write here can bring back a state that was signed
//! once, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_image::Digest;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::embedded::Instance;
use crate::source::Repository;

/// The largest file that is written or read, in bytes.
const MAX_FILE: u64 = 96 << 20;
/// The form of the file. Another one is not read.
const FORM: u32 = 1;

/// How the files of documents end.
const OF_DOCUMENT: &str = "-document.json";
/// How long what is remembered for a document stays that is gone.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long another process's writing is waited for: longer than a file of that length takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether that process is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who names a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Configuration,
    Document,
}

/// Files of a repository, by the client's names.
pub(crate) type Files = BTreeMap<String, Bytes>;

/// A directory with one file for each repository.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    /// The system's lock would shut out ourselves too.
    writing: Arc<Mutex<()>>,
}

/// The turn to write, among our own and among all processes.
struct Turn<'c> {
    _of_ours: MutexGuard<'c, ()>,
    _of_all: File,
}

/// What is remembered of one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The latest state that was verified whole, and when.
    pub(crate) good: Option<(Timestamp, Files)>,
    /// The latest files that were verified, though what they belong to may not have come whole: nothing older is believed.
    pub(crate) floor: Files,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    form: u32,
    verified: Option<Timestamp>,
    good: BTreeMap<String, String>,
    /// Absent where it is the same as `good`.
    floor: Option<BTreeMap<String, String>>,
}

impl Cache {
    /// Makes the directory if there is none, and sees that it can be written.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let cache = Self {
            directory: directory.to_owned(),
            writing: Arc::default(),
        };
        match cache.lock_file()?.try_lock() {
            // Where another process writes, there can be written.
            Ok(()) | Err(fs::TryLockError::WouldBlock) => Ok(cache),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// What a repository's file is called. Two roots never share one: each has its own name in it, and a document may have
    /// that of a root of the configuration.
    pub(crate) fn file_name(origin: Origin, name: &str, repository: &Repository) -> String {
        let short = |bytes: &[u8]| Digest::sha256(bytes).hex()[..16].to_owned();
        let begin = Instance::ALL
            .into_iter()
            .find(|instance| instance.initial_root() == &*repository.initial_root)
            // Another release of the package brings another initial root of the same repository.
            .map_or_else(
                || short(&repository.initial_root),
                |instance| instance.name().to_owned(),
            );
        match origin {
            Origin::Configuration => format!("{begin}-{}.json", short(name.as_bytes())),
            Origin::Document => format!("{begin}-{}{OF_DOCUMENT}", short(name.as_bytes())),
        }
    }

    /// Removes what is remembered for documents that are gone, and have been for so long that nobody brings them back: a file
    /// of policies may be unreadable for a while, and a floor that was forgotten lets in what is older.
    pub(crate) fn forget(&self, living: &BTreeSet<String>, now: Timestamp) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| name.ends_with(OF_DOCUMENT)) else {
                continue;
            };
            let written = Timestamp::try_from(entry.metadata()?.modified()?).map_err(io::Error::other)?;
            if !living.contains(name) && now.duration_since(written) > FORGOTTEN_AFTER {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// What is remembered; nothing where there is no file.
    pub(crate) fn load(&self, file: &str) -> io::Result<Option<Remembered>> {
        let opened = match File::open(self.directory.join(file)) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        opened.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::Error::other(format!("it has more than {MAX_FILE} bytes")));
        }
        let written: Written = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        if written.form != FORM {
            return Err(io::Error::other(format!(
                "it has form {}, and {FORM} is read",
                written.form
            )));
        }
        let good = unpacked(written.good)?;
        let floor = match written.floor {
            Some(floor) => unpacked(floor)?,
            None => good.clone(),
        };
        Ok(Some(Remembered {
            good: written.verified.map(|verified| (verified, good)),
            floor,
        }))
    }

    /// Replaces what is remembered.
    ///
    /// # Errors
    /// Where it cannot be written, or another process is writing for longer than is waited: the file from before is there still.
    pub(crate) fn save(&self, file: &str, remembered: &Remembered) -> io::Result<()> {
        let (verified, good) = remembered.good.clone().unzip();
        let good = good.unwrap_or_default();
        let written = Written {
            form: FORM,
            verified,
            floor: (good != remembered.floor).then(|| packed(&remembered.floor)),
            good: packed(&good),
        };
        let bytes = serde_json::to_vec(&written).map_err(io::Error::other)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::Error::other(format!("it would have more than {MAX_FILE} bytes")));
        }
        // Who was killed leaves an unfinished file under this name, which the next one writes over.
        let _locked = self.lock()?;
        let unfinished = self.directory.join(format!("{file}.new"));
        let mut new = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        new.write_all(&bytes)?;
        new.sync_all()?;
        fs::rename(&unfinished, self.directory.join(file))?;
        File::open(&self.directory)?.sync_all()
    }

    /// One writes at a time; the system lets go of the lock when a process dies.
    fn lock(&self) -> io::Result<Turn<'_>> {
        let of_ours = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let of_all = self.lock_file()?;
        let until = Instant::now() + PATIENCE;
        loop {
            match of_all.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOOK_EVERY),
                Err(fs::TryLockError::WouldBlock) => {
                    let what = format!("another process has been writing there for {PATIENCE:?}");
                    return Err(io::Error::new(io::ErrorKind::WouldBlock, what));
                }
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(Turn {
            _of_ours: of_ours,
            _of_all: of_all,
        })
    }

    fn lock_file(&self) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.directory.join("lock"))
    }
}

fn packed(files: &Files) -> BTreeMap<String, String> {
    files
        .iter()
        .map(|(name, bytes)| (name.clone(), STANDARD.encode(bytes)))
        .collect()
}

fn unpacked(files: BTreeMap<String, String>) -> io::Result<Files> {
    files
        .into_iter()
        .map(|(name, text)| {
            let bytes = STANDARD.decode(text).map_err(io::Error::other)?;
            Ok((name, Bytes::from(bytes)))
        })
        .collect()
}
