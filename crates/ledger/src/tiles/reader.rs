//! Reading a tree through its tiles, whoever has them: a directory, an address, a database.

use std::cell::RefCell;

use thiserror::Error;

use super::bundle::{BundleError, entries};
use super::{HEIGHT, Of, Tile, hashes};
use crate::checkpoint::SignedHead;
use crate::tree::{
    Hash, Nodes, TreeError, leaf_hash, prove_consistency, prove_inclusion, root_over, verify_consistency,
    verify_inclusion,
};

/// How many tiles of hashes are kept: a proof looks into one of each level, and the next proof into nearly the same.
const KEPT: usize = 16;

/// Where tiles are.
pub trait Source {
    /// Why one could not be had, other than that there is none.
    type Error: std::error::Error + 'static;

    /// The bytes of a tile, of which no more than [`Tile::max_bytes`] are to be read; `None` if there is no such tile.
    fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Self::Error>;
}

impl<S: Source> Source for &S {
    type Error = S::Error;

    fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, S::Error> {
        (**self).tile(tile)
    }
}

/// An entry, and what proves that it is one of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvedEntry {
    /// Its index, from 0.
    pub index: u64,
    /// Its bytes.
    pub entry: Vec<u8>,
    /// The hashes that lead from it to the root.
    pub path: Vec<Hash>,
}

/// A tree whose head the log has signed, read through tiles that nobody vouches for: whatever is proved from them is
/// verified against the head before it is given out.
#[derive(Debug)]
pub struct Reader<'a, S> {
    source: S,
    head: &'a SignedHead,
    kept: RefCell<Vec<(Tile, Vec<Hash>)>>,
}

impl<'a, S: Source> Reader<'a, S> {
    /// The tree of this head.
    pub fn new(source: S, head: &'a SignedHead) -> Self {
        Self {
            source,
            head,
            kept: RefCell::default(),
        }
    }

    /// The head.
    pub fn head(&self) -> &'a SignedHead {
        self.head
    }

    /// The entry of this index, once it is proved to be one of the tree.
    pub fn entry(&self, index: u64) -> Result<ProvedEntry, ReaderError<S::Error>> {
        let (size, root) = (self.head.checkpoint().size(), self.head.checkpoint().root());
        let path = prove_inclusion(self, index, size)?;
        let width = u64::from(super::FULL);
        let tile = Tile::in_tree(Of::Entries, index / width, size).ok_or(TreeError::Outside { index, size })?;
        let (tile, bytes) = fetch(&self.source, tile)?;
        let entries = entries(&tile, &bytes).map_err(|error| ReaderError::Bundle { tile, error })?;
        let entry = usize::try_from(index % width).ok().and_then(|at| entries.get(at));
        let entry = entry.ok_or(TreeError::Outside { index, size })?;
        verify_inclusion(leaf_hash(entry), index, size, &path, root)?;
        Ok(ProvedEntry {
            index,
            entry: entry.to_vec(),
            path,
        })
    }

    /// The hashes that prove that the tree is a later state of one of this size and root.
    pub fn consistency(&self, size: u64, root: &Hash) -> Result<Vec<Hash>, ReaderError<S::Error>> {
        let now = self.head.checkpoint();
        let proof = prove_consistency(self, size, now.size())?;
        verify_consistency((size, root), (now.size(), now.root()), &proof)?;
        Ok(proof)
    }

    fn hash_row(&self, tile: Tile) -> Result<Vec<Hash>, ReaderError<S::Error>> {
        if let Some((_, row)) = self.kept.borrow().iter().find(|(kept, _)| *kept == tile) {
            return Ok(row.clone());
        }
        let (found, bytes) = fetch(&self.source, tile)?;
        let row = hashes(&found, &bytes).ok_or(ReaderError::Length {
            tile: found,
            found: bytes.len(),
        })?;
        let mut kept = self.kept.borrow_mut();
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((tile, row.clone()));
        Ok(row)
    }
}

impl<S: Source> Nodes for Reader<'_, S> {
    type Error = ReaderError<S::Error>;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let size = self.head.checkpoint().size();
        let outside = || TreeError::Outside { index, size };
        let of = Of::Hashes {
            level: u8::try_from(level / HEIGHT).map_err(|_| outside())?,
        };
        let (first, count) = (index << (level % HEIGHT), 1_usize << (level % HEIGHT));
        let tile = Tile::in_tree(of, first / u64::from(super::FULL), size).ok_or_else(outside)?;
        let row = self.hash_row(tile)?;
        let at = usize::try_from(first % u64::from(super::FULL)).map_err(|_| outside())?;
        row.get(at..at + count).map(root_over).ok_or_else(|| outside().into())
    }
}

/// The tile, or in its place the full one, which a partial one may have become since (C2SP tlog-tiles, "Partial Tiles").
pub(crate) fn fetch<S: Source>(source: &S, tile: Tile) -> Result<(Tile, Vec<u8>), ReaderError<S::Error>> {
    let mut tries = vec![tile];
    if !tile.is_full() {
        tries.push(tile.full());
    }
    for tile in tries {
        let found = source.tile(&tile);
        let found = found.map_err(|error| ReaderError::Source { tile, error })?;
        if let Some(bytes) = found {
            return Ok((tile, bytes));
        }
    }
    Err(ReaderError::Missing { tile })
}

/// Why something could not be read out of tiles.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReaderError<E: std::error::Error + 'static> {
    /// The tile could not be had.
    #[error("`{tile}` could not be read")]
    Source {
        /// Its name.
        tile: Tile,
        /// Why.
        #[source]
        error: E,
    },
    /// There is no such tile, though the tree has it.
    #[error("`{tile}` is missing")]
    Missing {
        /// Its name.
        tile: Tile,
    },
    /// A tile of hashes has another length.
    #[error("`{tile}` has {found} bytes, and {expected} are in it by its name", expected = .tile.max_bytes())]
    Length {
        /// Its name.
        tile: Tile,
        /// Its length, in bytes.
        found: usize,
    },
    /// A bundle is none.
    #[error("`{tile}` is no bundle of entries")]
    Bundle {
        /// Its name.
        tile: Tile,
        /// What is wrong.
        #[source]
        error: BundleError,
    },
    /// The tree has no such leaf or state, or its tiles are not of the head that was signed.
    #[error("the tiles prove nothing of the kind")]
    Tree(#[from] TreeError),
}
