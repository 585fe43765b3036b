//! That a tree is what an earlier one became by appending, and by nothing else (RFC 6962, section 2.1.2).

use super::shape::between;
use super::{Hash, Nodes, TreeError, empty_root, node_hash, root_of, within};

/// The hashes that lead from the tree of the first `old` leaves to that of the first `new`. There are none between equal
/// trees, and none from the empty tree, from which everything follows.
pub fn prove_consistency<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    forwards(old, new)?;
    let ranges = between(old, new);
    ranges.into_iter().rev().map(|range| root_of(nodes, range)).collect()
}

/// Proves that the tree of this size and root is a later state of an older one.
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> Result<(), TreeError> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    forwards(old_size, new_size)?;
    let ranges = between(old_size, new_size);
    if proof.len() != ranges.len() {
        return Err(TreeError::Length {
            expected: ranges.len(),
            found: proof.len(),
        });
    }
    if old_size == 0 && *old_root != empty_root() {
        return Err(TreeError::OtherPast);
    }
    if old_size == new_size && old_root != new_root {
        return Err(TreeError::OtherPast);
    }
    let mut up = ranges.into_iter().rev().zip(proof);
    // Where the old tree is a node of the new one, its own root is where the way begins; otherwise the proof says where.
    let start = if old_size.is_power_of_two() {
        Some(*old_root)
    } else {
        up.next().map(|(_, hash)| *hash)
    };
    let Some(start) = start.filter(|_| old_size != 0 && old_size != new_size) else {
        return Ok(());
    };
    let (mut past, mut present) = (start, start);
    for (range, hash) in up {
        if range.start >= old_size {
            present = node_hash(&present, hash);
        } else {
            past = node_hash(hash, &past);
            present = node_hash(hash, &present);
        }
    }
    if past != *old_root {
        return Err(TreeError::OtherPast);
    }
    if present != *new_root {
        return Err(TreeError::OtherPresent);
    }
    Ok(())
}

fn forwards(old: u64, new: u64) -> Result<(), TreeError> {
    within(new)?;
    if old <= new {
        Ok(())
    } else {
        Err(TreeError::Backwards { old, new })
    }
}
