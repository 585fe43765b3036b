//! One flight per key: whoever asks for what is already being fetched waits for the same answer.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::task::AbortHandle;

/// The flights under way. Each is a task of its own: a waiter that gives up cancels nobody, and whoever asks again finds
/// the work done or still going on. Dropping this ends them all.
pub(crate) struct Flights<K, V: Clone> {
    under_way: Arc<UnderWay<K, V>>,
}

type UnderWay<K, V> = Mutex<HashMap<K, Flight<V>>>;

/// The answer of a flight; `None` if it broke off.
pub(crate) type Arrival<V> = Shared<BoxFuture<'static, Option<V>>>;

struct Flight<V: Clone> {
    arrival: Arrival<V>,
    began: Instant,
    task: AbortHandle,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self {
            under_way: Arc::default(),
        }
    }

    /// The flight for a key: the one under way, or a new one. What `start` returns has to end by itself.
    pub(crate) fn join<F>(&self, key: &K, start: impl FnOnce() -> F) -> Arrival<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        self.join_since(key, start).0
    }

    /// The same, and when it began.
    pub(crate) fn join_since<F>(&self, key: &K, start: impl FnOnce() -> F) -> (Arrival<V>, Instant)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(key) {
            return (flight.arrival.clone(), flight.began);
        }
        let began = Instant::now();
        let landing = Landing {
            key: key.clone(),
            under_way: Arc::clone(&self.under_way),
        };
        let work = start();
        let task = tokio::spawn(async move {
            let _landing = landing;
            work.await
        });
        let abort = task.abort_handle();
        let arrival = task.map(Result::ok).boxed().shared();
        under_way.insert(
            key.clone(),
            Flight {
                arrival: arrival.clone(),
                began,
                task: abort,
            },
        );
        (arrival, began)
    }
}

/// Takes a flight off the list when it ends, however it ends.
struct Landing<K: Eq + Hash, V: Clone> {
    key: K,
    under_way: Arc<UnderWay<K, V>>,
}

impl<K: Eq + Hash, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let landed = lock(&self.under_way).remove(&self.key);
        // Outside the lock: the last waiter's answer may be dropped with it.
        drop(landed);
    }
}

impl<K, V: Clone> Drop for Flights<K, V> {
    fn drop(&mut self) {
        let flights: Vec<_> = lock(&self.under_way)
            .values()
            .map(|flight| flight.task.clone())
            .collect();
        for task in flights {
            task.abort();
        }
    }
}

impl<K, V: Clone> fmt::Debug for Flights<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights")
            .field("under_way", &lock(&self.under_way).len())
            .finish()
    }
}

fn lock<K, V: Clone>(under_way: &UnderWay<K, V>) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
    // Inserting and removing leave no half-done state behind.
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_thousand_waiters_share_one_flight() {
        let (flights, begun) = (Flights::<u8, usize>::new(), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Semaphore::new(0));
        let arrivals: Vec<_> = (0..1000)
            .map(|_| {
                let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
                flights.join(&1, move || async move {
                    let _permit = gate.acquire().await;
                    begun.fetch_add(1, Ordering::SeqCst)
                })
            })
            .collect();
        gate.add_permits(1);
        for arrival in arrivals {
            assert_eq!(arrival.await, Some(0));
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        assert_eq!(
            flights.join(&1, || async { 7 }).await,
            Some(7),
            "a flight that has landed is no longer joined"
        );
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_cancels_nobody() {
        let flights = Flights::<u8, u8>::new();
        let done = Arc::new(Semaphore::new(0));
        let signal = Arc::clone(&done);
        let arrival = flights.join(&1, move || async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            signal.add_permits(1);
            1
        });
        assert!(tokio::time::timeout(Duration::from_millis(5), arrival).await.is_err());
        let finished = tokio::time::timeout(Duration::from_secs(5), done.acquire()).await;
        assert!(finished.is_ok(), "the flight goes on without its waiter");
    }

    #[tokio::test]
    async fn a_flight_that_breaks_off_says_so_and_leaves_the_key_free() {
        let flights = Flights::<u8, u8>::new();
        let broken = flights.join(&1, || async { panic!("as the test wants") });
        assert_eq!(broken.await, None);
        assert_eq!(flights.join(&1, || async { 2 }).await, Some(2));
    }

    #[tokio::test]
    async fn dropping_the_owner_ends_the_flights() {
        let flights = Flights::<u8, u8>::new();
        let arrival = flights.join(&1, std::future::pending);
        drop(flights);
        assert_eq!(arrival.await, None);
    }
}
