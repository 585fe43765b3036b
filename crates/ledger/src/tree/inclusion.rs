//! That a leaf is in a tree (RFC 6962, section 2.1.1; RFC 9162, section 2.1.3).

use super::shape::{Range, beside};
use super::{Hash, Nodes, TreeError, node_hash, root_of};

/// The hashes that lead from a leaf to the root of a tree of this size, the leaf's sibling first.
pub fn prove_inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    inside(index, size)?;
    let ranges = beside(index, size);
    ranges.into_iter().rev().map(|range| root_of(nodes, range)).collect()
}

/// Proves that the leaf with this hash and index is in the tree of this size and root.
///
/// How many hashes there must be, and on which side each stands, follows from index and size; neither more nor fewer are
/// taken.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), TreeError> {
    inside(index, size)?;
    let ranges = beside(index, size);
    if path.len() != ranges.len() {
        return Err(TreeError::Length {
            expected: ranges.len(),
            found: path.len(),
        });
    }
    let up = ranges.into_iter().rev().zip(path);
    let hash = up.fold(leaf, |hash, (range, sibling)| joined(index, &hash, range, sibling));
    if hash == *root {
        Ok(())
    } else {
        Err(TreeError::NotIncluded)
    }
}

fn joined(index: u64, hash: &Hash, range: Range, sibling: &Hash) -> Hash {
    if range.start > index {
        node_hash(hash, sibling)
    } else {
        node_hash(sibling, hash)
    }
}

fn inside(index: u64, size: u64) -> Result<(), TreeError> {
    super::within(size)?;
    if index < size {
        Ok(())
    } else {
        Err(TreeError::Outside { index, size })
    }
}
