//! Appending: which tiles there are afterwards, with their bytes, from nothing but the partial tiles at the right edge.

use thiserror::Error;

use super::{Of, Tile, hashes};
use crate::tree::{Hash, MAX_SIZE, TreeError, root_over, within};

/// The right edge of a tree as its tiles have it: less than nine kilobytes for any tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    size: u64,
    /// What the partial tile of each level has, from level 0: at most 255 hashes each.
    rows: Vec<Vec<Hash>>,
    /// Full tiles that nobody has taken yet.
    full: Vec<Grown>,
    /// For each row, whether it grew since the tiles were taken.
    grew: Vec<bool>,
}

/// A tile of hashes, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Its name.
    pub tile: Tile,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Growth {
    /// From a tree without leaves.
    pub const EMPTY: Self = Self {
        size: 0,
        rows: Vec::new(),
        full: Vec::new(),
        grew: Vec::new(),
    };

    /// The partial tiles that are needed to go on from a tree of this size.
    pub fn needs(size: u64) -> impl Iterator<Item = Tile> {
        let rows = (0..super::LEVELS).map(|level| Of::Hashes { level });
        let last = move |of| Tile::in_tree(of, super::row(of, size) / u64::from(super::FULL), size);
        rows.filter_map(last)
    }

    /// Goes on from a tree of this size and root, with the bytes of the tiles that [`needs`](Self::needs) names, in that
    /// order. What they have is hashed and compared with the root.
    pub fn resume<'a>(size: u64, root: &Hash, tiles: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, GrowthError> {
        within(size)?;
        let mut growth = Self { size, ..Self::EMPTY };
        let mut tiles = tiles.into_iter();
        for tile in Self::needs(size) {
            let Of::Hashes { level } = tile.of() else { continue };
            let row = tiles.next().and_then(|bytes| hashes(&tile, bytes));
            growth.row(level.into()).extend(row.ok_or(GrowthError::Tile { tile })?);
        }
        if tiles.next().is_some() {
            return Err(GrowthError::TooMany);
        }
        if growth.root() != *root {
            return Err(GrowthError::OtherRoot { size });
        }
        Ok(growth)
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let smaller = self.rows.iter().fold(None, |smaller: Option<Hash>, row| {
            let subtrees: Vec<Hash> = row.iter().copied().chain(smaller).collect();
            Some(root_over(&subtrees)).filter(|_| !subtrees.is_empty())
        });
        smaller.unwrap_or_else(|| root_over(&[]))
    }

    /// Appends the hash of a leaf, and says the leaf's index.
    pub fn append(&mut self, leaf: Hash) -> Result<u64, TreeError> {
        within(self.size + 1)?;
        let mut hash = leaf;
        for level in 0.. {
            self.grew(level);
            let row = self.row(level);
            row.push(hash);
            if row.len() < usize::from(super::FULL) {
                break;
            }
            let full = std::mem::take(row);
            hash = root_over(&full);
            self.grew[level] = false;
            let before = (self.size + 1) >> (super::HEIGHT * (u32::try_from(level).unwrap_or(u32::MAX) + 1));
            self.full.extend(grown(level, before - 1, &full));
        }
        self.size += 1;
        Ok(self.size - 1)
    }

    /// The tiles of hashes that are new since they were last taken: full ones, and what is partial now. Whoever appends
    /// very many leaves takes them in between, as full ones are kept until then.
    pub fn take(&mut self) -> Vec<Grown> {
        let mut taken = self.take_full();
        for level in 0..self.rows.len() {
            if std::mem::take(&mut self.grew[level]) {
                let of = Of::Hashes {
                    level: u8::try_from(level).unwrap_or(u8::MAX),
                };
                let index = super::row(of, self.size) / u64::from(super::FULL);
                taken.extend(grown(level, index, &self.rows[level]));
            }
        }
        taken
    }

    /// The full tiles that are new since tiles were last taken.
    pub fn take_full(&mut self) -> Vec<Grown> {
        std::mem::take(&mut self.full)
    }

    fn row(&mut self, level: usize) -> &mut Vec<Hash> {
        if self.rows.len() <= level {
            self.rows.resize(level + 1, Vec::new());
            self.grew.resize(level + 1, false);
        }
        &mut self.rows[level]
    }

    fn grew(&mut self, level: usize) {
        self.row(level);
        self.grew[level] = true;
    }
}

fn grown(level: usize, index: u64, row: &[Hash]) -> Option<Grown> {
    let of = Of::Hashes {
        level: u8::try_from(level).ok()?,
    };
    Some(Grown {
        tile: Tile::new(of, index, u16::try_from(row.len()).ok()?)?,
        bytes: row.concat(),
    })
}

/// Why a tree cannot go on from what was kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrowthError {
    /// There is no such tree.
    #[error("no tree can go on from there")]
    Tree(#[from] TreeError),
    /// A tile is missing, or has another length.
    #[error("`{tile}` is missing or has not its length")]
    Tile {
        /// Its name.
        tile: Tile,
    },
    /// There are more tiles than are needed.
    #[error("there are more tiles than the edge of a tree of this size has (of at most {MAX_SIZE} leaves)")]
    TooMany,
    /// They are not the edge of the tree with this root.
    #[error("the tiles are not the edge of the tree of {size} leaves with this root")]
    OtherRoot {
        /// How many leaves it has.
        size: u64,
    },
}
