//! Content by its digest: in memory, and on disk where there is a place for it.

use std::fmt;
use std::sync::Arc;

use countersign_image::{Blob, Digest};
use moka::sync::Cache;

use super::CacheConfig;
use super::writer::Writer;

/// Blobs and manifests. They need no end of life: a digest means the same for ever.
pub(crate) struct ContentCache {
    memory: Cache<Digest, Blob>,
    disk: Option<Writer>,
}

impl ContentCache {
    pub(super) fn new(config: &CacheConfig, disk: Option<Writer>) -> Self {
        let memory = Cache::builder()
            .max_capacity(config.memory_bytes)
            .weigher(|_, blob: &Blob| u32::try_from(blob.size()).unwrap_or(u32::MAX).saturating_add(OVERHEAD))
            .build();
        Self { memory, disk }
    }

    /// Bytes that are at hand. Those from disk are hashed again: a file is anybody's who can write there.
    pub(crate) async fn get(&self, digest: &Digest) -> Option<Blob> {
        if let Some(blob) = self.memory.get(digest) {
            return Some(blob);
        }
        let writer = self.disk.as_ref()?;
        let (disk, wanted) = (Arc::clone(writer.disk()), *digest);
        let blob = writer.readers().read(move || disk.get(&wanted)).await?;
        self.memory.insert(*digest, blob.clone());
        Some(blob)
    }

    /// The same, for who is off the reactor already.
    pub(super) fn get_blocking(&self, digest: &Digest) -> Option<Blob> {
        if let Some(blob) = self.memory.get(digest) {
            return Some(blob);
        }
        let blob = self.disk.as_ref()?.disk().get(digest)?;
        self.memory.insert(*digest, blob.clone());
        Some(blob)
    }

    pub(crate) fn put(&self, blob: &Blob) {
        if self.memory.contains_key(blob.digest()) {
            return;
        }
        self.memory.insert(*blob.digest(), blob.clone());
        if let Some(writer) = &self.disk {
            writer.content(blob);
        }
    }
}

/// What an entry costs beside its bytes.
const OVERHEAD: u32 = 256;

impl fmt::Debug for ContentCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentCache")
            .field("entries", &self.memory.entry_count())
            .field("disk", &self.disk.as_ref().map(Writer::disk))
            .finish()
    }
}
