//! The ledger's entries, in the order of their transactions, and the tree over those that are signed.

use countersign_ledger::tree::Hash;
use countersign_ledger::{Leaf, Record};
use jiff::Timestamp;

use crate::db::{Tx, corrupt, values};
use crate::{Store, StoreError};

/// The most entries that are read at once.
const MOST_LEAVES: u64 = 4096;

/// Where the ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerState {
    /// The number of the next entry: how many there are.
    pub next: u64,
    /// How many of them are in the tree that is signed.
    pub size: u64,
    /// The root of that tree; none before the first checkpoint.
    pub root: Option<Hash>,
    /// The checkpoint over it, as it is served.
    pub checkpoint: Option<String>,
}

/// The right to append to the tree: one among all replicas has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequencer {
    owner: String,
    fence: i64,
}

/// What an append to the tree makes.
#[derive(Clone, Copy, Debug)]
pub struct Integration<'a> {
    /// How many entries the tree had.
    pub from: u64,
    /// How many it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The tiles that are new, by path.
    pub tiles: &'a [(String, Vec<u8>)],
    /// The signed checkpoint.
    pub checkpoint: &'a str,
}

impl Store {
    /// Appends entries in one transaction, and gives the number of the first. What they say of their number is not looked at.
    pub async fn append(&self, records: Vec<Record>) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let first = Self::append_in(&mut tx, records).await?;
        tx.commit().await?;
        Ok(first)
    }

    /// Last in its transaction: whoever writes to the ledger waits for whoever wrote before him to commit, which is why
    /// numbers have no gaps and are in the order of the commits.
    pub(crate) async fn append_in(tx: &mut Tx, records: Vec<Record>) -> Result<u64, StoreError> {
        let count = records.len() as u64;
        let sql = "UPDATE ledger SET next = next + $1 WHERE one = 1 RETURNING next";
        let next = tx
            .row(sql, values![count])
            .await?
            .ok_or(StoreError::Missing { what: "ledger" })?;
        let first = next
            .number(0)?
            .checked_sub(count)
            .ok_or_else(|| corrupt("the ledger's next number"))?;
        for (seq, mut record) in (first..).zip(records) {
            record.seq = seq;
            let leaf = Leaf::write(&record)?;
            tx.execute(
                "INSERT INTO leaves (seq, entry) VALUES ($1, $2)",
                values![seq, leaf.bytes()],
            )
            .await?;
        }
        Ok(first)
    }

    /// Where the ledger is.
    pub async fn ledger_state(&self) -> Result<LedgerState, StoreError> {
        let sql = "SELECT next, size, COALESCE(root, $1), checkpoint FROM ledger";
        let none: &[u8] = &[];
        let row = self
            .db
            .row(sql, values![none])
            .await?
            .ok_or(StoreError::Missing { what: "ledger" })?;
        let root = row.bytes(2)?;
        Ok(LedgerState {
            next: row.number(0)?,
            size: row.number(1)?,
            root: match root.as_slice() {
                [] => None,
                root => Some(root.try_into().map_err(|_| corrupt("the ledger's root"))?),
            },
            checkpoint: row.maybe_text(3)?,
        })
    }

    /// Entries with their numbers, from one on, at most 4,096.
    pub async fn leaves(&self, from: u64, most: u64) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let sql = "SELECT seq, entry FROM leaves WHERE seq >= $1 ORDER BY seq LIMIT $2";
        let rows = self.db.rows(sql, values![from, most.min(MOST_LEAVES)]).await?;
        let mut leaves = Vec::with_capacity(rows.len());
        for (expected, row) in (from..).zip(&rows) {
            let found = row.number(0)?;
            if found != expected {
                return Err(corrupt(format!("after entry {expected} of the ledger comes {found}")));
            }
            leaves.push((found, row.bytes(1)?));
        }
        Ok(leaves)
    }

    /// Takes or keeps the right to append to the tree, until `until`. `None` while somebody else has it.
    pub async fn sequence(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sequencer>, StoreError> {
        // Only whoever is new moves the fence: who keeps the right goes on with the same.
        let sql = "UPDATE sequencer SET fence = CASE WHEN owner = $1 THEN fence ELSE fence + 1 END, owner = $1, until = $2 \
                   WHERE one = 1 AND (owner = $1 OR until <= $3) RETURNING fence";
        let mut tx = self.db.begin().await?;
        let row = tx.row(sql, values![owner, until, now]).await?;
        tx.commit().await?;
        let sequencer = |fence| Sequencer {
            owner: owner.to_owned(),
            fence,
        };
        row.map(|row| row.signed(0).map(sequencer)).transpose()
    }

    /// Appends to the tree, if it still is what the sequencer believes, and nobody else took the right to.
    pub async fn integrate(&self, by: &Sequencer, append: &Integration<'_>) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE sequencer SET fence = fence WHERE one = 1 AND owner = $1 AND fence = $2";
        if tx.execute(sql, values![&by.owner, by.fence]).await? != 1 {
            return Err(StoreError::Stale);
        }
        let sql = "UPDATE ledger SET size = $1, root = $2, checkpoint = $3 \
                   WHERE one = 1 AND size = $4 AND $1 >= $4 AND $1 <= next";
        let root: &[u8] = &append.root;
        let state = values![append.size, root, append.checkpoint, append.from];
        if tx.execute(sql, state).await? != 1 {
            let found = tx.row("SELECT size FROM ledger", values![]).await?;
            return Err(StoreError::OtherSize {
                expected: append.from,
                found: found.map_or(Ok(0), |row| row.number(0))?,
            });
        }
        for (path, hashes) in append.tiles {
            let sql = "INSERT INTO tiles (path, hashes) VALUES ($1, $2) ON CONFLICT (path) DO UPDATE SET hashes = excluded.hashes";
            tx.execute(sql, values![path, hashes]).await?;
        }
        tx.commit().await
    }

    /// A tile of hashes, by its path. Bundles of entries are made from the [leaves](Self::leaves).
    pub async fn tile(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self
            .db
            .row("SELECT hashes FROM tiles WHERE path = $1", values![path])
            .await?;
        row.map(|row| row.bytes(0)).transpose()
    }
}
