//! A whole copy of a log, tile by tile and entry by entry, against what the log has signed.

use thiserror::Error;

use crate::checkpoint::{Checkpoint, SignedHead};
use crate::leaf::{self, LeafError};
use crate::rollback::{Rollback, Since, precheck, since};
use crate::tiles::{BundleError, FULL, Grown, Growth, Of, ReaderError, Source, Tile, entries, fetch};
use crate::tree::{Hash, leaf_hash};

/// What is known of a copy that was gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whole {
    /// How many entries it has, each hashed and each read.
    pub entries: u64,
    /// How many of them are of a later version, and not understood here.
    pub later: u64,
    /// How many tiles of hashes it has, each compared.
    pub tiles: u64,
    /// How it stands to the checkpoint that was kept, if one was.
    pub since: Option<Since>,
}

/// Goes through a whole copy.
///
/// 1. Each bundle is read, and each entry in it: it is one of this version or a later one, and its number is its index.
/// 2. The entries are hashed into a tree of our own.
/// 3. Each tile of hashes that the copy has is compared with that tree's.
/// 4. Where the tree has the size of the kept checkpoint, its root is compared: the log only grew.
/// 5. At the end its root is compared with what was signed.
///
/// Each entry is shown to `each` once it is read, in their order, so that whoever asks more of entries goes through them
/// once; nothing is proved of any before this has returned. Besides one bundle and nine kilobytes, nothing is kept.
///
/// # Errors
/// The first thing that is wrong, named by its tile or entry.
pub fn verify<S: Source>(
    source: &S,
    head: &SignedHead,
    kept: Option<&SignedHead>,
    mut each: impl FnMut(&leaf::Read),
) -> Result<Whole, MirrorError<S::Error>> {
    let now = head.checkpoint();
    let kept = kept.map(SignedHead::checkpoint);
    kept.map_or(Ok(()), |kept| precheck(kept, now))?;
    let mut walk = Walk {
        source,
        kept,
        growth: Growth::EMPTY,
        whole: Whole {
            entries: now.size(),
            later: 0,
            tiles: 0,
            since: kept.map(|kept| since(kept, now)),
        },
    };
    for tile in Tile::all(now.size()).take_while(|tile| tile.of() == Of::Entries) {
        walk.bundle(tile, &mut each)?;
        let full = walk.growth.take_full();
        walk.compare(full)?;
    }
    let partial = walk.growth.take();
    walk.compare(partial)?;
    if walk.growth.root() != *now.root() {
        return Err(MirrorError::OtherRoot { size: now.size() });
    }
    Ok(walk.whole)
}

struct Walk<'a, S> {
    source: &'a S,
    kept: Option<&'a Checkpoint>,
    growth: Growth,
    whole: Whole,
}

impl<S: Source> Walk<'_, S> {
    fn bundle(&mut self, tile: Tile, each: &mut impl FnMut(&leaf::Read)) -> Result<(), MirrorError<S::Error>> {
        let (found, bytes) = fetch(self.source, tile)?;
        let listed = entries(&found, &bytes).map_err(|error| MirrorError::Bundle { tile: found, error })?;
        // A full bundle in the place of a partial one has entries that this head does not know.
        for entry in listed.into_iter().take(tile.width().into()) {
            let index = self.growth.size();
            let read = leaf::read(entry).map_err(|error| MirrorError::Entry { index, error })?;
            if read.seq() != index {
                return Err(MirrorError::Number {
                    index,
                    found: read.seq(),
                });
            }
            self.whole.later += u64::from(matches!(read, leaf::Read::Later(_)));
            each(&read);
            self.growth.append(leaf_hash(entry)).map_err(ReaderError::Tree)?;
            self.same_past()?;
        }
        Ok(())
    }

    /// A tree without leaves has one root only: that it was the past of every log needs no look.
    fn same_past(&self) -> Result<(), Rollback> {
        match self.kept.filter(|kept| kept.size() == self.growth.size()) {
            Some(kept) if *kept.root() != self.growth.root() => Err(Rollback::Rewritten { kept: kept.size() }),
            _ => Ok(()),
        }
    }

    fn compare(&mut self, grown: Vec<Grown>) -> Result<(), MirrorError<S::Error>> {
        for ours in grown {
            let (tile, bytes) = fetch(self.source, ours.tile)?;
            if bytes.len() != tile.max_bytes() {
                let found = bytes.len();
                return Err(MirrorError::Reader(ReaderError::Length { tile, found }));
            }
            let one_by_one = bytes.as_chunks::<32>().0.iter().zip(ours.bytes.as_chunks::<32>().0);
            if let Some(at) = one_by_one
                .into_iter()
                .position(|(theirs, ours): (&Hash, &Hash)| theirs != ours)
            {
                return Err(other_hash(tile, at));
            }
            self.whole.tiles += 1;
        }
        Ok(())
    }
}

/// A hash of the lowest level is that of one entry.
fn other_hash<E: std::error::Error + 'static>(tile: Tile, at: usize) -> MirrorError<E> {
    if tile.of() == (Of::Hashes { level: 0 }) {
        let index = tile.index() * u64::from(FULL) + at as u64;
        MirrorError::EntryHash { index, tile }
    } else {
        MirrorError::Hash { tile, at }
    }
}

/// What is wrong with a copy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MirrorError<E: std::error::Error + 'static> {
    /// A tile could not be read.
    #[error("the copy is not whole")]
    Reader(#[from] ReaderError<E>),
    /// A bundle is none.
    #[error("`{tile}` is no bundle of entries")]
    Bundle {
        /// Its name.
        tile: Tile,
        /// What is wrong.
        #[source]
        error: BundleError,
    },
    /// An entry is none.
    #[error("entry {index} is none")]
    Entry {
        /// Its index, from 0.
        index: u64,
        /// What is wrong.
        #[source]
        error: LeafError,
    },
    /// An entry is not where it says to be.
    #[error("entry {index} says to be number {found}")]
    Number {
        /// Its index, from 0.
        index: u64,
        /// What it says.
        found: u64,
    },
    /// An entry is not the one that its tile has the hash of.
    #[error("entry {index} is not the one that `{tile}` has the hash of")]
    EntryHash {
        /// Its index, from 0.
        index: u64,
        /// The name of the tile.
        tile: Tile,
    },
    /// A tile's hash is not that of the entries below it.
    #[error("hash {at} of `{tile}` is not that of the entries")]
    Hash {
        /// Its name.
        tile: Tile,
        /// Which hash, from 0.
        at: usize,
    },
    /// The copy is another one than was kept.
    #[error("the copy is no later state of the one that was kept")]
    Rollback(#[from] Rollback),
    /// Entries and tiles agree, and are not what the log has signed.
    #[error("the copy's {size} entries are not those that the log has signed")]
    OtherRoot {
        /// How many there are.
        size: u64,
    },
}

#[cfg(test)]
mod tests;
