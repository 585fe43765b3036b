//! Work that is to be done, and who may do it.

use jiff::Timestamp;

use crate::db::{Row, Tx, values};
use crate::rows::{Fence, Work};
use crate::{Store, StoreError};

/// What is due: nobody works on it, or whoever did has let his lease end.
pub(crate) const DUE: &str = "SELECT id FROM work WHERE kind = $1 AND due <= $2 ORDER BY due LIMIT 1";
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE work SET owner = $3, due = $4, fence = fence + 1, attempts = attempts + 1 WHERE id = \
             (SELECT id FROM work WHERE kind = $1 AND due <= $2 ORDER BY due LIMIT 1",
            $lock,
            ") RETURNING id, kind, submission, attempts, since, why, fence"
        )
    };
}
pub(crate) const CLAIM_SQLITE: &str = claim!("");
/// Rows that somebody else is just claiming are passed over.
pub(crate) const CLAIM_POSTGRES: &str = claim!(" FOR UPDATE SKIP LOCKED");

impl Store {
    /// Takes what has been due the longest, until `until`: then somebody else may take it.
    pub async fn claim(
        &self,
        kind: &str,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Work>, StoreError> {
        // To look costs no writer his turn.
        if self.db.row(DUE, values![kind, now]).await?.is_none() {
            return Ok(None);
        }
        let sql = if self.db.is_postgres() {
            CLAIM_POSTGRES
        } else {
            CLAIM_SQLITE
        };
        let mut tx = self.db.begin().await?;
        let row = tx.row(sql, values![kind, now, owner, until]).await?;
        tx.commit().await?;
        row.as_ref().map(work).transpose()
    }

    /// Keeps it longer.
    pub async fn renew(&self, fence: &Fence, until: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE work SET due = $1 WHERE id = $2 AND fence = $3";
        one(self.db.execute(sql, values![until, &fence.work, fence.token]).await?)
    }

    /// Gives it back, for later: nobody has it until then.
    pub async fn put_off(&self, fence: &Fence, until: Timestamp, why: &str) -> Result<(), StoreError> {
        // The fence moves on, so that whoever gave it back writes nothing any more.
        let sql = "UPDATE work SET due = $1, why = $2, owner = NULL, fence = fence + 1 WHERE id = $3 AND fence = $4";
        one(self
            .db
            .execute(sql, values![until, why, &fence.work, fence.token])
            .await?)
    }

    /// It is done, without a step.
    pub async fn finish(&self, fence: &Fence) -> Result<(), StoreError> {
        let sql = "DELETE FROM work WHERE id = $1 AND fence = $2";
        one(self.db.execute(sql, values![&fence.work, fence.token]).await?)
    }

    /// How much work of each kind there is, and since when the oldest has been due; what is being done is due when its lease ends.
    pub async fn queue(&self) -> Result<Vec<(String, u64, Timestamp)>, StoreError> {
        let sql = "SELECT kind, COUNT(*), MIN(due) FROM work GROUP BY kind ORDER BY kind";
        let rows = self.db.rows(sql, values![]).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.number(1)?, row.time(2)?)))
            .collect()
    }

    /// Refuses whoever lost the lease, and holds the row until the transaction ends.
    pub(crate) async fn hold(tx: &mut Tx, fence: &Fence) -> Result<(), StoreError> {
        let sql = "UPDATE work SET fence = fence WHERE id = $1 AND fence = $2";
        one(tx.execute(sql, values![&fence.work, fence.token]).await?)
    }
}

fn one(changed: u64) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

fn work(row: &Row) -> Result<Work, StoreError> {
    Ok(Work {
        kind: row.text(1)?,
        submission: row.text(2)?,
        attempt: row.number(3)?,
        since: row.time(4)?,
        why: row.maybe_text(5)?,
        fence: Fence {
            work: row.text(0)?,
            token: row.signed(6)?,
        },
    })
}
