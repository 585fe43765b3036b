//! What is looked up: what a session may not see is not there.

use std::time::Instant;

use countersign_image::Digest;
use countersign_store as store;
use countersign_wire::{self as wire, Code};

use super::Service;
use super::records::Job;
use crate::door::Refusal;

/// The most submissions of one image that are told.
const MAX_HISTORY: u64 = 100;

impl Service {
    /// A submission of the caller's repository. Those of others are not there.
    pub(crate) async fn visible(&self, caller: &Job, id: &str) -> Result<store::Submission, Refusal> {
        let found = self.store.submission(id).await?;
        let repository = &caller.submitter.repository;
        let own = |found: &store::Submission| {
            found.asked.issuer == repository.issuer && found.asked.repository_id == repository.repository_id
        };
        found.filter(own).ok_or_else(|| Refusal::new(Code::NotFound))
    }

    pub(crate) async fn see(&self, caller: &Job, id: &str) -> Result<wire::Submission, Refusal> {
        let submission = self.visible(caller, id).await?;
        self.told(&submission).await
    }

    /// The submission once its version is above this one, or as it is when the deadline comes.
    pub(crate) async fn see_after(
        &self,
        caller: &Job,
        id: &str,
        version: u64,
        deadline: Instant,
    ) -> Result<wire::Submission, Refusal> {
        self.visible(caller, id).await?;
        let wait = deadline.saturating_duration_since(Instant::now());
        let submission = self.store.watch(id, version, wait).await?;
        let submission = submission.ok_or_else(|| Refusal::new(Code::NotFound))?;
        self.told(&submission).await
    }

    pub(crate) async fn of_image(&self, caller: &Job, digest: &Digest) -> Result<Vec<wire::Submission>, Refusal> {
        let repository = &caller.submitter.repository;
        let filter = store::Filter {
            of: Some((repository.issuer.clone(), repository.repository_id.clone())),
            image: Some(*digest),
            ..store::Filter::default()
        };
        let mut told = Vec::new();
        for submission in self.store.list(&filter, MAX_HISTORY).await? {
            told.push(self.told(&submission).await?);
        }
        Ok(told)
    }

    pub(crate) async fn keys(&self) -> Result<Vec<wire::Key>, Refusal> {
        let kept = self.store.keys().await?;
        let signs = |row: &store::KeyVersion| {
            self.keyring
                .all()
                .any(|named| named.name == row.name && named.key.public_key().fingerprint() == row.spki)
        };
        let told = kept.into_iter().map(|row| wire::Key {
            status: if signs(&row) && row.retired.is_none() {
                wire::KeyStatus::Active
            } else {
                wire::KeyStatus::Retired
            },
            name: row.name,
            version: row.version,
            spki_sha256: row.spki.hex(),
            pem: row.pem,
            first_used: row.first_used,
        });
        Ok(told.collect())
    }
}
