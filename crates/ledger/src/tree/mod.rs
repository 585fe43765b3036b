//! The Merkle tree over the hashes of all entries (RFC 6962, section 2.1): its root, what it grows by, and its proofs.
//!
//! A [`Tree`] is only the right edge of one: enough to append to it and to know its root. Proofs need nodes from inside;
//! whoever keeps them is a [`Nodes`].
//!
//! `countersign-evidence` follows inclusion proofs too, of the logs that other people run: a dozen lines, private there, with that
//! module's limits and errors. Here the same arithmetic of ranges makes proofs and follows them, of both kinds; to share
//! only the two hashes would tie our errors to that module's for nothing.

mod consistency;
mod inclusion;
mod shape;
#[cfg(test)]
mod tests;

use aws_lc_rs::digest::{Context, SHA256, digest};
use thiserror::Error;

pub use consistency::{prove_consistency, verify_consistency};
pub use inclusion::{prove_inclusion, verify_inclusion};
pub use shape::Range;

/// The hash of a leaf, of a node, or of a whole tree.
pub type Hash = [u8; 32];

/// The most leaves of a tree: all their numbers are whole in every reader of JSON (RFC 8785, appendix D).
pub const MAX_SIZE: u64 = (1 << 53) - 1;

/// The most hashes of a proof: no tree is higher.
pub const MAX_PROOF_HASHES: usize = 64;

/// The hash of an entry as a leaf (RFC 6962, section 2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    array(context.finish().as_ref())
}

/// The hash over two nodes (RFC 6962, section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    array(digest(&SHA256, &bytes).as_ref())
}

/// The root of the tree without leaves (RFC 6962, section 2.1).
pub fn empty_root() -> Hash {
    array(digest(&SHA256, b"").as_ref())
}

fn array(hash: &[u8]) -> Hash {
    let mut array = [0; 32];
    array.copy_from_slice(hash);
    array
}

/// The root over whole subtrees, from left to right: of equal size, or each smaller than the one before; the last may be
/// any. The root of no subtrees is that of the empty tree.
pub(crate) fn root_over(subtrees: &[Hash]) -> Hash {
    match subtrees {
        [] => empty_root(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            node_hash(&root_over(left), &root_over(right))
        }
    }
}

/// The right edge of a tree: appending costs as many hashes as the tree is high, and no look at anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the full subtrees that it consists of, the largest first: one for each bit of the size.
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    pub const EMPTY: Self = Self {
        size: 0,
        edge: Vec::new(),
    };

    /// A tree of which size and [edge](Self::edge) were kept.
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Result<Self, TreeError> {
        within(size)?;
        let expected = size.count_ones() as usize;
        if edge.len() != expected {
            return Err(TreeError::Edge {
                size,
                expected,
                found: edge.len(),
            });
        }
        Ok(Self { size, edge })
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees that it consists of, the largest first.
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Appends the hash of a leaf, and says the leaf's index.
    pub fn append(&mut self, leaf: Hash) -> Result<u64, TreeError> {
        within(self.size + 1)?;
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.edge.pop().expect("each bit of the size has a subtree");
            hash = node_hash(&left, &hash);
        }
        self.edge.push(hash);
        self.size += 1;
        Ok(self.size - 1)
    }

    /// Its root.
    pub fn root(&self) -> Hash {
        let mut smaller = self.edge.iter().rev();
        let Some(smallest) = smaller.next() else {
            return empty_root();
        };
        smaller.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

pub(crate) fn within(size: u64) -> Result<(), TreeError> {
    if size > MAX_SIZE {
        Err(TreeError::TooLarge { limit: MAX_SIZE, size })
    } else {
        Ok(())
    }
}

/// The inside of a tree.
pub trait Nodes {
    /// Why a node could not be had, or there is no such thing in the tree.
    type Error: From<TreeError>;

    /// The root of the full subtree with 2^`level` leaves from `index` · 2^`level`.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The root of a range that is a node of its tree.
fn root_of<N: Nodes>(nodes: &N, range: Range) -> Result<Hash, N::Error> {
    let mut hash: Option<Hash> = None;
    for (level, index) in range.subtrees().rev() {
        let left = nodes.node(level, index)?;
        hash = Some(hash.map_or(left, |right| node_hash(&left, &right)));
    }
    Ok(hash.unwrap_or_else(empty_root))
}

/// The root of the first `size` leaves, from the nodes of a tree that has at least as many.
pub fn root_at<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    root_of(nodes, Range { start: 0, end: size })
}

/// Why something is not in a tree, or not a tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TreeError {
    /// It has more leaves than any tree of ours.
    #[error("a tree of {size} leaves is too large, {limit} are the most")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// Its size.
        size: u64,
    },
    /// The edge is not one of a tree of this size.
    #[error("the edge of a tree of {size} leaves has {expected} hashes, and this one {found}")]
    Edge {
        /// How many leaves there are said to be.
        size: u64,
        /// How many hashes an edge has then.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The tree ends before the leaf.
    #[error("leaf {index} is outside of a tree of {size} leaves")]
    Outside {
        /// The index of the leaf, from 0.
        index: u64,
        /// How many leaves there are.
        size: u64,
    },
    /// The tree that is to be the older one is the larger one.
    #[error("a tree of {new} leaves is no later state of one of {old}")]
    Backwards {
        /// The size of the one that is to be older.
        old: u64,
        /// The size of the one that is to be newer.
        new: u64,
    },
    /// A proof between these places has another number of hashes.
    #[error("the proof has {found} hashes, and {expected} are between these places")]
    Length {
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// The proof does not lead from the leaf to the root.
    #[error("the proof does not lead from the leaf to the root")]
    NotIncluded,
    /// The proof does not lead to the older root: what was signed then is not what is in the newer tree.
    #[error("the proof does not lead to the older root")]
    OtherPast,
    /// The proof does not lead to the newer root.
    #[error("the proof does not lead to the newer root")]
    OtherPresent,
}
