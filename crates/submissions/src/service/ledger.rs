//! The ledger as the service writes to it and reads from it.

use std::time::{Duration, Instant};

use countersign_ledger::checkpoint::Witnesses;
use countersign_ledger::tiles::{FULL, Of, Source, entry_bundle};
use countersign_ledger::{Reader, Receipt, Tile, Trust};
use countersign_store as store;

use super::{Happened, Service};
use crate::door::Refusal;

/// How often other replicas' checkpoints are looked for.
const LOOKED_FOR: Duration = Duration::from_millis(500);

impl Service {
    /// Writes an entry that belongs to no transition, and says its number.
    pub(crate) async fn append(&self, happened: Happened) -> Result<u64, store::StoreError> {
        self.store.append(vec![happened.done()]).await
    }

    /// Waits until the entry of this number is in a signed checkpoint. `false` where the deadline comes first.
    pub(crate) async fn is_signed(&self, seq: u64, deadline: Instant) -> Result<bool, store::StoreError> {
        let mut signed = self.signed.subscribe();
        loop {
            if *signed.borrow_and_update() > seq {
                return Ok(true);
            }
            if self.store.ledger_state().await?.size > seq {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            // Another replica may be the one that signs; then nobody rings here.
            let _ = tokio::time::timeout(LOOKED_FOR, signed.changed()).await;
        }
    }

    pub(crate) async fn checkpoint(&self) -> Result<Option<String>, Refusal> {
        Ok(self.store.ledger_state().await?.checkpoint)
    }

    pub(crate) async fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Refusal> {
        let state = self.store.ledger_state().await?;
        // What is not signed is not served.
        let end = tile
            .index()
            .checked_mul(u64::from(FULL))
            .and_then(|begin| begin.checked_add(u64::from(tile.width())));
        if tile.of() == Of::Entries && end.is_none_or(|end| end > state.size) {
            return Ok(None);
        }
        Ok(self.tile_bytes(tile).await?)
    }

    /// A tile of hashes as it is stored, or a bundle made of entries.
    pub(crate) async fn tile_bytes(&self, tile: &Tile) -> Result<Option<Vec<u8>>, store::StoreError> {
        tile_bytes(&self.store, tile).await
    }

    /// The receipt of an entry that is in the newest checkpoint, with the entry.
    pub(crate) async fn receipt(&self, index: u64) -> Result<Option<String>, Refusal> {
        let state = self.store.ledger_state().await?;
        let Some(note) = state.checkpoint.filter(|_| state.size > index) else {
            return Ok(None);
        };
        let (log, kept_in) = (self.keyring.verifier().clone(), self.store.clone());
        let handle = tokio::runtime::Handle::current();
        // A proof asks for one tile after the other.
        let proving = tokio::task::spawn_blocking(move || {
            let trust = Trust::new(log, Witnesses::NONE).map_err(|error| Refusal::internal(&error))?;
            let head = trust.open(&note).map_err(|error| Refusal::internal(&error))?;
            let reader = Reader::new(Stored { store: kept_in, handle }, &head);
            let proved = reader.entry(index).map_err(|error| Refusal::internal(&error))?;
            let receipt = Receipt::new(&head, index, proved.path, &proved.entry, Some(proved.entry.clone()));
            receipt
                .map(|receipt| receipt.to_string())
                .map_err(|error| Refusal::internal(&error))
        });
        proving.await.map_err(|error| Refusal::internal(&error))?.map(Some)
    }
}

async fn tile_bytes(kept: &store::Store, tile: &Tile) -> Result<Option<Vec<u8>>, store::StoreError> {
    if tile.of() != Of::Entries {
        return kept.tile(&tile.to_string()).await;
    }
    let width = u64::from(tile.width());
    let leaves = kept.leaves(tile.index() * u64::from(FULL), width).await?;
    if leaves.len() as u64 != width {
        return Ok(None);
    }
    Ok(entry_bundle(leaves.iter().map(|(_, bytes)| bytes.as_slice())).ok())
}

/// Tiles in the store, for a reader that waits.
struct Stored {
    store: store::Store,
    handle: tokio::runtime::Handle,
}

impl Source for Stored {
    type Error = store::StoreError;

    fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, store::StoreError> {
        self.handle.block_on(tile_bytes(&self.store, tile))
    }
}
