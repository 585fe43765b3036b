//! Proofs: each has one maker called `assertion`, in the file named here, and none comes back from bytes.

use super::Fault;
use super::tree::{Tree, code};
use super::wire::derives;

const LISTED_IN: &str = "xtask/src/tidy/proofs.rs";

/// Every type that can only be had by proving something, with the file of its maker. Whoever adds a line here adds a
/// way to admit an image: review it as that.
const PROOFS: &[(&str, &str)] = &[
    ("Pinned", "crates/image/src/reference/pinned.rs"),
    ("Chain", "crates/evidence/src/chain.rs"),
    ("Verified", "crates/evidence/src/verified.rs"),
    ("SignedArtifact", "crates/evidence/src/artifact.rs"),
    ("ImageSignature", "crates/evidence/src/signature.rs"),
    ("Attestation", "crates/evidence/src/attestation.rs"),
    ("SignedImageList", "crates/evidence/src/image_list/mod.rs"),
    ("TrustedImages", "crates/evidence/src/image_list/mod.rs"),
    ("Vouched", "crates/evidence/src/certificate/mod.rs"),
    ("Stamped", "crates/evidence/src/timestamp/mod.rs"),
    ("Logged", "crates/evidence/src/log/logged.rs"),
    ("Signed", "crates/policy/src/ground.rs"),
    ("Attested", "crates/policy/src/ground.rs"),
    ("SignedHead", "crates/ledger/src/checkpoint/head.rs"),
    ("Included", "crates/ledger/src/proof.rs"),
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = strangers(tree);
    faults.extend(returns(tree));
    let missing = PROOFS
        .iter()
        .filter(|listed| !makers(tree).any(|(_, maker)| maker == **listed));
    faults.extend(missing.map(|(proof, path)| {
        Fault::at(
            *path,
            format!("`{proof}::assertion` is listed as a maker in {LISTED_IN}, and is not here"),
        )
    }));
    faults
}

/// Every `assertion` in the crates: its line, and the type it makes with the file that it is in.
fn makers(tree: &Tree) -> impl Iterator<Item = (usize, (&str, &str))> {
    tree.sources_under("crates/").flat_map(|(path, text)| {
        let mut of = "";
        code(text).filter_map(move |(number, line)| {
            if line.trim_start().starts_with("impl") {
                of = implemented(line);
            }
            makes(line).then_some((number, (of, path)))
        })
    })
}

fn strangers(tree: &Tree) -> Vec<Fault> {
    let unlisted = makers(tree).filter(|(_, maker)| !PROOFS.contains(maker));
    let fault = |(number, (of, path)): (usize, (&str, &str))| {
        let what = format!(
            "`{of}::assertion` makes a proof, and this file is not listed as its maker: a proof has one maker, listed in \
             {LISTED_IN}"
        );
        Fault::on_line(path, number, what)
    };
    unlisted.map(fault).collect()
}

fn returns(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.sources_under("crates/") {
        let derived = derives(text)
            .into_iter()
            .filter(|(_, names)| names.iter().any(|name| name == "Deserialize"));
        let derived = derived.filter_map(|(number, _)| Some((number, defined_after(text, number)?)));
        let written =
            code(text).filter(|(_, line)| line.trim_start().starts_with("impl") && line.contains("Deserialize<"));
        let written = written.map(|(number, line)| (number, implemented(line)));
        for (number, name) in derived.chain(written) {
            if PROOFS
                .iter()
                .any(|(proof, maker)| *proof == name && in_one_crate(maker, path))
            {
                let what = format!(
                    "`{name}` is a proof and must not implement `Deserialize`: keep the bytes, and verify them again"
                );
                faults.push(Fault::on_line(path, number, what));
            }
        }
    }
    faults
}

/// A trait of another crate can only be implemented in the type's own; elsewhere the name is another type's.
fn in_one_crate(one: &str, other: &str) -> bool {
    one.split('/').take(2).eq(other.split('/').take(2))
}

fn makes(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("fn assertion") else {
        return false;
    };
    rest.starts_with(['(', '<'])
}

/// The type that an `impl` line is for, without its path and its parameters.
fn implemented(line: &str) -> &str {
    let line = line.trim_start().trim_start_matches("impl");
    let after_parameters = if line.starts_with('<') {
        after_angles(line)
    } else {
        line
    };
    let target = after_parameters
        .split_once(" for ")
        .map_or(after_parameters, |(_, target)| target);
    let name = target.trim_start().split(['<', ' ', '{']).next().unwrap_or_default();
    name.rsplit("::").next().unwrap_or(name)
}

fn after_angles(line: &str) -> &str {
    let mut depth = 0_usize;
    for (position, character) in line.char_indices() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &line[position + 1..];
        }
    }
    ""
}

/// The name of the item after a derive.
fn defined_after(text: &str, number: usize) -> Option<&str> {
    text.lines().skip(number - 1).find_map(defined)
}

fn defined(line: &str) -> Option<&str> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| !matches!(*word, "struct" | "enum"));
    words.next()?;
    words.next()?.split(['<', '(', '{', ';']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "crates/evidence/src/verified.rs";
    const MAKER: &str = "//! doc\nimpl<T: Clone> Verified<T> {\n    pub(crate) fn assertion(value: T) -> Self {\n";

    /// The faults beside those for the makers that a small tree lacks.
    fn faults(path: &str, text: &str) -> Vec<Fault> {
        let tree = Tree::of(&[(path, text)]);
        let mut faults = strangers(&tree);
        faults.extend(returns(&tree));
        faults
    }

    #[test]
    fn a_maker_that_is_not_listed_is_a_fault() {
        assert_eq!(faults(HOME, MAKER), []);
        let faults = faults("crates/server/src/cache.rs", MAKER);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].what.contains("`Verified::assertion`"), "{}", faults[0]);
        assert_eq!(faults[0].place, "crates/server/src/cache.rs:3");
    }

    #[test]
    fn a_maker_of_an_unlisted_type_is_a_fault_even_there() {
        assert_eq!(
            faults(HOME, "//! doc\nimpl Shortcut {\n    fn assertion() -> Self {\n").len(),
            1
        );
    }

    #[test]
    fn a_listed_maker_that_is_gone_is_a_fault() {
        let all = check(&Tree::of(&[("crates/evidence/src/lib.rs", "//! doc\n")]));
        assert_eq!(all.len(), PROOFS.len());
        assert_eq!(check(&Tree::of(&[(HOME, MAKER)])).len(), PROOFS.len() - 1);
    }

    #[test]
    fn a_proof_that_can_be_read_back_is_a_fault() {
        for text in [
            "//! doc\n#[derive(Debug, Deserialize)]\npub struct Verified<T> {\n",
            "//! doc\n#[derive(serde::Deserialize)]\n#[serde(transparent)]\npub(crate) struct Attestation(Inner);\n",
            "//! doc\nimpl<'de, T> serde::Deserialize<'de> for Verified<T> {\n",
        ] {
            let faults = faults(HOME, text);
            assert_eq!(faults.len(), 1, "{text}");
            assert!(faults[0].what.contains("must not implement"), "{}", faults[0]);
        }
    }

    #[test]
    fn another_type_may_be_read_back() {
        let text = "//! doc\n#[derive(Deserialize)]\nstruct Unverified;\nstruct Verified(Unverified);\n";
        assert_eq!(faults(HOME, text), []);
        let text = "//! doc\n#[derive(Deserialize)]\nstruct Verified;\n";
        assert_eq!(faults("crates/server/src/cache.rs", text), []);
    }
}
