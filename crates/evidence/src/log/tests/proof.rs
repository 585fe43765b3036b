//! Merkle proofs: every leaf of every small tree is proved, and nothing else is.

use proptest::prelude::*;

use super::*;
use crate::log::merkle::{self, Hash};

/// Trees of all shapes: whole, with a lone leaf at the edge, and everything between.
const SIZES: std::ops::RangeInclusive<usize> = 1..=70;

fn leaves(size: usize) -> Vec<Hash> {
    (0..size)
        .map(|leaf| mint::leaf_hash(leaf.to_string().as_bytes()))
        .collect()
}

fn prove(leaf: Hash, index: usize, size: usize, path: &[Hash], root: &Hash) -> Result<(), LogError> {
    merkle::prove(leaf, index as u64, size as u64, path, root)
}

#[test]
fn hashes_are_those_of_the_definition() {
    assert_eq!(merkle::leaf(b"a leaf"), mint::leaf_hash(b"a leaf"));
    let [left, right] = [merkle::leaf(b"left"), merkle::leaf(b"right")];
    assert_eq!(merkle::node(&left, &right), mint::root(&[left, right]));
}

#[test]
fn every_leaf_of_every_tree_is_proved_in_its_own_place_and_in_no_other() {
    for size in SIZES {
        let leaves = leaves(size);
        let root = mint::root(&leaves);
        for index in 0..size {
            let path = mint::path(&leaves, index);
            assert_eq!(
                prove(leaves[index], index, size, &path, &root),
                Ok(()),
                "{index} of {size}"
            );
            for other in (0..size + 3).filter(|other| *other != index) {
                let elsewhere = prove(leaves[index], other, size, &path, &root);
                assert!(elsewhere.is_err(), "{index} of {size} as {other}");
            }
        }
    }
}

#[test]
fn a_proof_holds_for_trees_of_no_other_root() {
    for size in SIZES {
        let (whole, index) = (leaves(size), size / 2);
        let path = mint::path(&whole, index);
        for other in SIZES.filter(|other| *other != size) {
            let refused = prove(whole[index], index, other, &path, &mint::root(&leaves(other)));
            assert!(refused.is_err(), "of {size}, for {other}");
        }
    }
}

#[test]
fn a_proof_that_is_not_whole_or_not_itself_is_refused() {
    for size in SIZES {
        let leaves = leaves(size);
        let root = mint::root(&leaves);
        for index in 0..size {
            let path = mint::path(&leaves, index);
            let judge = |path: &[Hash]| prove(leaves[index], index, size, path, &root);
            let wrong_length = |found| {
                Err(LogError::ProofLength {
                    expected: path.len(),
                    found,
                })
            };
            for at in 0..path.len() {
                let (mut dropped, mut doubled, mut flipped, mut swapped) =
                    (path.clone(), path.clone(), path.clone(), path.clone());
                dropped.remove(at);
                assert_eq!(judge(&dropped), wrong_length(path.len() - 1));
                doubled.insert(at, path[at]);
                assert_eq!(judge(&doubled), wrong_length(path.len() + 1));
                flipped[at][at % 32] ^= 1;
                assert_eq!(judge(&flipped), Err(LogError::OtherRoot));
                swapped.swap(at, (at + 1) % path.len());
                assert!(swapped == path || judge(&swapped) == Err(LogError::OtherRoot));
            }
            // Longer than the tree: an inner node passed off as a leaf, or a root of a larger one.
            let longer = [path.as_slice(), &[root]].concat();
            assert_eq!(judge(&longer), wrong_length(path.len() + 1));
            let (mut other_leaf, mut other_root) = (leaves[index], root);
            other_leaf[0] ^= 1;
            assert_eq!(prove(other_leaf, index, size, &path, &root), Err(LogError::OtherRoot));
            other_root[31] ^= 1;
            assert_eq!(
                prove(leaves[index], index, size, &path, &other_root),
                Err(LogError::OtherRoot)
            );
        }
    }
}

#[test]
fn an_empty_tree_and_the_largest_have_no_surprises() {
    let leaf = merkle::leaf(b"");
    let outside = |index, size| Err(LogError::OutsideTree { index, size });
    assert_eq!(merkle::prove(leaf, 0, 0, &[], &leaf), outside(0, 0));
    assert_eq!(merkle::prove(leaf, 1, 1, &[], &leaf), outside(1, 1));
    let max = u64::MAX;
    assert_eq!(merkle::prove(leaf, max, max, &[], &leaf), outside(max, max));
    for index in [0, 1, max / 2, max - 1] {
        let refused = merkle::prove(leaf, index, max, &[leaf; 64], &leaf);
        assert!(refused.is_err(), "{index}");
    }
}

/// An inner node is no leaf: what two leaves hash to is not found where a leaf would be (RFC 6962, section 2.1).
#[test]
fn an_inner_node_is_not_taken_for_a_leaf() {
    let four = leaves(4);
    let root = mint::root(&four);
    let (left, right) = (mint::root(&four[..2]), mint::root(&four[2..]));
    assert_eq!(mint::root(&[left, right]), root);
    let bytes = [four[0], four[1]].concat();
    assert_eq!(
        prove(merkle::leaf(&bytes), 0, 2, &[right], &root),
        Err(LogError::OtherRoot)
    );
}

proptest! {
    #[test]
    fn any_leaf_of_a_larger_tree_is_proved_and_no_mutation_of_its_proof(
        size in 71_usize..3000,
        at: prop::sample::Index,
        hash: prop::sample::Index,
        bit in 0_usize..256,
    ) {
        let leaves = leaves(size);
        let (index, root) = (at.index(size), mint::root(&leaves));
        let mut path = mint::path(&leaves, index);
        prop_assert_eq!(prove(leaves[index], index, size, &path, &root), Ok(()));
        let hash = hash.index(path.len());
        path[hash][bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(prove(leaves[index], index, size, &path, &root), Err(LogError::OtherRoot));
    }

    #[test]
    fn no_numbers_make_it_panic(index: u64, size: u64, hashes in 0_usize..70) {
        let leaf = merkle::leaf(b"");
        prop_assert!(size == 1 || merkle::prove(leaf, index, size, &vec![leaf; hashes], &leaf).is_err());
    }
}

#[test]
fn each_part_of_a_proof_is_the_checkpoints() {
    let signatures = Signatures::new();
    for kind in [EntryKind::HashedRekordV001, EntryKind::HashedRekordV002] {
        let (log, at) = logged(&signatures, kind);
        let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
        let hash = json!(encode(&[7; 32]));
        let number = |number: usize| json!(number.to_string());
        let hashes = entry["inclusionProof"]["hashes"].as_array().unwrap();
        let more: Vec<_> = hashes.iter().chain([&hash]).cloned().collect();
        for (pointer, value, step) in [
            ("/inclusionProof/rootHash", hash.clone(), LogStep::Checkpoint),
            (
                "/inclusionProof/treeSize",
                number(log.leaves.len() + 1),
                LogStep::Checkpoint,
            ),
            ("/inclusionProof/treeSize", number(0), LogStep::Checkpoint),
            ("/inclusionProof/hashes/0", hash.clone(), LogStep::Proof),
            ("/inclusionProof/hashes", json!([]), LogStep::Proof),
            ("/inclusionProof/hashes", json!(more), LogStep::Proof),
            ("/inclusionProof/hashes", json!(vec![&hash; 65]), LogStep::Entry),
            ("/inclusionProof/hashes/0", json!(encode(&[7; 31])), LogStep::Entry),
            ("/inclusionProof/rootHash", json!(encode(&[7; 33])), LogStep::Entry),
            ("/inclusionProof/logIndex", number(at + 1), LogStep::Proof),
            ("/inclusionProof/logIndex", number(log.leaves.len()), LogStep::Proof),
            ("/inclusionProof/logIndex", json!("-1"), LogStep::Entry),
            ("/inclusionProof/checkpoint", json!(null), LogStep::Checkpoint),
            (
                "/inclusionProof/checkpoint",
                json!({"envelope": ""}),
                LogStep::Checkpoint,
            ),
        ] {
            let refused = verify(&with(&entry, pointer, value), &of, &known(&log), &LogRule::EITHER);
            let found = refused.as_ref().map_err(LogError::step).err();
            assert_eq!(found, Some(step), "{kind}: {pointer}: {refused:?}");
        }
    }
}

/// Somebody who cannot sign for the log may still put anything into the tree that he shows.
#[test]
fn a_tree_that_the_log_has_not_signed_proves_nothing() {
    let signatures = Signatures::new();
    for kind in KINDS {
        let (log, at) = logged(&signatures, kind);
        let mut forged = if kind.is_v2() { Rekor::v2(HOST) } else { Rekor::v1(HOST) };
        forged.take_in(0, &signatures.body(kind, Made::Certificate(CERTIFICATE)));
        let (real, forged) = (log.entry(at, TIME, &[]), forged.entry(0, TIME, &[]));
        let mut mixed = with(&real, "/inclusionProof", forged["inclusionProof"].clone());
        mixed["logIndex"] = if kind.is_v2() {
            json!("0")
        } else {
            real["logIndex"].clone()
        };
        let refused = verify(&mixed, &signatures.submission(kind), &known(&log), &LogRule::PROOF).unwrap_err();
        assert_eq!(refused.step(), LogStep::Checkpoint, "{kind}: {refused:?}");
        // A checkpoint that is the log's, of the tree before the entry was in it.
        let mut before = if kind.is_v2() {
            Rekor::v2_with(HOST, log.key)
        } else {
            Rekor::v1_with(HOST, log.key)
        };
        before.take_in(4, &json!({}));
        let old = json!({"envelope": before.checkpoint(&[])});
        let mixed = with(&real, "/inclusionProof/checkpoint", old);
        let refused = verify(&mixed, &signatures.submission(kind), &known(&before), &LogRule::PROOF).unwrap_err();
        assert_eq!(refused.step(), LogStep::Checkpoint, "{kind}: {refused:?}");
    }
}
