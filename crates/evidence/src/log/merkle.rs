//! Merkle trees of RFC 6962: that a leaf is in a tree.

use aws_lc_rs::digest::{Context, SHA256, digest};

use super::error::LogError;

/// The hash of a node.
pub(super) type Hash = [u8; 32];

/// The hash of a leaf (RFC 6962, section 2.1).
pub(super) fn leaf(bytes: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(bytes);
    array(context.finish().as_ref())
}

/// The hash over two nodes (RFC 6962, section 2.1).
pub(super) fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    array(digest(&SHA256, &bytes).as_ref())
}

fn array(hash: &[u8]) -> Hash {
    let mut array = [0; 32];
    array.copy_from_slice(hash);
    array
}

/// Proves that the leaf with this hash and index is in the tree of this size and root (RFC 9162, section 2.1.3.2).
///
/// How many hashes there must be follows from index and size; neither more nor fewer are taken.
pub(super) fn prove(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), LogError> {
    if index >= size {
        return Err(LogError::OutsideTree { index, size });
    }
    let expected = length(index, size);
    if path.len() != expected {
        return Err(LogError::ProofLength {
            expected,
            found: path.len(),
        });
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        // At the right edge a node may have no sibling on some levels, where it stands for its parent.
        if at & 1 == 0 && at == last {
            let skipped = at.trailing_zeros();
            at = at.checked_shr(skipped).unwrap_or(0);
            last = at;
        }
        hash = if at & 1 == 1 {
            node(sibling, &hash)
        } else {
            node(&hash, sibling)
        };
        (at, last) = (at >> 1, last >> 1);
    }
    if hash == *root {
        Ok(())
    } else {
        Err(LogError::OtherRoot)
    }
}

/// How many siblings there are from a leaf up to the root.
fn length(index: u64, size: u64) -> usize {
    let last = size - 1;
    // Below the level where leaf and last leaf have one ancestor, every level has a sibling; above it, only those on
    // which the ancestor is a right child.
    let below = u64::BITS - (index ^ last).leading_zeros();
    let above = index.checked_shr(below).unwrap_or(0).count_ones();
    usize::try_from(below + above).unwrap_or(usize::MAX)
}
