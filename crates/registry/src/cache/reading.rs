//! Reading from the disk off the reactor, for as long as it answers: a disk that hangs (a network's, most often) is worth no
//! more than none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tracing::warn;

/// Most threads that the disk may hold at once. Whatever hangs keeps its place until the disk gives it back.
const AT_ONCE: usize = 32;
/// For how long a disk that did not answer is left alone.
const REST: Duration = Duration::from_secs(30);

/// Those who read. Cheap to clone; clones share the places.
#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: Arc<Semaphore>,
    /// How long one read may take. Who waits for a place waits for others' reads, each of which ends or is given up.
    patience: Duration,
    left_alone_until: Mutex<Option<Instant>>,
    given_up: Notify,
}

impl Readers {
    pub(super) fn new(patience: Duration) -> Self {
        Self::with_places(AT_ONCE, patience)
    }

    pub(super) fn with_places(places: usize, patience: Duration) -> Self {
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(places)),
            patience,
            left_alone_until: Mutex::default(),
            given_up: Notify::new(),
        }))
    }

    /// What `read` finds, unless the disk does not answer in time: then it is as if there were nothing.
    pub(super) async fn read<T: Send + 'static>(&self, read: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
        let inner = &self.0;
        // It counts from here on, also where the disk is given up before it is waited for.
        let given_up = inner.given_up.notified();
        if inner.is_left_alone(Instant::now()) {
            return None;
        }
        let place = tokio::select! {
            place = Arc::clone(&inner.places).acquire_owned() => place.ok()?,
            () = given_up => return None,
        };
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            read()
        });
        match tokio::time::timeout(inner.patience, reading).await {
            Ok(found) => found.ok().flatten(),
            Err(_) => {
                inner.leave_alone(Instant::now());
                None
            }
        }
    }
}

impl Inner {
    fn is_left_alone(&self, now: Instant) -> bool {
        let until = self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| now < until)
    }

    fn leave_alone(&self, now: Instant) {
        let mut until = self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_none_or(|until| until <= now) {
            warn!(
                seconds = REST.as_secs(),
                "the cache's disk does not answer, and is not asked for a while"
            );
        }
        *until = Some(now + REST);
        drop(until);
        self.given_up.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// A disk that hangs is one whose files cannot even be opened, like a pipe at whose other end there is nobody.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_disk_that_hangs_is_as_good_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let (readers, taken) = (Readers::new(Duration::from_millis(200)), Arc::new(AtomicUsize::new(0)));
        let hangs = || {
            let (pipe, taken) = (pipe.clone(), Arc::clone(&taken));
            readers.read(move || {
                taken.fetch_add(1, Ordering::SeqCst);
                std::fs::File::open(pipe).ok()
            })
        };
        let found = join_all((0..500).map(|_| hangs())).await;
        assert!(found.iter().all(Option::is_none));
        // The disk is left alone: neither another thread, nor another moment, is lost to it.
        assert_eq!(readers.read(|| Some(1)).await, None);
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken <= 32, "{taken} threads hang");
        // The runtime waits for its threads: whoever opens the other end lets them go, and who comes later finds no pipe.
        let other_end = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
        drop(directory);
        drop(other_end);
    }

    /// Many who read at once wait for each other, and not for the disk.
    #[tokio::test]
    async fn a_disk_that_is_busy_is_not_one_that_hangs() {
        let readers = Readers::with_places(1, Duration::from_secs(2));
        let slow = || {
            readers.read(|| {
                std::thread::sleep(Duration::from_millis(200));
                Some(1)
            })
        };
        let found = join_all((0..15).map(|_| slow())).await;
        assert!(found.iter().all(|found| *found == Some(1)), "{found:?}");
    }
}
