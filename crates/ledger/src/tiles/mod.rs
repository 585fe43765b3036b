//! The tree and its entries as files (C2SP tlog-tiles): what they are called, which ones there are, and what is in them.

mod bundle;
mod growth;
mod reader;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use countersign_image::text::excerpt;
use thiserror::Error;

use crate::encoding::decimal;
use crate::tree::Hash;
pub use bundle::{BundleError, MAX_ENTRY_BYTES, entries, entry_bundle};
pub use growth::{Grown, Growth, GrowthError};
pub(crate) use reader::fetch;
pub use reader::{ProvedEntry, Reader, ReaderError, Source};

/// How many hashes or entries a full tile has.
pub const FULL: u16 = 256;
/// What the width is in bits: one level of tiles is so many levels of the tree.
pub(crate) const HEIGHT: u32 = 8;
/// The levels of tiles that the largest tree has, from 0.
pub(crate) const LEVELS: u8 = 7;
const _: () = assert!(
    crate::tree::MAX_SIZE >> (HEIGHT * LEVELS as u32) == 0,
    "no row is left out"
);
/// The highest level that a path may name.
const MAX_LEVEL: u8 = 63;
/// How many digits each part of a path has.
const DIGITS: usize = 3;
/// The path of the newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// What a tile is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// The roots of full subtrees of 256^level leaves.
    Hashes {
        /// The level, 0 for the leaves.
        level: u8,
    },
    /// The entries themselves.
    Entries,
}

/// The name of a tile: what it is of, which one in its row, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    of: Of,
    index: u64,
    width: u16,
}

impl Tile {
    /// A tile with its width, from 1 to 256; `None` for other widths, and for levels above 63.
    pub fn new(of: Of, index: u64, width: u16) -> Option<Self> {
        let level = match of {
            Of::Hashes { level } => level,
            Of::Entries => 0,
        };
        (1..=FULL).contains(&width).then_some(())?;
        (level <= MAX_LEVEL).then_some(Self { of, index, width })
    }

    /// The tile of this index in a tree of this size; `None` if the tree has none.
    pub fn in_tree(of: Of, index: u64, size: u64) -> Option<Self> {
        let before = index.checked_mul(u64::from(FULL))?;
        let width = row(of, size).checked_sub(before)?.min(u64::from(FULL));
        Self::new(of, index, u16::try_from(width).ok()?)
    }

    /// Reads a path, `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`. Each tile has one path.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let tile = read(path).filter(|tile| tile.to_string() == path);
        tile.ok_or_else(|| PathError {
            path: excerpt(path, 120),
        })
    }

    /// What it is of.
    pub fn of(&self) -> Of {
        self.of
    }

    /// Which one in its row, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it will never change.
    pub fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// The same tile once it is full.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: FULL, ..self }
    }

    /// The most bytes that it may have.
    pub fn max_bytes(&self) -> usize {
        let each = match self.of {
            Of::Hashes { .. } => size_of::<Hash>(),
            Of::Entries => 2 + MAX_ENTRY_BYTES,
        };
        usize::from(self.width) * each
    }

    /// Every tile of a tree of this size (at most [`MAX_SIZE`](crate::tree::MAX_SIZE)), which are those that an append from nothing makes.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        Self::made(0, size)
    }

    /// The tiles that appending makes, which a tree of `old` leaves did not have: full ones, and the partial one at the
    /// end of each row that grew. Entries first, then the rows of hashes from below.
    pub fn made(old: u64, new: u64) -> impl Iterator<Item = Self> {
        let rows = (0..LEVELS).map(|level| Of::Hashes { level });
        std::iter::once(Of::Entries).chain(rows).flat_map(move |of| {
            let (before, now) = (row(of, old), row(of, new));
            let last = if before < now { now.div_ceil(u64::from(FULL)) } else { 0 };
            (before / u64::from(FULL)..last).filter_map(move |index| Self::in_tree(of, index, new))
        })
    }
}

/// How many hashes or entries the row has in a tree of this size.
fn row(of: Of, size: u64) -> u64 {
    match of {
        Of::Entries => size,
        Of::Hashes { level } => size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0),
    }
}

/// The path, from the log's address.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Of::Entries => f.write_str("tile/entries/")?,
            Of::Hashes { level } => write!(f, "tile/{level}/")?,
        }
        let digits = self.index.to_string();
        let padded = format!("{digits:0>width$}", width = digits.len().next_multiple_of(DIGITS));
        let last = padded.len() - DIGITS;
        for at in (0..last).step_by(DIGITS) {
            write!(f, "x{}/", &padded[at..at + DIGITS])?;
        }
        f.write_str(&padded[last..])?;
        if self.is_full() {
            Ok(())
        } else {
            write!(f, ".p/{}", self.width)
        }
    }
}

/// Reads more than there is: [`Tile::parse`] compares.
fn read(path: &str) -> Option<Tile> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let of = match level {
        "entries" => Of::Entries,
        level => Of::Hashes {
            level: u8::try_from(decimal(level)?).ok()?,
        },
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, u16::try_from(decimal(width)?).ok()?),
        None => (rest, FULL),
    };
    let digits: String = number.split("/").map(|part| part.trim_start_matches('x')).collect();
    let digits = digits.trim_start_matches('0');
    let index = if digits.is_empty() { 0 } else { decimal(digits)? };
    Tile::new(of, index, width)
}

impl FromStr for Tile {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::parse(path)
    }
}

/// The hashes of a tile; `None` if it does not have so many.
pub fn hashes(tile: &Tile, bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == usize::from(tile.width)).then(|| hashes.to_vec())
}

/// A text that is not the path of a tile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{path}` is no path of a tile: `tile/<level>/<index>` or `tile/entries/<index>`, with `.p/<width>` if it is partial"
)]
pub struct PathError {
    /// The text, shortened.
    pub path: String,
}
