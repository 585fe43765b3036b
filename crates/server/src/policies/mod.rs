//! The policies in force: an immutable set, read from files, swapped whole when the files change.
//!
//! A file that is wrong keeps the last good form of its policies in force (or makes the images that it governs
//! undecided, where there is none): it never drops out of force, and never stops another policy from loading.

mod files;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_policy::{PolicySet, Settings};

use self::files::Fingerprint;
pub use self::files::{FilesError, MAX_FILES, MAX_TOTAL_BYTES, PolicyText, parse, read};

/// How often the files are looked at. Kubernetes itself needs about a minute to bring a ConfigMap into a volume.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Policy files, and the set that they last amounted to.
#[derive(Debug)]
pub struct PolicyFiles {
    paths: Vec<PathBuf>,
    settings: Settings,
    current: ArcSwap<Loaded>,
    seen: Mutex<Fingerprint>,
}

/// A set, and the texts that it was made from.
#[derive(Debug)]
struct Loaded {
    set: Arc<PolicySet>,
    texts: Arc<[PolicyText]>,
}

/// What a look at the files came to.
#[derive(Debug)]
pub enum Reload {
    /// The files are as they were.
    Unchanged,
    /// A new set is in force; its errors, if any, are in [`PolicySet::errors`].
    Replaced(Arc<PolicySet>),
    /// The files could not be read: the set in force stays.
    Kept(FilesError),
}

impl PolicyFiles {
    /// Reads the policies for the first time.
    ///
    /// # Errors
    /// Where the files cannot be read at all. A document that cannot be understood is no error here: it is part of
    /// the set, and makes what it governs undecided.
    pub fn open(paths: Vec<PathBuf>, settings: Settings) -> Result<Self, FilesError> {
        let seen = Fingerprint::of(&paths)?;
        let texts = read(&paths)?;
        let set = Arc::new(PolicySet::compile(parse(&texts), settings));
        let current = ArcSwap::from_pointee(Loaded { set, texts: texts.into() });
        Ok(Self { paths, settings, current, seen: Mutex::new(seen) })
    }

    /// The set in force at this moment; one decision uses one set throughout.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        Arc::clone(&self.current.load().set)
    }

    /// The texts that the set in force was made from.
    #[must_use]
    pub fn texts(&self) -> Arc<[PolicyText]> {
        Arc::clone(&self.current.load().texts)
    }

    /// Where the policies are read from.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Looks at the files, and replaces the set if they changed.
    pub fn reload(&self) -> Reload {
        let fingerprint = match Fingerprint::of(&self.paths) {
            Ok(fingerprint) => fingerprint,
            Err(error) => return Reload::Kept(error),
        };
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *seen == fingerprint {
            return Reload::Unchanged;
        }
        match read(&self.paths) {
            Ok(texts) => {
                let set = Arc::new(PolicySet::compile(parse(&texts), self.settings).with_last_good(&self.current()));
                self.current.store(Arc::new(Loaded { set: Arc::clone(&set), texts: texts.into() }));
                *seen = fingerprint;
                Reload::Replaced(set)
            }
            // The fingerprint stays the old one, so that the next look tries again.
            Err(error) => Reload::Kept(error),
        }
    }

    /// The first of the paths, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        self.paths.iter().map(|path| display(path)).collect::<Vec<_>>().join(", ")
    }
}

fn display(path: &Path) -> String {
    format!("`{}`", path.display())
}
