//! The client by hand, target by target: for those who test it from outside.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use sigstore_tuf::Updater;
use url::Url;

use super::count;
use super::kept::Kept;
use super::limits::Limits;
use super::mirror::Mirror;
use super::refresh::refreshed;
use crate::error::RefreshError;

/// What is remembered of a repository, and the client that adds to it.
#[derive(Debug)]
pub struct ByHand {
    initial_root: Bytes,
    kept: Arc<Kept>,
    updater: Option<(Updater, Timestamp)>,
}

impl ByHand {
    /// With files that were remembered before, by the names of [`ByHand::files`].
    #[must_use]
    pub fn new(initial_root: Bytes, files: BTreeMap<String, Bytes>) -> Self {
        Self {
            initial_root,
            kept: Arc::new(Kept::of(files)),
            updater: None,
        }
    }

    /// Asks for the metadata of now, and counts who signed it.
    ///
    /// # Errors
    /// As any refresh; what was proved on the way is remembered.
    pub async fn refresh(
        &mut self,
        http: reqwest::Client,
        metadata: Url,
        targets: Url,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<(), RefreshError> {
        let mirror = Mirror::at(http, metadata, targets, limits.answer);
        let (updater, moment) = refreshed(&self.initial_root, mirror, &self.kept, limits, now).await?;
        count::recount(&self.kept, &self.initial_root, updater.trusted().root().version)?;
        self.updater = Some((updater, moment));
        Ok(())
    }

    /// A target's bytes, remembered or fetched.
    ///
    /// # Errors
    /// Where nothing was refreshed, no role lists the target, or it is not what was listed.
    pub async fn target(&mut self, name: &str) -> Result<Vec<u8>, RefreshError> {
        let none = || RefreshError::NoSuchTarget {
            target: name.to_owned(),
        };
        let (updater, moment) = self.updater.as_mut().ok_or_else(none)?;
        let listed = updater.get_target_info(name, *moment).await.map_err(RefreshError::of)?;
        let listed = listed.ok_or_else(none)?;
        let version = updater.trusted().root().version;
        let bytes = match updater.find_cached_target(&listed, name) {
            Some(bytes) => bytes,
            None => updater.download_target(&listed, name).await.map_err(RefreshError::of)?,
        };
        count::recount(&self.kept, &self.initial_root, version)?;
        Ok(bytes)
    }

    /// Everything that is remembered.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Bytes> {
        self.kept.files()
    }
}
