//! Work for a thread of its own: taken where there is room, done in order and in batches, and waited for at the end.
//!
//! To wake a thread that sleeps costs whoever does it as much as a good part of a decision. So the thread does not wait for
//! the next item at once when it has done some: it rests for a moment, and then finds all that came meanwhile.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long is waited at the end for what was taken; whatever it is written to may be stuck.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the thread rests after each batch; by so much an item may be done later.
const REST: Duration = Duration::from_millis(2);
/// The most items in one batch.
const BATCH: usize = 1024;

/// A queue, and the thread at its end.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    taken: Mutex<Option<SyncSender<T>>>,
    /// Ends when the thread does; nothing is ever sent.
    done: Mutex<Receiver<()>>,
}

impl<T: Send + 'static> Queue<T> {
    /// At most `capacity` items wait for `each` to be done with the batch before them.
    ///
    /// # Errors
    /// Where the system cannot start a thread.
    pub(crate) fn start(
        name: &str,
        capacity: usize,
        mut each: impl FnMut(Vec<T>) + Send + 'static,
    ) -> io::Result<Self> {
        let (taken, waiting) = sync_channel::<T>(capacity);
        let (still_working, done) = sync_channel(0);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _still_working = still_working;
            while let Ok(first) = waiting.recv() {
                let rest = waiting.try_iter().take(BATCH - 1);
                each(std::iter::once(first).chain(rest).collect());
                std::thread::sleep(REST);
            }
        })?;
        Ok(Self {
            taken: Mutex::new(Some(taken)),
            done: Mutex::new(done),
        })
    }

    /// Takes an item, if there is room for it and the queue is not closed.
    pub(crate) fn take(&self, item: T) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.as_ref().is_some_and(|taken| taken.try_send(item).is_ok())
    }

    /// Takes no more, and waits a while for what was taken. Whether all of it was done.
    pub(crate) fn close(&self) -> bool {
        self.close_within(PATIENCE)
    }

    fn close_within(&self, patience: Duration) -> bool {
        drop(self.taken.lock().unwrap_or_else(PoisonError::into_inner).take());
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn everything_taken_is_done_in_order_before_the_end() {
        let done = Arc::new(Mutex::new(Vec::new()));
        let doing = Arc::clone(&done);
        let queue = Queue::start("test", 100, move |items| doing.lock().unwrap().extend(items)).unwrap();
        assert!((0..100).all(|item| queue.take(item)));
        assert!(queue.close());
        assert_eq!(*done.lock().unwrap(), (0..100).collect::<Vec<_>>());
        assert!(!queue.take(100), "it is closed");
        assert!(queue.close(), "it is closed already");
    }

    #[test]
    fn what_is_stuck_holds_nobody_up() {
        let (release, stuck) = channel::<()>();
        let queue = Queue::start("test", 1, move |_: Vec<()>| {
            let _ = stuck.recv();
        })
        .unwrap();
        // One is stuck, one waits, and there is no room for more.
        while queue.take(()) {
            std::thread::yield_now();
        }
        assert!(!queue.close_within(Duration::from_millis(1)));
        drop(release);
        assert!(queue.close());
    }
}
