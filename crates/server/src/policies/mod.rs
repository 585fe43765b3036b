//! The policies in force: an immutable set, read from files, swapped whole when the files change.
//!
//! A file that is wrong keeps the last good form of its policies in force (or makes the images that it governs
//! undecided, where there is none): it never drops out of force, and never stops another policy from loading. A file that
//! is still being written is not read.

mod document;
mod files;
mod roots;
mod snapshot;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_image::Digest;
use countersign_policy::{PolicySet, Settings, TrustRoots};
use countersign_roots::TrustRootStore;

use self::files::Fingerprint;
pub use self::files::{FilesError, MAX_FILES, MAX_TOTAL_BYTES, PolicyText, parse, read};
pub use self::roots::{documents, trust_roots};
pub use self::snapshot::Snapshot;

/// How often the files are looked at. Kubernetes itself needs about a minute to bring a ConfigMap into a volume.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How soon files that changed are looked at again: they are read once two looks in a row found the same.
pub const SETTLING: Duration = Duration::from_millis(200);
/// How many looks at files that keep changing are waited for; then they are read as they are.
const MAX_LOOKS: u32 = 20;

/// Policy files, and the policies that they last amounted to.
#[derive(Debug)]
pub struct PolicyFiles {
    paths: Vec<PathBuf>,
    settings: Settings,
    roots: Option<Arc<TrustRootStore>>,
    current: ArcSwap<Snapshot>,
    looks: Mutex<Looks>,
}

/// What was seen of the files.
#[derive(Debug)]
struct Looks {
    /// When what is in force was read.
    in_force: Fingerprint,
    /// At the last look, if that was something else; and how often there was something else.
    changing: Option<(Fingerprint, u32)>,
    /// Which trust roots the policies were compiled against.
    resting_on: Option<Digest>,
}

/// What a look at the files came to.
#[derive(Debug)]
pub enum Reload {
    /// The files are as they were.
    Unchanged,
    /// The files are other ones than before, and may be about to be others again: look again in a moment.
    Changing,
    /// Other policies are in force, or the same ones on other trust roots; what is wrong with them, if anything, is in [`PolicySet::errors`].
    Replaced(Arc<Snapshot>),
    /// The files could not be read: the policies in force stay.
    Kept(FilesError),
}

impl PolicyFiles {
    /// Reads the policies for the first time. They rest on the trust roots of `roots`, which looks after those that their
    /// documents name; without it, on those alone that a document holds.
    ///
    /// # Errors
    /// Where the files cannot be read at all. A document that cannot be understood is no error here: it is part of
    /// the set, and makes what it governs undecided.
    pub fn open(
        paths: Vec<PathBuf>,
        settings: Settings,
        roots: Option<Arc<TrustRootStore>>,
    ) -> Result<Self, FilesError> {
        let in_force = Fingerprint::of(&paths)?;
        let texts = read(&paths)?;
        let set = PolicySet::compile(parse(&texts), settings);
        let (set, resting_on) = resting(set, roots.as_deref());
        let current = ArcSwap::from_pointee(Snapshot::new(set, texts));
        Ok(Self {
            paths,
            settings,
            roots,
            current,
            looks: Mutex::new(Looks {
                in_force,
                changing: None,
                resting_on,
            }),
        })
    }

    /// The policies in force at this moment; one decision uses one snapshot throughout.
    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Where the policies are read from.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Looks at the files, and replaces the policies if they changed and have stopped changing, or if the trust roots that
    /// they rest on are others by now.
    pub fn reload(&self) -> Reload {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        match self.look(&mut looks) {
            Ok(reload) => reload,
            // What was seen stays what it was, so that the next look tries again.
            Err(error) => Reload::Kept(error),
        }
    }

    fn look(&self, looks: &mut Looks) -> Result<Reload, FilesError> {
        let found = Fingerprint::of(&self.paths)?;
        if found == looks.in_force {
            looks.changing = None;
            return Ok(self.rest_on_roots_of_now(looks));
        }
        if !looks.have_settled(&found) {
            return Ok(Reload::Changing);
        }
        let texts = read(&self.paths)?;
        if !looks.have_settled(&Fingerprint::of(&self.paths)?) {
            return Ok(Reload::Changing);
        }
        let set = PolicySet::compile(parse(&texts), self.settings);
        let current = self.current.load();
        let (set, resting_on) = resting(set.with_last_good(current.set()), self.roots.as_deref());
        let next = Arc::new(current.after(set, texts));
        self.current.store(Arc::clone(&next));
        *looks = Looks {
            in_force: found,
            changing: None,
            resting_on,
        };
        Ok(Reload::Replaced(next))
    }

    /// Trust roots are refreshed in the background, whenever that may be.
    fn rest_on_roots_of_now(&self, looks: &mut Looks) -> Reload {
        let now = self.roots.as_deref().map(TrustRootStore::current);
        let generation = now.as_ref().map(|roots| roots.generation);
        if generation == looks.resting_on {
            return Reload::Unchanged;
        }
        let roots = now.map_or_else(TrustRoots::none, |roots| trust_roots(&roots));
        let next = Arc::new(self.current.load().on(roots));
        self.current.store(Arc::clone(&next));
        looks.resting_on = generation;
        Reload::Replaced(next)
    }

    /// The paths, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        self.paths
            .iter()
            .map(|path| display(path))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Policies on the trust roots of now, those of their own documents included; and which those are.
fn resting(set: PolicySet, roots: Option<&TrustRootStore>) -> (PolicySet, Option<Digest>) {
    let Some(store) = roots else {
        return (set, None);
    };
    store.look_after(documents(&set));
    let roots = store.current();
    (set.with_trust_roots(trust_roots(&roots)), Some(roots.generation))
}

impl Looks {
    /// Whether files that are not those in force are the same as at the last look.
    fn have_settled(&mut self, found: &Fingerprint) -> bool {
        match &mut self.changing {
            Some((last, _)) if last == found => true,
            Some((_, looks)) if *looks >= MAX_LOOKS => true,
            Some((last, looks)) => {
                last.clone_from(found);
                *looks += 1;
                false
            }
            None => {
                self.changing = Some((found.clone(), 1));
                false
            }
        }
    }
}

fn display(path: &Path) -> String {
    format!("`{}`", path.display())
}
