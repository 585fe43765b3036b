//! Entry bundles: entries one after the other, each after its length in two bytes.

use thiserror::Error;

use super::Tile;

/// The longest entry, in bytes: what two bytes can say.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// The bytes of a bundle of these entries.
pub fn entry_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleError> {
    let mut bundle = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong { found: entry.len() })?;
        bundle.extend(length.to_be_bytes());
        bundle.extend(entry);
    }
    Ok(bundle)
}

/// The entries of a bundle, which has exactly as many as its tile is wide.
pub fn entries<'a>(tile: &Tile, bundle: &'a [u8]) -> Result<Vec<&'a [u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let whole = rest.split_first_chunk::<2>().and_then(|(length, rest)| {
            let length = u16::from_be_bytes(*length);
            rest.split_at_checked(usize::from(length))
        });
        let (entry, after) = whole.ok_or(BundleError::Torn { entry: entries.len() })?;
        entries.push(entry);
        rest = after;
        if entries.len() > usize::from(tile.width()) {
            break;
        }
    }
    if entries.len() != usize::from(tile.width()) {
        return Err(BundleError::Count {
            expected: tile.width(),
            found: entries.len(),
        });
    }
    Ok(entries)
}

/// Why bytes are not an entry bundle, or entries cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// An entry is too long.
    #[error("an entry has {found} bytes, and {MAX_ENTRY_BYTES} are the most")]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// It ends inside of an entry.
    #[error("the bundle ends inside of its entry {entry}")]
    Torn {
        /// Which one, from 0.
        entry: usize,
    },
    /// It has another number of entries.
    #[error("the bundle has {found} entries (or more), and {expected} are in it by its name")]
    Count {
        /// How many its name says.
        expected: u16,
        /// How many were found before that was clear.
        found: usize,
    },
}
