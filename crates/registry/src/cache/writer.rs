//! What goes to disk, behind the back of who asked: one thing after the other, and only the latest of each.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_evidence::Evidence;
use countersign_image::Blob;
use tracing::debug;

use super::disk::{Disk, Name};
use super::persisted;
use super::reading::Readers;

/// Most bytes that wait. What comes beyond is not kept on disk, and fetched again after a restart.
const MAX_WAITING: u64 = 64 << 20;

/// Takes work for the disk. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    disk: Arc<Disk>,
    readers: Readers,
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: BTreeMap<Name, Work>,
    bytes: u64,
    at_work: bool,
}

/// What becomes of a name.
#[derive(Debug)]
enum Work {
    Content(Blob),
    List { evidence: Arc<Evidence>, bytes: u64 },
    Forget,
}

impl Work {
    fn bytes(&self) -> u64 {
        match self {
            Self::Content(blob) => blob.size(),
            Self::List { bytes, .. } => *bytes,
            Self::Forget => 0,
        }
    }
}

impl Writer {
    pub(super) fn new(disk: Arc<Disk>, readers: Readers) -> Self {
        Self(Arc::new(Inner {
            disk,
            readers,
            state: Mutex::default(),
            idle: Condvar::new(),
        }))
    }

    pub(super) fn disk(&self) -> &Arc<Disk> {
        &self.0.disk
    }

    pub(super) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    pub(super) fn content(&self, blob: &Blob) {
        self.take(Name::Content(*blob.digest()), Work::Content(blob.clone()));
    }

    /// Keeps a list, and all that it speaks of; `bytes` is what it weighs in memory.
    pub(super) fn list(&self, name: Name, evidence: &Arc<Evidence>, bytes: u64) {
        let evidence = Arc::clone(evidence);
        self.take(name, Work::List { evidence, bytes });
    }

    /// What was kept is not to be found again. This is never left undone for want of room.
    pub(super) fn forget(&self, name: Name) {
        self.take(name, Work::Forget);
    }

    /// Waits a while for all that was taken. Whether it was done.
    pub(super) fn settle(&self, patience: Duration) -> bool {
        let waited = self
            .0
            .idle
            .wait_timeout_while(self.0.state(), patience, |state| state.at_work);
        waited.is_ok_and(|(state, _)| !state.at_work)
    }

    fn take(&self, name: Name, work: Work) {
        let mut state = self.0.state();
        let work = if state.bytes + work.bytes() <= MAX_WAITING {
            work
        } else {
            debug!("the disk is too slow: something is not kept on it");
            match name {
                Name::Content(_) => return,
                // What stands there, or waits to, is older than this: it may hold a signature that is gone.
                Name::List(_) => Work::Forget,
            }
        };
        state.bytes += work.bytes();
        if let Some(before) = state.waiting.insert(name, work) {
            state.bytes -= before.bytes();
        }
        if !state.at_work {
            state.at_work = true;
            let inner = Arc::clone(&self.0);
            drop(tokio::task::spawn_blocking(move || inner.work()));
        }
    }
}

impl Inner {
    fn work(&self) {
        // Whatever happens, the next one who brings something finds that nobody is at work.
        let _rest = Rest(self);
        while let Some((name, work)) = self.next() {
            match work {
                Work::Content(blob) => self.disk.put(&blob),
                Work::List { evidence, .. } => persisted::write(&self.disk, &name, &evidence),
                Work::Forget => self.disk.remove(&name),
            }
        }
    }

    fn next(&self) -> Option<(Name, Work)> {
        let mut state = self.state();
        let next = state.waiting.pop_first();
        match &next {
            Some((_, work)) => state.bytes -= work.bytes(),
            // Under the same lock: what is brought after this finds nobody at work.
            None => state.at_work = false,
        }
        next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The sums are whole at every point where this lock is let go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Rest<'a>(&'a Inner);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().at_work = false;
        }
        self.0.idle.notify_all();
    }
}

#[cfg(test)]
mod tests {

    use countersign_evidence::Evidence;
    use countersign_image::{Digest, Reference};
    use jiff::Timestamp;

    use super::*;

    fn evidence() -> Arc<Evidence> {
        Arc::new(Evidence {
            image: Reference::parse("r.example/app")
                .unwrap()
                .resolved(Digest::sha256(b"image")),
            items: Vec::new(),
            gaps: Vec::new(),
            looked: Vec::new(),
            manifest: None,
            as_of: Timestamp::UNIX_EPOCH,
            stale: false,
        })
    }

    /// Whatever a signature was taken from: the list that still has it is not found after a restart.
    #[tokio::test]
    async fn a_list_for_which_there_is_no_room_takes_the_older_one_away() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(Disk::open(directory.path(), 1 << 20).unwrap());
        let writer = Writer::new(disk, Readers::new(Duration::from_secs(30)));
        let name = Name::List(Digest::sha256(b"list"));
        let is_kept = || writer.disk().read(&name, 1 << 20).is_some();
        writer.list(name, &evidence(), 100);
        assert!(writer.settle(Duration::from_secs(30)) && is_kept());
        writer.list(name, &evidence(), MAX_WAITING + 1);
        assert!(writer.settle(Duration::from_secs(30)) && !is_kept());
        assert_eq!(writer.0.state().bytes, 0);
    }
}
