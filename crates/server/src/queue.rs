//! Work for a thread of its own: taken where there is room, done in order and in batches, and waited for at the end.
//!
//! To wake a thread that sleeps costs whoever does it as much as a good part of a decision. So the thread does not wait for
//! the next item at once when it has done some: it rests for a moment, and then finds all that came meanwhile.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long is waited at the end for what was taken; whatever it is written to may be stuck.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the thread rests after each batch; by so much an item may be done later.
const REST: Duration = Duration::from_millis(10);
/// The most items in one batch.
const BATCH: usize = 1024;

/// A queue, and the thread at its end. It has room for as many as wait: most of the time that is next to none.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    shared: Arc<Shared<T>>,
    capacity: usize,
    /// Ends when the thread does; nothing is ever sent.
    done: Mutex<Receiver<()>>,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    awake: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
    /// Whether the thread has to be woken.
    asleep: bool,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here can break off half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state().closed = true;
        self.awake.notify_one();
    }

    /// What waits, or will; nothing once it is closed.
    fn batch(&self) -> Option<Vec<T>> {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.asleep = true;
            state = self.awake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asleep = false;
        let count = state.waiting.len().min(BATCH);
        let batch = state.waiting.drain(..count).collect();
        // A flood that is over keeps nothing.
        if state.waiting.is_empty() {
            state.waiting.shrink_to(BATCH);
        }
        Some(batch)
    }
}

/// Nobody puts anything into a queue at whose end there is nobody.
struct Gone<T>(Arc<Shared<T>>);

impl<T> Drop for Gone<T> {
    fn drop(&mut self) {
        self.0.close();
    }
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
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                closed: false,
                asleep: false,
            }),
            awake: Condvar::new(),
        });
        let (still_working, done) = sync_channel(0);
        let end = Gone(Arc::clone(&shared));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _still_working = still_working;
            while let Some(batch) = end.0.batch() {
                each(batch);
                std::thread::sleep(REST);
            }
        })?;
        Ok(Self {
            shared,
            capacity,
            done: Mutex::new(done),
        })
    }

    /// Takes an item, if there is room for it and the queue is not closed.
    pub(crate) fn take(&self, item: T) -> bool {
        let mut state = self.shared.state();
        if state.closed || state.waiting.len() >= self.capacity {
            return false;
        }
        state.waiting.push_back(item);
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.shared.awake.notify_one();
        }
        true
    }

    /// Takes no more, and waits a while for what was taken. Whether all of it was done.
    pub(crate) fn close(&self) -> bool {
        self.close_within(PATIENCE)
    }

    fn close_within(&self, patience: Duration) -> bool {
        self.shared.close();
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected)
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn who_broke_off_takes_no_more_and_a_flood_leaves_no_room_behind() {
        let queue = Queue::start("test", 100_000, |items: Vec<u8>| assert!(!items.contains(&1))).unwrap();
        for _ in 0..50_000 {
            assert!(queue.take(0));
        }
        while !queue.shared.state().waiting.is_empty() {
            std::thread::yield_now();
        }
        assert!(queue.shared.state().waiting.capacity() <= BATCH);
        queue.take(1);
        while queue.take(0) {
            std::thread::yield_now();
        }
        assert!(queue.close(), "the thread is gone");
    }
}
