//! Signatures, and what was published with them.

use countersign_image::Digest;
use countersign_ledger::Record;
use jiff::Timestamp;

use crate::db::{Row, values};
use crate::rows::{Fence, Kept, PublishedRow, SignatureRow, Submission};
use crate::{Store, StoreError};

macro_rules! signatures {
    ($rest:literal) => {
        concat!(
            "SELECT submission, decision, kind, key_name, key_version, predicate_type, payload, signature, sealed, request_id, made \
             FROM signatures ",
            $rest
        )
    };
}

macro_rules! published {
    ($rest:literal) => {
        concat!(
            "SELECT repository, image, submission, manifests, made, verified FROM published ",
            $rest
        )
    };
}

impl Store {
    /// Keeps a signature with the entries that tell it, unless there is one of this kind by this key for this decision: there
    /// is never a second.
    pub async fn keep_signature(
        &self,
        row: &SignatureRow,
        under: Option<&Fence>,
        records: Vec<Record>,
    ) -> Result<Kept, StoreError> {
        let mut tx = self.db.begin().await?;
        if let Some(fence) = under {
            Self::hold(&mut tx, fence).await?;
        }
        let sql = "INSERT INTO signatures (submission, decision, kind, key_name, key_version, predicate_type, payload, signature, \
                   sealed, request_id, made) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
        let kept = values![
            &row.submission,
            row.decision,
            &row.kind,
            &row.key,
            row.key_version,
            &row.predicate_type,
            &row.payload,
            &row.signature,
            &row.sealed,
            &row.request_id,
            row.time,
        ];
        if tx.execute(sql, kept).await? == 0 {
            let sql = signatures!("WHERE submission = $1 AND decision = $2 AND kind = $3 AND key_name = $4");
            let of = values![&row.submission, row.decision, &row.kind, &row.key];
            let there = tx.row(sql, of).await?;
            let there = there.ok_or(StoreError::Missing { what: "such signature" })?;
            return Ok(Kept::There(Box::new(signature(&there)?)));
        }
        Self::append_in(&mut tx, records).await?;
        tx.commit().await?;
        Ok(Kept::Kept)
    }

    /// All signatures of a submission, by kind, key and decision. Those of one decision are published together, and with no
    /// others.
    pub async fn signatures(&self, submission: &str) -> Result<Vec<SignatureRow>, StoreError> {
        let sql = signatures!("WHERE submission = $1 ORDER BY kind, key_name, decision");
        self.db
            .rows(sql, values![submission])
            .await?
            .iter()
            .map(signature)
            .collect()
    }

    /// Keeps what was published; what was published there before of the same image, it replaces.
    pub async fn keep_published(&self, row: &PublishedRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO published (repository, image, submission, manifests, made, verified) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (repository, image) DO UPDATE SET \
                   submission = excluded.submission, manifests = excluded.manifests, verified = excluded.verified";
        let kept = values![
            &row.repository,
            row.image,
            &row.submission,
            &row.manifests,
            row.time,
            row.verified
        ];
        self.db.execute(sql, kept).await.map(drop)
    }

    /// What is published of an image in a repository.
    pub async fn published(&self, repository: &str, image: &Digest) -> Result<Option<PublishedRow>, StoreError> {
        let sql = published!("WHERE repository = $1 AND image = $2");
        let row = self.db.row(sql, values![repository, *image]).await?;
        row.as_ref().map(published).transpose()
    }

    /// Takes a destination for the source repository of a submission, and says whether it is that one's: nobody had it, or
    /// this one had it already.
    pub async fn take_destination(
        &self,
        repository: &str,
        of: &Submission,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let asked = &of.asked;
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO destinations (repository, issuer, repository_id, submission, made) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT DO NOTHING";
        let row = values![repository, &asked.issuer, &asked.repository_id, &asked.id, now];
        tx.execute(sql, row).await?;
        let sql = "SELECT issuer, repository_id FROM destinations WHERE repository = $1";
        let owner = tx.row(sql, values![repository]).await?;
        tx.commit().await?;
        let owner = owner.ok_or(StoreError::Missing {
            what: "such destination",
        })?;
        Ok(owner.text(0)? == asked.issuer && owner.text(1)? == asked.repository_id)
    }

    /// Whether anything was published out of a repository of unsigned images, wherever it went.
    pub async fn was_published_from(&self, repository: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM submissions WHERE repository = $1 AND state IN ('PUBLISHED', 'REVOKED') LIMIT 1";
        Ok(self.db.row(sql, values![repository]).await?.is_some())
    }

    /// What was not read back since then, the longest first.
    pub async fn unverified(&self, since: Timestamp, most: u64) -> Result<Vec<PublishedRow>, StoreError> {
        let sql = published!("WHERE verified < $1 ORDER BY verified LIMIT $2");
        self.db
            .rows(sql, values![since, most])
            .await?
            .iter()
            .map(published)
            .collect()
    }

    /// Everything that is published, by repository and digest.
    pub async fn all_published(&self, after: (&str, &str), most: u64) -> Result<Vec<PublishedRow>, StoreError> {
        let sql =
            published!("WHERE repository > $1 OR (repository = $1 AND image > $2) ORDER BY repository, image LIMIT $3");
        self.db
            .rows(sql, values![after.0, after.1, most])
            .await?
            .iter()
            .map(published)
            .collect()
    }
}

fn signature(row: &Row) -> Result<SignatureRow, StoreError> {
    Ok(SignatureRow {
        submission: row.text(0)?,
        decision: row.digest(1)?,
        kind: row.text(2)?,
        key: row.text(3)?,
        key_version: row.number(4)?,
        predicate_type: row.maybe_text(5)?,
        payload: row.bytes(6)?,
        signature: row.bytes(7)?,
        sealed: row.bytes(8)?,
        request_id: row.maybe_text(9)?,
        time: row.time(10)?,
    })
}

fn published(row: &Row) -> Result<PublishedRow, StoreError> {
    Ok(PublishedRow {
        repository: row.text(0)?,
        image: row.digest(1)?,
        submission: row.text(2)?,
        manifests: row.text(3)?,
        time: row.time(4)?,
        verified: row.time(5)?,
    })
}
