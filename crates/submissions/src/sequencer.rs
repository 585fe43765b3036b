//! The one who gathers the ledger's entries into its tree, and signs what it is then.
//!
//! Entries are stored in the transactions that they tell of. One sequencer among all replicas, by a lease in the store, hashes what
//! is new into the tree, has the log's key sign size and root, and stores tiles and checkpoint in one transaction.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_keys::SealingError;
use countersign_ledger::checkpoint::{CheckpointError, Witnesses};
use countersign_ledger::tiles::{BundleError, CHECKPOINT, FULL, Growth, GrowthError, Of, entry_bundle};
use countersign_ledger::tree::{TreeError, leaf_hash};
use countersign_ledger::{Actor, Checkpoint, EventType, Tile, ToBeSealed, Trust};
use countersign_server::admin::Condition;
use countersign_store::{Integration, RestoreError, Sequencer, StoreError};
use thiserror::Error;

use crate::door::Chain;
use crate::dying;
use crate::keyring::Keyring;
use crate::service::{Service, record};
use crate::work::later;

/// The most entries that are gathered at once.
const MOST_AT_ONCE: u64 = 4096;
/// How long the sequencer is one replica's.
const LEASE: Duration = Duration::from_secs(15);

/// What is wrong with the ledger in the store.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The checkpoint is not one of this log, or not of this key.
    #[error("the ledger in the store is not the one of `{origin}` and its key")]
    Foreign {
        /// The log's name.
        origin: String,
        /// Why not.
        #[source]
        error: CheckpointError,
    },
    /// Another key signed under this name and version: who reads the list of keys would believe that one, and not this.
    #[error(
        "another key has signed here as `{name}` in version {version}: a new key needs a name of its own, or a version of its own \
         in the vault"
    )]
    OtherKey {
        /// The key's name.
        name: String,
        /// Its version.
        version: u64,
    },
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was gathered this time.
#[derive(Debug, Error)]
enum Stuck {
    #[error("the store did not do it")]
    Store(#[from] StoreError),
    #[error("the tree does not go on from its tiles")]
    Growth(#[from] GrowthError),
    #[error("the tree is full")]
    Tree(#[from] TreeError),
    #[error("an entry is too long")]
    Bundle(#[from] BundleError),
    #[error("there is no such checkpoint")]
    Checkpoint(#[from] CheckpointError),
    #[error("the log's key did not sign")]
    Key(#[from] SealingError),
    #[error("the tile `{0}` is not in the store")]
    Gone(Tile),
    #[error("entry {0} is not in the store")]
    Gap(u64),
    #[error("the anchor cannot be kept")]
    Anchor(#[from] RestoreError),
    #[error("the copy of the ledger cannot be written")]
    Mirror(#[from] io::Error),
}

/// Whoever believes this log.
pub(crate) fn trust(keyring: &Keyring, origin: &str) -> Result<Trust, LedgerError> {
    Trust::new(keyring.verifier().clone(), Witnesses::NONE).map_err(|error| LedgerError::Foreign {
        origin: origin.to_owned(),
        error,
    })
}

impl Service {
    /// The ledger is this log's, and has a first entry.
    pub(crate) async fn begin(&self) -> Result<(), LedgerError> {
        let state = self.store.ledger_state().await?;
        if let Some(note) = &state.checkpoint {
            let origin = &self.settings.origin;
            let opened = trust(&self.keyring, origin)?.open(note);
            opened.map_err(|error| LedgerError::Foreign {
                origin: origin.clone(),
                error,
            })?;
        }
        let now = self.now();
        if state.next == 0 {
            self.append(record(EventType::LogStarted, Actor::SERVICE, now)).await?;
        }
        for named in self.keyring.all() {
            let key = named.kept(now);
            if !self.store.keep_key(&key).await? {
                return Err(LedgerError::OtherKey {
                    name: key.name,
                    version: key.version,
                });
            }
        }
        self.catalog_counts(&self.catalogs.current(), None).await?;
        Ok(())
    }
}

/// Gathers, again and again.
pub(crate) async fn run(service: Arc<Service>, condition: Condition) {
    let owner = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
    let mut edge = Growth::EMPTY;
    loop {
        match turn(&service, &owner, &mut edge).await {
            Ok(true) => condition.met(),
            // Another replica gathers. Whether it does is seen in what is signed.
            Ok(false) => condition.met(),
            Err(stuck) => {
                edge = Growth::EMPTY;
                tracing::error!(error = %Chain(&stuck), "the ledger does not go on; nothing is signed meanwhile");
                condition.unmet(Chain(&stuck).to_string());
                tokio::time::sleep(service.settings.limits.pause(1)).await;
            }
        }
        tokio::time::sleep(service.settings.limits.integrate_every).await;
    }
}

async fn turn(service: &Service, owner: &str, edge: &mut Growth) -> Result<bool, Stuck> {
    let now = service.now();
    let Some(sequencer) = service.store.sequence(owner, now, later(now, LEASE)).await? else {
        return Ok(false);
    };
    gather(service, &sequencer, edge).await?;
    Ok(true)
}

async fn gather(service: &Service, sequencer: &Sequencer, edge: &mut Growth) -> Result<(), Stuck> {
    let state = service.store.ledger_state().await?;
    if state.next == state.size && state.checkpoint.is_some() {
        service.signed.send_replace(state.size);
        return Ok(());
    }
    let root = state.root.unwrap_or_else(|| Growth::EMPTY.root());
    if edge.size() != state.size || edge.root() != root {
        *edge = resumed(service, state.size, &root).await?;
        whole_mirror(service, state.size).await?;
    }
    let from = state.size;
    // The last bundle is written whole, with what was in it before.
    let begin = from - from % u64::from(FULL);
    let leaves = service.store.leaves(begin, MOST_AT_ONCE).await?;
    let mut growth = edge.clone();
    for (expected, (seq, bytes)) in (begin..).zip(&leaves) {
        if *seq != expected {
            return Err(Stuck::Gap(expected));
        }
        if *seq >= from {
            growth.append(leaf_hash(bytes))?;
        }
    }
    let size = growth.size();
    let grown = growth.take().into_iter();
    let tiles: Vec<(String, Vec<u8>)> = grown.map(|grown| (grown.tile.to_string(), grown.bytes)).collect();
    let mut bundles = Vec::new();
    for bundle in leaves.chunks(usize::from(FULL)) {
        let tile = Tile::in_tree(Of::Entries, bundle[0].0 / u64::from(FULL), size).ok_or(Stuck::Gap(bundle[0].0))?;
        let bytes = entry_bundle(bundle.iter().map(|(_, bytes)| bytes.as_slice()))?;
        bundles.push((tile.to_string(), bytes));
    }
    let root = growth.root();
    let checkpoint = Checkpoint::new(&service.settings.origin, size, root)?;
    let sealed = ToBeSealed::new(&checkpoint, service.keyring.verifier())?;
    let head = service.keyring.log().seal(sealed).await?;
    dying::at("ledger.after_seal");
    if let Some(anchor) = &service.anchor {
        anchor.keep(&head)?;
    }
    dying::at("ledger.after_anchor");
    let integration = Integration {
        from,
        size,
        root,
        tiles: &tiles,
        checkpoint: head.note(),
    };
    service.store.integrate(sequencer, &integration).await?;
    *edge = growth;
    service.signed.send_replace(size);
    service.metrics.ledger(size);
    mirror(service, &tiles)?;
    mirror(service, &bundles)?;
    mirror(service, &[(CHECKPOINT.to_owned(), head.note().as_bytes().to_vec())])
}

async fn resumed(service: &Service, size: u64, root: &countersign_ledger::Hash) -> Result<Growth, Stuck> {
    let mut tiles = Vec::new();
    for tile in Growth::needs(size) {
        let bytes = service.store.tile(&tile.to_string()).await?.ok_or(Stuck::Gone(tile))?;
        tiles.push(bytes);
    }
    Ok(Growth::resume(size, root, tiles.iter().map(Vec::as_slice))?)
}

/// Brings the copy up to what is signed, where it was begun late or another replica has gathered meanwhile.
async fn whole_mirror(service: &Service, size: u64) -> Result<(), Stuck> {
    let Some(directory) = &service.settings.mirror else {
        return Ok(());
    };
    for tile in Tile::all(size) {
        let path = tile.to_string();
        if directory.join(&path).exists() {
            continue;
        }
        let bytes = service.tile_bytes(&tile).await?.ok_or(Stuck::Gone(tile))?;
        written(&directory.join(&path), &bytes)?;
    }
    Ok(())
}

/// Keeps the copy: tiles first, the checkpoint last.
fn mirror(service: &Service, files: &[(String, Vec<u8>)]) -> Result<(), Stuck> {
    let Some(directory) = &service.settings.mirror else {
        return Ok(());
    };
    for (path, bytes) in files {
        written(&directory.join(path), bytes)?;
    }
    Ok(())
}

fn written(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}
