//! Everything that the door and the workers share.

mod intake;
mod ledger;
mod reading;
mod records;
mod sessions;
mod simulation;
mod steps;
mod told;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use countersign_identity::Issuers;
use countersign_registry::{Client, Credentials};
use countersign_store::{Anchor, Blobs, Store};
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, watch};

pub(crate) use self::intake::{Creation, Request, Taken, allowed, image_of};
pub(crate) use self::records::{Happened, Job, record};
pub(crate) use self::sessions::Opened;
pub(crate) use self::steps::Stepping;
pub(crate) use self::told::{CameOf, HandedIn, PlannedRelease, checks, whom};
use crate::catalog::Catalogs;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// The parts of a running service.
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) catalogs: Catalogs,
    pub(crate) keyring: Keyring,
    pub(crate) client: Client,
    pub(crate) credentials: Credentials,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) uploads: Semaphore,
    /// Recognising a report takes a core and its size in memory several times.
    pub(crate) readers: Semaphore,
    /// Asking another gate reads every report again: one such question at a time.
    pub(crate) simulations: Semaphore,
    /// Rung when there is new work, so that nobody waits for the next look.
    pub(crate) bell: Notify,
    /// How many entries the newest checkpoint has that was signed here.
    pub(crate) signed: watch::Sender<u64>,
    /// What the store's past is held against, where there is such a place.
    pub(crate) anchor: Option<Anchor>,
    /// Since when, and how many refused tokens the ledger was told of: strangers do not fill it.
    pub(crate) denials: Mutex<(Instant, u32)>,
    pub(crate) clock: fn() -> Timestamp,
}

impl Service {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
