//! Trees of every size up to 300, and every leaf and pair of sizes in them.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::testing::{entry, hex};

/// The largest tree that is tried whole.
const SIZES: u64 = 300;

/// RFC 6962, section 2.1, word for word.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        many => {
            let mut split = 1;
            while split * 2 < many.len() {
                split *= 2;
            }
            node_hash(&by_definition(&many[..split]), &by_definition(&many[split..]))
        }
    }
}

/// RFC 6962, section 2.1.1, word for word.
fn path_by_definition(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut path, other) = if index < split {
        (path_by_definition(index, left), right)
    } else {
        (path_by_definition(index - split, right), left)
    };
    path.push(by_definition(other));
    path
}

/// RFC 6962, section 2.1.2, word for word.
fn proof_by_definition(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![by_definition(leaves)] };
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut proof, other) = if old <= split {
        (proof_by_definition(old, left, whole), right)
    } else {
        (proof_by_definition(old - split, right, false), left)
    };
    proof.push(by_definition(other));
    proof
}

/// Every node of a tree, level by level from its leaves.
struct Inside(Vec<Vec<Hash>>);

impl Inside {
    fn of(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let pairs = below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1]));
            levels.push(pairs.collect());
        }
        Self(levels)
    }

    fn leaves(&self) -> &[Hash] {
        &self.0[0]
    }
}

impl Nodes for Inside {
    type Error = TreeError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, TreeError> {
        Ok(self.0[level as usize][index as usize])
    }
}

fn hashes(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&entry(number))).collect()
}

fn leaves(count: u64) -> Inside {
    Inside::of(hashes(count))
}

/// Roots that others have published: those of the eight inputs that Certificate Transparency's own tests use.
#[test]
fn roots_are_those_of_certificate_transparency() {
    let inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::EMPTY;
    assert_eq!(tree.root(), hex(roots[0]));
    for (input, root) in inputs.iter().zip(&roots[1..]) {
        tree.append(leaf_hash(&::hex::decode(input).unwrap())).unwrap();
        assert_eq!(tree.root(), hex(root), "{} leaves", tree.size());
    }
}

#[test]
fn every_root_is_the_definition_s_and_the_edge_is_all_that_has_to_be_kept() {
    let all = leaves(SIZES);
    let mut tree = Tree::EMPTY;
    for size in 0..=SIZES {
        let root = by_definition(&all.leaves()[..size as usize]);
        assert_eq!(tree.root(), root, "{size} leaves");
        assert_eq!(root_at(&all, size), Ok(root), "{size} leaves");
        assert_eq!(root_over(&all.leaves()[..size as usize]), root, "{size} leaves");
        tree = Tree::from_edge(size, tree.edge().to_vec()).unwrap();
        if size < SIZES {
            assert_eq!(tree.append(all.leaves()[size as usize]), Ok(size));
        }
    }
}

#[test]
fn every_leaf_of_every_tree_is_proved_as_defined_and_nothing_else_is() {
    let all = leaves(SIZES);
    for size in 1..=SIZES {
        let part = &all.leaves()[..size as usize];
        let root = by_definition(part);
        for index in 0..size {
            let leaf = part[index as usize];
            let path = prove_inclusion(&all, index, size).unwrap();
            // The definition hashes whole trees anew; that each path is its path is tried where that is quick.
            if size <= 48 {
                assert_eq!(path, path_by_definition(index as usize, part), "{index} of {size}");
            }
            assert_eq!(
                verify_inclusion(leaf, index, size, &path, &root),
                Ok(()),
                "{index} of {size}"
            );
            let other = (index + 1) % size;
            if size > 1 {
                assert!(
                    verify_inclusion(leaf, other, size, &path, &root).is_err(),
                    "{index} of {size}"
                );
            }
            assert!(verify_inclusion(leaf_hash(b"other"), index, size, &path, &root).is_err());
            assert!(verify_inclusion(leaf, index, size, &path, &leaf).is_err() || size == 1);
        }
        let outside = TreeError::Outside { index: size, size };
        assert_eq!(verify_inclusion(part[0], size, size, &[], &root), Err(outside.clone()));
        assert_eq!(prove_inclusion(&all, size, size), Err(outside));
    }
}

#[test]
fn every_tree_is_proved_a_later_state_of_every_earlier_one_and_of_no_other() {
    let all = leaves(SIZES);
    let roots: Vec<Hash> = (0..=SIZES)
        .map(|size| by_definition(&all.leaves()[..size as usize]))
        .collect();
    let forged = leaf_hash(b"other");
    for new in 0..=SIZES {
        for old in 0..=new {
            let (before, now) = ((old, &roots[old as usize]), (new, &roots[new as usize]));
            let proof = prove_consistency(&all, old, new).unwrap();
            if old > 0 && new <= 48 {
                assert_eq!(
                    proof,
                    proof_by_definition(old as usize, &all.leaves()[..new as usize], true),
                    "{old} to {new}"
                );
            }
            assert_eq!(verify_consistency(before, now, &proof), Ok(()), "{old} to {new}");
            assert!(
                verify_consistency((old, &forged), now, &proof).is_err(),
                "{old} to {new}"
            );
            if old > 0 {
                assert!(
                    verify_consistency(before, (new, &forged), &proof).is_err(),
                    "{old} to {new}"
                );
            }
        }
        if new > 0 {
            let backwards = TreeError::Backwards { old: new, new: new - 1 };
            assert_eq!(prove_consistency(&all, new, new - 1), Err(backwards.clone()));
            let (later, earlier) = ((new, &roots[new as usize]), (new - 1, &roots[new as usize - 1]));
            assert_eq!(verify_consistency(later, earlier, &[]), Err(backwards));
        }
    }
}

#[test]
fn a_tree_that_forgot_a_leaf_is_no_later_state() {
    let all = leaves(SIZES);
    for (old, new, forgotten) in [
        (1, 2, 0),
        (3, 7, 2),
        (100, 200, 0),
        (100, 200, 99),
        (255, 300, 128),
        (256, 257, 255),
    ] {
        let mut rewritten = hashes(SIZES);
        rewritten[forgotten] = leaf_hash(b"nothing happened");
        let rewritten = Inside::of(rewritten);
        let before = root_at(&all, old).unwrap();
        let now = root_at(&rewritten, new).unwrap();
        let proof = prove_consistency(&rewritten, old, new).unwrap();
        let refused = verify_consistency((old, &before), (new, &now), &proof);
        // Where the old tree is a node of the new one, the way begins at its own root, and ends at another new one.
        let expected = if old.is_power_of_two() {
            TreeError::OtherPresent
        } else {
            TreeError::OtherPast
        };
        assert_eq!(refused, Err(expected), "{old} to {new}");
        let proof = prove_consistency(&all, old, new).unwrap();
        let refused = verify_consistency((old, &before), (new, &now), &proof);
        assert_eq!(refused, Err(TreeError::OtherPresent), "{old} to {new}");
    }
}

#[test]
fn an_edge_of_another_size_is_none() {
    let found = Tree::from_edge(5, vec![[0; 32]; 3]);
    let expected = TreeError::Edge {
        size: 5,
        expected: 2,
        found: 3,
    };
    assert_eq!(found, Err(expected));
    let full = Tree::from_edge(MAX_SIZE, vec![[0; 32]; 53]).unwrap().append([0; 32]);
    assert!(matches!(full, Err(TreeError::TooLarge { .. })));
    assert!(Tree::from_edge(MAX_SIZE + 1, vec![[0; 32]]).is_err());
}

proptest! {
    #[test]
    fn a_changed_proof_proves_nothing(
        size in 2..=SIZES,
        at in any::<prop::sample::Index>(),
        which in any::<prop::sample::Index>(),
        bit in 0_usize..256,
        change in 0..3,
    ) {
        static ALL: LazyLock<Inside> = LazyLock::new(|| leaves(SIZES));
        let all = &*ALL;
        let index = at.index(size as usize) as u64;
        let changed = |proof: &[Hash]| {
            let mut changed = proof.to_vec();
            match change {
                0 if !changed.is_empty() => {
                    let which = which.index(changed.len());
                    changed[which][bit / 8] ^= 1 << (bit % 8);
                }
                1 if !changed.is_empty() => { changed.remove(which.index(changed.len())); }
                _ => changed.insert(which.index(changed.len() + 1), [7; 32]),
            }
            changed
        };
        let root = root_at(all, size).unwrap();
        let path = prove_inclusion(all, index, size).unwrap();
        prop_assert!(verify_inclusion(all.leaves()[index as usize], index, size, &changed(&path), &root).is_err());
        let before = root_at(all, index).unwrap();
        let proof = prove_consistency(all, index, size).unwrap();
        prop_assert!(verify_consistency((index, &before), (size, &root), &changed(&proof)).is_err());
    }

    #[test]
    fn the_largest_trees_have_short_proofs(index in 0..MAX_SIZE, less in 0..MAX_SIZE) {
        struct Far;
        impl Nodes for Far {
            type Error = TreeError;
            fn node(&self, level: u32, index: u64) -> Result<Hash, TreeError> {
                Ok(leaf_hash(format!("{level}/{index}").as_bytes()))
            }
        }
        let size = MAX_SIZE - less.min(MAX_SIZE - index - 1);
        let path = prove_inclusion(&Far, index, size).unwrap();
        prop_assert!(path.len() <= MAX_PROOF_HASHES);
        let proof = prove_consistency(&Far, index, size).unwrap();
        prop_assert!(proof.len() <= MAX_PROOF_HASHES);
    }
}
