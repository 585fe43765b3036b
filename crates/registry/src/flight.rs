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

use crate::trouble::Trouble;

/// Most flights that are under way at once: twice as many as wait for registries at the door. So who waits always finds a
/// place, if need be that of a flight for which nobody waits any longer.
const MOST: usize = 4096;
/// Most flights that are under way when one begins for which nobody waits.
const MOST_UNASKED: usize = MOST / 2;

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

impl<V: Clone> Flight<V> {
    /// Whether somebody has the arrival besides the list of flights.
    fn is_waited_for(&self) -> bool {
        self.arrival.strong_count().is_some_and(|count| count > 1)
    }
}

/// As many flights as there may be are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) under_way: usize,
}

impl From<Full> for Trouble {
    fn from(full: Full) -> Self {
        Self::Unreachable {
            detail: format!(
                "it is not asked: {} other requests are under way already",
                full.under_way
            ),
        }
    }
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

    /// The flight for a key, and when it began: the one under way, or a new one. What `start` returns has to end by itself.
    pub(crate) fn join<F>(&self, key: &K, start: impl FnOnce() -> F) -> Result<(Arrival<V>, Instant), Full>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(key) {
            return Ok((flight.arrival.clone(), flight.began));
        }
        let given_up = (under_way.len() >= MOST)
            .then(|| make_room(&mut under_way))
            .transpose()?;
        let flight = self.start(key, start());
        let joined = (flight.arrival.clone(), flight.began);
        under_way.insert(key.clone(), flight);
        drop(under_way);
        // Outside the lock, as everywhere: an answer may be dropped with it.
        drop(given_up);
        Ok(joined)
    }

    /// Begins a flight for which nobody waits yet, unless one is under way. Whether there was room for it.
    pub(crate) fn begin<F>(&self, key: &K, start: impl FnOnce() -> F) -> bool
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = lock(&self.under_way);
        if under_way.contains_key(key) {
            return true;
        }
        let room = under_way.len() < MOST_UNASKED;
        if room {
            under_way.insert(key.clone(), self.start(key, start()));
        }
        room
    }

    fn start(&self, key: &K, work: impl Future<Output = V> + Send + 'static) -> Flight<V> {
        let began = Instant::now();
        let landing = Landing {
            key: key.clone(),
            began,
            under_way: Arc::clone(&self.under_way),
        };
        let task = tokio::spawn(async move {
            let _landing = landing;
            work.await
        });
        let abort = task.abort_handle();
        Flight {
            arrival: task.map(Result::ok).boxed().shared(),
            began,
            task: abort,
        }
    }
}

/// Ends the oldest flight for which nobody waits.
fn make_room<K: Clone + Eq + Hash, V: Clone>(under_way: &mut HashMap<K, Flight<V>>) -> Result<Flight<V>, Full> {
    let abandoned = under_way.iter().filter(|(_, flight)| !flight.is_waited_for());
    let oldest = abandoned
        .min_by_key(|(_, flight)| flight.began)
        .map(|(key, _)| key.clone());
    let given_up = oldest.and_then(|key| under_way.remove(&key)).ok_or(Full {
        under_way: under_way.len(),
    })?;
    given_up.task.abort();
    Ok(given_up)
}

/// Takes a flight off the list when it ends, however it ends.
struct Landing<K: Eq + Hash, V: Clone> {
    key: K,
    began: Instant,
    under_way: Arc<UnderWay<K, V>>,
}

impl<K: Eq + Hash, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut under_way = lock(&self.under_way);
        // Where this one had to make room, another may be under way for the same.
        let is_this = under_way
            .get(&self.key)
            .is_some_and(|flight| flight.began == self.began);
        let landed = is_this.then(|| under_way.remove(&self.key));
        drop(under_way);
        // Outside the lock: the last waiter's answer may be dropped with it.
        drop(landed);
    }
}

#[cfg(test)]
impl<K, V: Clone> Flights<K, V> {
    pub(crate) fn under_way(&self) -> usize {
        lock(&self.under_way).len()
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
            .map(|joined| joined.unwrap().0)
            .collect();
        gate.add_permits(1);
        for arrival in arrivals {
            assert_eq!(arrival.await, Some(0));
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        assert_eq!(
            flights.join(&1, || async { 7 }).unwrap().0.await,
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
        let (arrival, _) = arrival.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(5), arrival).await.is_err());
        let finished = tokio::time::timeout(Duration::from_secs(5), done.acquire()).await;
        assert!(finished.is_ok(), "the flight goes on without its waiter");
    }

    #[tokio::test]
    async fn a_flight_that_breaks_off_says_so_and_leaves_the_key_free() {
        let flights = Flights::<u8, u8>::new();
        let broken = flights.join(&1, || async { panic!("as the test wants") }).unwrap().0;
        assert_eq!(broken.await, None);
        assert_eq!(flights.join(&1, || async { 2 }).unwrap().0.await, Some(2));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_begun_only_so_often_and_leaves_room_for_who_waits() {
        let flights = Flights::<usize, u8>::new();
        let begun = (0..2 * MOST)
            .filter(|key| flights.begin(key, std::future::pending))
            .count();
        assert_eq!((begun, lock(&flights.under_way).len()), (MOST_UNASKED, MOST_UNASKED));
        assert!(flights.begin(&0, || async { 1 }), "it is under way");
        let (arrival, _) = flights.join(&MOST, || async { 7 }).unwrap();
        assert_eq!(arrival.await, Some(7));
    }

    #[tokio::test]
    async fn who_waits_takes_the_place_of_the_oldest_for_which_nobody_waits() {
        let flights = Flights::<usize, u8>::new();
        let mut waiting: Vec<_> = (0..MOST)
            .map(|key| flights.join(&key, std::future::pending).unwrap().0)
            .collect();
        let full = Full { under_way: MOST };
        assert_eq!(
            flights.join(&MOST, std::future::pending).err(),
            Some(full),
            "all are waited for"
        );
        drop(waiting.drain(7..9));
        for key in [MOST, MOST + 1] {
            waiting.push(flights.join(&key, std::future::pending).unwrap().0);
        }
        assert_eq!(flights.join(&7, std::future::pending).err(), Some(full));
        assert_eq!(lock(&flights.under_way).len(), MOST);
        assert!(
            waiting[7].clone().now_or_never().is_none(),
            "nobody who waits was put out"
        );
    }

    /// An ended task lands after its key was given to another.
    #[tokio::test]
    async fn a_flight_that_made_room_leaves_its_successor_alone() {
        let flights = Flights::<usize, u8>::new();
        let mut waiting: Vec<_> = (1..MOST)
            .map(|key| flights.join(&key, std::future::pending).unwrap().0)
            .collect();
        drop(flights.join(&0, std::future::pending).unwrap());
        waiting.push(flights.join(&MOST, std::future::pending).unwrap().0);
        drop(waiting.remove(0));
        let again = flights.join(&0, std::future::pending).unwrap().0;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(lock(&flights.under_way).contains_key(&0));
        drop(again);
    }

    #[tokio::test]
    async fn dropping_the_owner_ends_the_flights() {
        let flights = Flights::<u8, u8>::new();
        let (arrival, _) = flights.join(&1, std::future::pending).unwrap();
        drop(flights);
        assert_eq!(arrival.await, None);
    }
}
