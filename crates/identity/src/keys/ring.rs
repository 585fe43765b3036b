//! The keys of one issuer as they lie ready: fetched in the background, and again at once for a key that nobody knew.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tracing::{debug, warn};

use super::{Key, KeySet, Source};
use crate::refused::{Code, Refused};
use crate::token::Shown;

/// After this the background fetches again. A key that its issuer took back is believed for as long.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// After this nothing is believed any more, whatever kept us from fetching.
const STALE: SignedDuration = SignedDuration::from_hours(24);
/// Between two fetches that tokens give rise to. Anybody can name keys that do not exist.
const BETWEEN: SignedDuration = SignedDuration::from_secs(30);
/// The same, while there are no keys at all.
const BETWEEN_FIRST: SignedDuration = SignedDuration::from_secs(5);

pub(crate) struct Ring {
    /// What the configuration calls the issuer.
    issuer: String,
    source: Source,
    current: ArcSwapOption<Fetched>,
    /// Whoever holds it fetches; all others wait for what comes of it.
    asking: Mutex<Asked>,
}

struct Fetched {
    keys: KeySet,
    at: Timestamp,
    number: u64,
}

/// The latest fetch that a token gave rise to.
#[derive(Default)]
struct Asked {
    at: Option<Timestamp>,
    has_failed: bool,
}

impl Ring {
    pub(crate) fn new(issuer: String, source: Source) -> Self {
        Self {
            issuer,
            source,
            current: ArcSwapOption::empty(),
            asking: Mutex::default(),
        }
    }

    /// The key that has to have signed a token.
    pub(crate) async fn key(self: &Arc<Self>, shown: &Shown<'_>, now: Timestamp) -> Result<Arc<Key>, Refused> {
        let current = self.current.load_full();
        let seen = current.as_ref().map(|fetched| fetched.number);
        let found = current
            .filter(|fetched| fetched.is_believed(now))
            .map(|fetched| fetched.find(shown));
        match found {
            Some(Err(refused)) if refused.code() == Code::KeyUnknown => {}
            Some(outcome) => return outcome,
            None => {}
        }
        let has_failed = self.ask_again(seen, now).await;
        let current = self.current.load_full();
        let issuer = &self.issuer;
        let Some(fetched) = current.as_ref().filter(|fetched| fetched.is_believed(now)) else {
            if current.is_none() {
                return Err(unavailable(issuer));
            }
            let hours = STALE.as_hours();
            let what = format!("the keys of issuer `{issuer}` are {hours} hours old, and new ones cannot be had now");
            return Err(Refused::new(Code::KeysStale, what));
        };
        match (fetched.find(shown), has_failed) {
            // The key may be a new one, of which we could not hear.
            (Err(refused), true) if refused.code() == Code::KeyUnknown => Err(unavailable(issuer)),
            (outcome, _) => outcome,
        }
    }

    /// Fetches because of a token, unless somebody else just did. Whether that failed comes out.
    ///
    /// It goes on where the caller goes away: else who hangs up soon enough could keep all others waiting for a key.
    async fn ask_again(self: &Arc<Self>, seen: Option<u64>, now: Timestamp) -> bool {
        let ring = Arc::clone(self);
        let task = tokio::spawn(async move {
            let mut asked = ring.asking.lock().await;
            if ring.current.load().as_ref().map(|fetched| fetched.number) != seen {
                return false;
            }
            let between = if seen.is_some() { BETWEEN } else { BETWEEN_FIRST };
            if asked.at.is_some_and(|at| now.duration_since(at) < between) {
                return asked.has_failed;
            }
            asked.has_failed = !ring.fetch(now).await;
            asked.at = Some(now);
            asked.has_failed
        });
        // It ends early only where the service does.
        task.await.unwrap_or(true)
    }

    /// Fetches if it is time. What was there stays where that fails.
    pub(crate) async fn refresh(&self, now: Timestamp) {
        let is_fresh = |fetched: &Arc<Fetched>| now.duration_since(fetched.at) < FRESH;
        if self.current.load().as_ref().is_some_and(is_fresh) {
            return;
        }
        let mut asked = self.asking.lock().await;
        asked.has_failed = !self.fetch(now).await;
    }

    /// Whether there are new keys.
    async fn fetch(&self, now: Timestamp) -> bool {
        let obtained = match self.source.obtain().await {
            Ok(bytes) => KeySet::read(&bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match obtained {
            Ok(keys) => {
                debug!(issuer = self.issuer, "the issuer's keys were fetched");
                let number = self.current.load().as_ref().map_or(0, |fetched| fetched.number + 1);
                self.current.store(Some(Arc::new(Fetched { keys, at: now, number })));
                true
            }
            Err(why) => {
                warn!(issuer = self.issuer, why, "the issuer's keys cannot be fetched");
                false
            }
        }
    }
}

impl Fetched {
    fn is_believed(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) <= STALE
    }

    fn find(&self, shown: &Shown<'_>) -> Result<Arc<Key>, Refused> {
        self.keys.find(shown.key_id(), shown.signed_with())
    }
}

/// What kept us is in the log: whoever asks may be anybody, and it tells of our network.
fn unavailable(issuer: &str) -> Refused {
    Refused::new(
        Code::Unavailable,
        format!("the keys of issuer `{issuer}` cannot be had now"),
    )
}
