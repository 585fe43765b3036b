//! Evidence, slot by slot.

use countersign_gate::submission::State;
use countersign_image::Digest;
use countersign_ledger::Record;

use crate::db::{Row, values};
use crate::rows::{Added, EvidenceRow, Submission};
use crate::{Store, StoreError};

/// The most commits that are told of one report.
const MOST_COMMITS: u64 = 100;

/// What was never sealed, and what was taken back or too late, has used nothing.
pub(crate) const USED_BEFORE: &str = "SELECT DISTINCT s.source_commit FROM evidence e JOIN submissions s ON s.id = e.submission \
     WHERE e.sha256 = $1 AND s.image <> $2 AND s.state NOT IN ('EXPIRED', 'CANCELLED') \
     AND s.sealed < COALESCE((SELECT sealed FROM submissions WHERE id = $3), 9223372036854775807) LIMIT $4";

impl Store {
    /// Takes evidence in, while the submission is RECEIVED; its blob is kept already.
    pub async fn add_evidence(
        &self,
        submission: &str,
        row: &EvidenceRow,
        most_slots: u64,
        records: Vec<Record>,
    ) -> Result<Added, StoreError> {
        let mut tx = self.db.begin().await?;
        // Writing to the row keeps a seal out until this is committed: what is sealed is all that there is.
        let sql = "UPDATE submissions SET version = version WHERE id = $1 AND state = $2";
        let open = tx.execute(sql, values![submission, State::Received.name()]).await? == 1;
        let sql = "SELECT received FROM evidence WHERE submission = $1 AND slot = $2";
        if let Some(there) = tx.row(sql, values![submission, &row.slot]).await? {
            let same = there.digest(0)? == row.received;
            return Ok(if same { Added::Same } else { Added::SlotTaken });
        }
        if !open {
            return Ok(Added::Sealed);
        }
        let taken = tx
            .row(
                "SELECT COUNT(*) FROM evidence WHERE submission = $1",
                values![submission],
            )
            .await?;
        if taken.map_or(Ok(0), |row| row.number(0))? >= most_slots {
            return Ok(Added::Full);
        }
        let sql = "INSERT INTO evidence (submission, slot, received, sha256, size, format, platform, detail, taken) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let kept = values![
            submission,
            &row.slot,
            row.received,
            row.sha256,
            row.size,
            &row.format,
            &row.platform,
            &row.detail,
            row.time,
        ];
        tx.execute(sql, kept).await?;
        Self::append_in(&mut tx, records).await?;
        tx.commit().await?;
        Ok(Added::Added)
    }

    /// All evidence of a submission, by slot.
    pub async fn evidence(&self, submission: &str) -> Result<Vec<EvidenceRow>, StoreError> {
        let sql = "SELECT slot, received, sha256, size, format, platform, detail, taken FROM evidence \
                   WHERE submission = $1 ORDER BY slot";
        self.db
            .rows(sql, values![submission])
            .await?
            .iter()
            .map(evidence)
            .collect()
    }

    /// The commits for which a report was used before, for other images: of submissions that were sealed before this one.
    /// One that names no commit is a `None`. What comes later is no use before, or somebody could turn this one away with a copy.
    /// At most 100.
    pub async fn used_before(&self, sha256: &Digest, of: &Submission) -> Result<Vec<Option<String>>, StoreError> {
        let before = values![*sha256, of.asked.image, &of.asked.id, MOST_COMMITS];
        let rows = self.db.rows(USED_BEFORE, before).await?;
        rows.iter().map(|row| row.maybe_text(0)).collect()
    }

    /// The digests of the blobs that some submission needs, from `after` on, in order: what is not among all of them may be swept.
    pub async fn blobs(&self, after: &str, most: u64) -> Result<Vec<Digest>, StoreError> {
        let sql = "SELECT DISTINCT sha256 FROM evidence WHERE sha256 > $1 ORDER BY sha256 LIMIT $2";
        self.db
            .rows(sql, values![after, most])
            .await?
            .iter()
            .map(|row| row.digest(0))
            .collect()
    }
}

fn evidence(row: &Row) -> Result<EvidenceRow, StoreError> {
    Ok(EvidenceRow {
        slot: row.text(0)?,
        received: row.digest(1)?,
        sha256: row.digest(2)?,
        size: row.number(3)?,
        format: row.text(4)?,
        platform: row.maybe_text(5)?,
        detail: row.text(6)?,
        time: row.time(7)?,
    })
}
