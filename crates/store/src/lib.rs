//! Where the service that signs keeps what it knows: submissions and where they are, evidence, signatures, work that is to be
//! done, and the ledger's entries until and after they are in the tree.
//!
//! One transaction is one truth: a submission's new state, the entries that tell it and the work that follows are stored
//! together or not at all. Who works holds a lease with a [`Fence`]; what he writes after somebody else took over is refused.
//! Signatures and entries are never changed: the database itself refuses it.
//!
//! SQLite and PostgreSQL hold the same tables and are asked in the same words. Times come from the caller.
#![warn(missing_docs)]

mod blobs;
mod db;
mod error;
mod evidence;
mod ledger;
mod migrations;
mod restore;
mod rows;
mod sessions;
mod signatures;
mod submissions;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod watch;
mod work;

pub use blobs::{BlobError, Blobs, Upload};
pub use db::{Address, Limits};
pub use error::{StoreError, TransitionError};
pub use ledger::{Integration, LedgerState, Sequencer};
pub use restore::{Anchor, RestoreError};
pub use rows::{
    Added, Asked, Change, Created, EvidenceRow, Fence, Filter, GateText, Idempotency, Kept, KeyVersion, NewWork,
    PublishedRow, SignatureRow, Submission, Work,
};

use tokio::sync::watch as channel;

/// The store. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Store {
    db: db::Db,
    /// Rung at every transition that this process makes.
    rung: channel::Sender<u64>,
}

impl Store {
    /// Opens the database, and makes it if there is none; brings its tables up to date. A database that a newer release
    /// has brought further is refused.
    pub async fn open(address: &Address, limits: &Limits) -> Result<Self, StoreError> {
        let db = db::Db::open(address, limits).await?;
        migrations::run(&db).await?;
        let (rung, _) = channel::channel(0);
        Ok(Self { db, rung })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.db.close().await;
    }

    fn ring(&self) {
        self.rung.send_modify(|count| *count = count.wrapping_add(1));
    }
}
