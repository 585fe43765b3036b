//! Evidence, slot by slot.

use countersign_gate::submission::State;
use countersign_image::Digest;
use countersign_ledger::Record;

use crate::db::{Row, values};
use crate::rows::{Added, EvidenceRow, Use};
use crate::{Store, StoreError};

/// The most uses that are told of one report.
const MOST_USES: u64 = 100;

pub(crate) const USES: &str = "SELECT s.id, s.image, s.source_commit FROM evidence e JOIN submissions s ON s.id = e.submission \
                   WHERE e.sha256 = $1 ORDER BY s.id LIMIT $2";

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

    /// Where a report was used, at most 100 times.
    pub async fn uses(&self, sha256: &Digest) -> Result<Vec<Use>, StoreError> {
        let rows = self.db.rows(USES, values![*sha256, MOST_USES]).await?;
        let used = |row: &Row| {
            Ok(Use {
                submission: row.text(0)?,
                image: row.digest(1)?,
                commit: row.maybe_text(2)?,
            })
        };
        rows.iter().map(used).collect()
    }

    /// Whether a report was used for another image.
    pub async fn used_elsewhere(&self, sha256: &Digest, image: &Digest) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM evidence e JOIN submissions s ON s.id = e.submission \
                   WHERE e.sha256 = $1 AND s.image <> $2 LIMIT 1";
        Ok(self.db.row(sql, values![*sha256, *image]).await?.is_some())
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
