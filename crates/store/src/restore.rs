//! A database that was restored is not mistaken for one that was rolled back.
//!
//! What the log has signed, others have seen: a log that goes on from an older copy signs a second history, and nobody can
//! tell it from a forged one. So the newest checkpoint is kept outside of the database too, in a file beside the
//! blobs, before the database has it. Entries are in the database before they are signed, so a database that lost nothing has all
//! that the file names, even if the service ended between the two.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_ledger::tree::{Hash, Tree, TreeError, leaf_hash};
use countersign_ledger::{Actor, Checkpoint, EventType, Record, SignedHead, Trust};
use jiff::Timestamp;
use thiserror::Error;

use crate::blobs::{BlobError, disk, sync};
use crate::db::values;
use crate::{Store, StoreError};

/// The longest checkpoint that is read back, in bytes.
const MAX_BYTES: u64 = 64 * 1024;
const NAME: &str = "checkpoint";

/// Why the ledger does not go on from this database.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// It has fewer entries than were signed.
    #[error(
        "the database has {found} entries of the ledger, and {signed} were signed: it is an older copy. Restore the newest \
         copy that there is; the service does not go on from one that lacks signed entries"
    )]
    Behind {
        /// How many it has.
        found: u64,
        /// How many were signed.
        signed: u64,
    },
    /// It has other entries than those that were signed.
    #[error(
        "the first {signed} entries in the database are not those that were signed: it is another history of the ledger. \
         Restore the database from before it forked"
    )]
    Fork {
        /// How many were signed.
        signed: u64,
    },
    /// What was put back is not what is missing.
    #[error("the mirror's entries are not those that were signed: nothing was put back")]
    OtherEntries,
    /// There is no file, though the database has a signed checkpoint.
    #[error(
        "`{path}` is gone, and the database has a signed checkpoint of {size} entries: nobody can say that it is the \
         newest. Put the file back as it was left, with the newest copy of the database",
        path = .path.display()
    )]
    Gone {
        /// The file.
        path: PathBuf,
        /// How many entries the database's checkpoint has.
        size: u64,
    },
    /// A new log was to begin under the origin of the one that there is.
    #[error(
        "the log `{origin}` has signed a checkpoint: whoever has seen it would see another history under the same name. Begin \
         the new log with another `origin`"
    )]
    SameOrigin {
        /// The origin.
        origin: String,
    },
    /// The file is no checkpoint of this log.
    #[error("`{path}` is no checkpoint of this log", path = .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: countersign_ledger::CheckpointError,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Disk(#[from] BlobError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tree cannot be as large.
    #[error("the tree cannot be built")]
    Tree(#[from] TreeError),
}

/// The newest checkpoint, outside of the database: one file, beside the blobs.
#[derive(Clone, Debug)]
pub struct Anchor {
    dir: PathBuf,
    trust: Trust,
}

impl Anchor {
    /// In this directory, of the log that is trusted.
    pub fn open(dir: &Path, trust: Trust) -> Result<Self, RestoreError> {
        fs::create_dir_all(dir).map_err(|error| disk("make", dir, error))?;
        Ok(Self {
            dir: dir.to_owned(),
            trust,
        })
    }

    fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// Keeps a checkpoint, before it is in the database or anywhere else. Once this returns, it outlives a loss of power.
    pub fn keep(&self, head: &SignedHead) -> Result<(), RestoreError> {
        let new = self.dir.join(format!("{NAME}.{:016x}", fastrand::u64(..)));
        let written = File::create_new(&new).and_then(|mut file| {
            file.write_all(head.note().as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| disk("write", &new, error))?;
        fs::rename(&new, self.path()).map_err(|error| disk("rename", &new, error))?;
        Ok(sync(&self.dir)?)
    }

    /// What is kept.
    pub fn kept(&self) -> Result<Option<SignedHead>, RestoreError> {
        let path = self.path();
        let length = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| disk("look at", &path, error))?.len(),
        };
        let text = if length > MAX_BYTES {
            Ok(String::new())
        } else {
            fs::read_to_string(&path)
        };
        let text = text.map_err(|error| disk("read", &path, error))?;
        let head = self.trust.open(&text);
        head.map(Some).map_err(|error| RestoreError::Checkpoint { path, error })
    }

    /// Whether the ledger in the database begins with everything that was signed. Before this has said yes, nothing is signed.
    pub async fn check(&self, store: &Store) -> Result<(), RestoreError> {
        let state = store.ledger_state().await?;
        let Some(head) = self.kept()? else {
            return match state.checkpoint {
                None => Ok(()),
                Some(_) => Err(RestoreError::Gone {
                    path: self.path(),
                    size: state.size,
                }),
            };
        };
        let signed = head.checkpoint();
        if state.next < signed.size() {
            return Err(RestoreError::Behind {
                found: state.next,
                signed: signed.size(),
            });
        }
        let (_, root) = grown(store, Tree::EMPTY, signed.size()).await?;
        same(signed, root)
    }

    /// Writes the file again that is gone, from the database's checkpoint: whoever asks for it says that the database is the
    /// newest. The checkpoint must be this log's, and over the entries that are in the database. An entry tells that it was done.
    /// False if there is nothing to do.
    pub async fn adopt(&self, store: &Store, now: Timestamp) -> Result<bool, RestoreError> {
        let Some(text) = store.ledger_state().await?.checkpoint else {
            return Ok(false);
        };
        if self.kept()?.is_some() {
            return Ok(false);
        }
        let head = self.trust.open(&text).map_err(|error| RestoreError::Checkpoint {
            path: self.path(),
            error,
        })?;
        let signed = head.checkpoint();
        let (_, root) = grown(store, Tree::EMPTY, signed.size()).await?;
        same(signed, root)?;
        store.append(vec![told("restored", Some(head.note()), now)]).await?;
        self.keep(&head)?;
        Ok(true)
    }

    /// Begins a new log, under another origin, over the entries that the database has: when those that are missing are lost for
    /// good. What the old log has signed is kept beside the new file, by its digest, and an entry names it.
    pub async fn begin_anew(&self, store: &Store, now: Timestamp) -> Result<(), RestoreError> {
        let path = self.path();
        let kept = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(disk("read", &path, error).into()),
        };
        let there = store.ledger_state().await?.checkpoint;
        let new = self.trust.log().name();
        // By the name alone: another key would not make another log of it.
        let origins = [&kept, &there].into_iter().flatten();
        if origins
            .filter_map(|text| text.lines().next())
            .any(|origin| origin == new)
        {
            return Err(RestoreError::SameOrigin { origin: new.to_owned() });
        }
        let old = kept.as_ref().or(there.as_ref());
        // First the database: as long as the file is there, nothing is signed.
        let begun = told("new_log", old.map(String::as_str), now);
        store.begin_anew(begun).await?;
        if let Some(text) = &kept {
            let digest = countersign_image::Digest::sha256(text.as_bytes());
            let aside = self.dir.join(format!("{NAME}.{}", &digest.hex()[..16]));
            fs::rename(&path, &aside).map_err(|error| disk("rename", &path, error))?;
            sync(&self.dir)?;
        }
        Ok(())
    }

    /// Puts the entries back that an older copy lacks, from a mirror: its entries from the first missing one on. They are
    /// what was signed, or nothing changes. An entry tells that it was done.
    pub async fn put_back(&self, store: &Store, missing: &[Vec<u8>], now: Timestamp) -> Result<(), RestoreError> {
        let Some(head) = self.kept()? else { return Ok(()) };
        let signed = head.checkpoint();
        let next = store.ledger_state().await?.next;
        let (mut tree, _) = grown(store, Tree::EMPTY, next.min(signed.size())).await?;
        for entry in missing {
            tree.append(leaf_hash(entry))?;
        }
        if tree.size() != signed.size() || tree.root() != *signed.root() {
            return Err(RestoreError::OtherEntries);
        }
        let restored = told("restored", Some(head.note()), now);
        store.put_back(next, missing, restored).await?;
        Ok(())
    }
}

fn told(reason: &str, checkpoint: Option<&str>, now: Timestamp) -> Record {
    let mut record = Record::new(0, now, EventType::ConfigurationChanged, Actor::SERVICE);
    record.reason_code = Some(reason.to_owned());
    if let Some(note) = checkpoint {
        let digest = countersign_image::Digest::sha256(note.as_bytes());
        record.object_digests.insert("checkpoint".to_owned(), digest);
    }
    record
}

impl Store {
    /// The entries stay, under their numbers; the tree over them is grown and signed anew.
    async fn begin_anew(&self, begun: Record) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        // Whoever appends to the old tree at this moment has lost the right to.
        tx.execute(
            "UPDATE sequencer SET owner = NULL, until = 0, fence = fence + 1",
            values![],
        )
        .await?;
        tx.execute("UPDATE ledger SET size = 0, root = NULL, checkpoint = NULL", values![])
            .await?;
        tx.execute("DELETE FROM tiles", values![]).await?;
        Self::append_in(&mut tx, vec![begun]).await?;
        tx.commit().await
    }

    async fn put_back(&self, next: u64, missing: &[Vec<u8>], restored: Record) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE ledger SET next = next + $1 WHERE one = 1 AND next = $2";
        if tx.execute(sql, values![missing.len() as u64, next]).await? != 1 {
            let expected = next;
            return Err(StoreError::OtherSize {
                expected,
                found: self.ledger_state().await?.next,
            });
        }
        for (seq, entry) in (next..).zip(missing) {
            tx.execute("INSERT INTO leaves (seq, entry) VALUES ($1, $2)", values![seq, entry])
                .await?;
        }
        Self::append_in(&mut tx, vec![restored]).await?;
        tx.commit().await
    }
}

/// The tree over the entries in the database, up to a size.
async fn grown(store: &Store, mut tree: Tree, size: u64) -> Result<(Tree, Hash), RestoreError> {
    while tree.size() < size {
        let leaves = store.leaves(tree.size(), size - tree.size()).await?;
        if leaves.is_empty() {
            return Err(RestoreError::Behind {
                found: tree.size(),
                signed: size,
            });
        }
        for (_, entry) in leaves {
            tree.append(leaf_hash(&entry))?;
        }
    }
    let root = tree.root();
    Ok((tree, root))
}

fn same(signed: &Checkpoint, root: Hash) -> Result<(), RestoreError> {
    if *signed.root() == root {
        return Ok(());
    }
    Err(RestoreError::Fork { signed: signed.size() })
}
