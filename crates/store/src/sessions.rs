//! Who asks, what counts, and which keys there were.

use countersign_image::Digest;
use jiff::Timestamp;

use crate::db::{Row, values};
use crate::rows::{GateText, KeyVersion};
use crate::{Store, StoreError};

impl Store {
    /// Whether this token was not used before; from now on it was, until it is no token any more.
    pub async fn use_token_id(
        &self,
        issuer: &str,
        token_id: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO token_ids (issuer, token_id, until) VALUES ($1, $2, $3) \
                   ON CONFLICT (issuer, token_id) DO UPDATE SET until = excluded.until WHERE token_ids.until < $4";
        Ok(self.db.execute(sql, values![issuer, token_id, until, now]).await? == 1)
    }

    /// Keeps a session under the hash of its token: the token itself is nowhere.
    pub async fn keep_session(&self, hash: &[u8], job: &str, expires: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO sessions (hash, job, expires) VALUES ($1, $2, $3)";
        self.db.execute(sql, values![hash, job, expires]).await.map(drop)
    }

    /// The job of a session that is not over.
    pub async fn session(&self, hash: &[u8], now: Timestamp) -> Result<Option<String>, StoreError> {
        let sql = "SELECT job FROM sessions WHERE hash = $1 AND expires > $2";
        self.db
            .row(sql, values![hash, now])
            .await?
            .map(|row| row.text(0))
            .transpose()
    }

    /// Forgets sessions and tokens that are over, and says how many.
    pub async fn forget(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let sessions = tx
            .execute("DELETE FROM sessions WHERE expires <= $1", values![now])
            .await?;
        let tokens = tx
            .execute("DELETE FROM token_ids WHERE until < $1", values![now])
            .await?;
        tx.commit().await?;
        Ok(sessions + tokens)
    }

    /// Keeps a gate's text; false if it was kept before.
    pub async fn keep_gate(&self, gate: &GateText) -> Result<bool, StoreError> {
        let sql = "INSERT INTO gates (digest, name, document, loaded) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let kept = values![gate.digest, &gate.name, &gate.text, gate.loaded];
        Ok(self.db.execute(sql, kept).await? == 1)
    }

    /// The text of a gate that counted once.
    pub async fn gate_text(&self, digest: &Digest) -> Result<Option<GateText>, StoreError> {
        let sql = "SELECT digest, name, document, loaded FROM gates WHERE digest = $1";
        let gate = |row: Row| {
            Ok(GateText {
                digest: row.digest(0)?,
                name: row.text(1)?,
                text: row.text(2)?,
                loaded: row.time(3)?,
            })
        };
        self.db.row(sql, values![*digest]).await?.map(gate).transpose()
    }

    /// Keeps a version of a key. Of one that is kept only the retirement is taken over; false, and nothing is changed, if
    /// another key is kept under that name and version.
    pub async fn keep_key(&self, key: &KeyVersion) -> Result<bool, StoreError> {
        let sql = "INSERT INTO signing_keys (name, version, pem, spki, first_used, retired) VALUES ($1, $2, $3, $4, $5, $6) \
                   ON CONFLICT (name, version) DO UPDATE SET retired = excluded.retired \
                   WHERE signing_keys.spki = excluded.spki";
        let kept = values![&key.name, key.version, &key.pem, key.spki, key.first_used, key.retired];
        Ok(self.db.execute(sql, kept).await? == 1)
    }

    /// Every version of every key that was ever used.
    pub async fn keys(&self) -> Result<Vec<KeyVersion>, StoreError> {
        let sql = "SELECT name, version, pem, spki, first_used, retired FROM signing_keys ORDER BY name, version";
        let key = |row: &Row| {
            Ok(KeyVersion {
                name: row.text(0)?,
                version: row.number(1)?,
                pem: row.text(2)?,
                spki: row.digest(3)?,
                first_used: row.time(4)?,
                retired: row.maybe_time(5)?,
            })
        };
        self.db.rows(sql, values![]).await?.iter().map(key).collect()
    }
}
