//! The invariants of this repository that no compiler holds, each with a message that says what to do.
//!
//! Every rule is a function from the tree of files (or the graph of dependencies) to the faults it found, so that its
//! test can hand it a small tree that breaks it.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

mod attacks;
mod budgets;
mod closure;
mod lints;
mod names;
mod paths;
mod proofs;
mod tree;
mod wire;

use closure::Graph;
use tree::Tree;

/// The crates whose verdict must be the same on every machine and at every hour.
const PURE: &[&str] = &[
    "image",
    "evidence",
    "policy",
    "admission",
    "expression",
    "gate",
    "ledger",
];

/// One broken rule, at the place where a person has to act.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    place: String,
    what: String,
}

impl Fault {
    fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }

    fn on_line(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self::at(format!("{file}:{line}"), what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}

/// Fails with every fault of every rule, so that one run shows all there is to do.
pub fn tidy(root: &Path) -> Result<()> {
    let tree = Tree::of_repository(root)?;
    let graph = Graph::of_workspace(root)?;
    let faults = faults(&tree, &graph);
    if faults.is_empty() {
        println!("tidy: {} files hold to the rules", tree.len());
        return Ok(());
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    bail!(
        "{} of the repository's rules are broken, each named above",
        faults.len()
    );
}

fn faults(tree: &Tree, graph: &Graph) -> Vec<Fault> {
    let mut faults = closure::check(graph);
    let rules = [
        attacks::check,
        budgets::check,
        names::check,
        proofs::check,
        wire::check,
        lints::check,
        paths::check,
    ];
    faults.extend(rules.iter().flat_map(|rule| rule(tree)));
    faults
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_repository_is_tidy() {
        super::tidy(&crate::repository()).expect("the rules hold; each broken one is printed above");
    }
}
