//! That clippy is told what the other rules leave to it: the length of functions, and what a pure crate may not call.

use toml::Table;

use super::tree::Tree;
use super::{Fault, PURE};

const LONGEST_FUNCTION: i64 = 80;

const NO_CLOCK: &str = "`now` is an argument, so that a verdict can be replayed";
const NO_ENVIRONMENT: &str = "the same question has the same answer everywhere";
const NO_FILES: &str = "bytes are an argument";
const NO_SOCKETS: &str = "what a verdict needs was gathered before";

/// What the `clippy.toml` of every pure crate has to disallow.
const IMPURE: &[(&str, &str)] = &[
    ("std::time::SystemTime::now", NO_CLOCK),
    ("std::time::Instant::now", NO_CLOCK),
    ("jiff::Timestamp::now", NO_CLOCK),
    ("jiff::Zoned::now", NO_CLOCK),
    ("std::env::var", NO_ENVIRONMENT),
    ("std::env::var_os", NO_ENVIRONMENT),
    ("std::fs::read", NO_FILES),
    ("std::fs::read_to_string", NO_FILES),
    ("std::fs::write", NO_FILES),
    ("std::fs::File::open", NO_FILES),
    ("std::net::TcpStream::connect", NO_SOCKETS),
    ("std::net::TcpListener::bind", NO_SOCKETS),
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_clippy = |path: &str| path == "clippy.toml" || path.ends_with("/clippy.toml");
    for (path, text) in tree.files().filter(|(path, _)| is_clippy(path)) {
        faults.extend(function_length(path, text));
    }
    if tree.get("clippy.toml").is_none() {
        faults.push(Fault::at(
            "clippy.toml",
            format!("missing: it must set `too-many-lines-threshold = {LONGEST_FUNCTION}`"),
        ));
    }
    for name in PURE {
        faults.extend(purity(tree, name));
    }
    faults.extend(switched_on(tree));
    faults
}

/// The nearest `clippy.toml` wins and does not merge, so each of them has to say it.
fn function_length(path: &str, text: &str) -> Option<Fault> {
    let table: Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => return Some(Fault::at(path, format!("is not TOML: {}", error.message()))),
    };
    let threshold = table.get("too-many-lines-threshold").and_then(toml::Value::as_integer);
    (threshold != Some(LONGEST_FUNCTION)).then(|| {
        Fault::at(
            path,
            format!("must set `too-many-lines-threshold = {LONGEST_FUNCTION}`: no function may be longer"),
        )
    })
}

fn purity(tree: &Tree, name: &str) -> Vec<Fault> {
    let path = format!("crates/{name}/clippy.toml");
    let Some(text) = tree.get(&path) else {
        return vec![Fault::at(
            path,
            "missing: a pure crate disallows the clock, the environment, files and sockets there",
        )];
    };
    let disallowed = disallowed(text);
    let lacks = |method: &str| {
        !disallowed
            .iter()
            .any(|(path, has_reason)| path == method && *has_reason)
    };
    let missing = IMPURE.iter().filter(|(method, _)| lacks(method));
    missing
        .map(|(method, why)| Fault::at(&path, format!("must disallow `{method}` with a reason: {why}")))
        .collect()
}

fn disallowed(text: &str) -> Vec<(String, bool)> {
    let table: Table = toml::from_str(text).unwrap_or_default();
    let entries = table
        .get("disallowed-methods")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten();
    let entry = |entry: &toml::Value| {
        let path = entry.get("path")?.as_str()?.to_owned();
        Some((path, entry.get("reason").is_some()))
    };
    entries.filter_map(entry).collect()
}

/// A threshold measures nothing while the lint is off, or while a crate does not take the workspace's lints.
fn switched_on(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let manifests = tree
        .files()
        .filter(|(path, _)| path.ends_with("/Cargo.toml") || *path == "Cargo.toml");
    for (path, text) in manifests {
        let table: Table = toml::from_str(text).unwrap_or_default();
        if path == "Cargo.toml" {
            let lint = table
                .get("workspace")
                .and_then(|at| at.get("lints")?.get("clippy")?.get("too_many_lines"));
            if lint.is_none() {
                faults.push(Fault::at(
                    path,
                    "must switch on `too_many_lines` under `[workspace.lints.clippy]`",
                ));
            }
        } else if table
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool)
            != Some(true)
        {
            faults.push(Fault::at(
                path,
                "must have `[lints] workspace = true`, or no lint of ours reaches it",
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: (&str, &str) = ("Cargo.toml", "[workspace.lints.clippy]\ntoo_many_lines = \"warn\"\n");
    const ROOT: (&str, &str) = ("clippy.toml", "too-many-lines-threshold = 80\n");

    fn pure(skip: &str) -> String {
        let entries: Vec<String> = IMPURE
            .iter()
            .filter(|(path, _)| *path != skip)
            .map(|(path, _)| format!("{{ path = \"{path}\", reason = \"r\" }}"))
            .collect();
        format!(
            "too-many-lines-threshold = 80\ndisallowed-methods = [{}]\n",
            entries.join(", ")
        )
    }

    /// A tree with all the pure crates, of which one says something of its own.
    fn faults(root: (&str, &str), image: &str) -> Vec<Fault> {
        let whole = pure("");
        let crates: Vec<(String, &str)> = PURE
            .iter()
            .map(|name| {
                let says = if *name == "image" { image } else { &whole };
                (format!("crates/{name}/clippy.toml"), says)
            })
            .collect();
        let mut files = vec![WORKSPACE, root];
        files.extend(crates.iter().map(|(path, says)| (path.as_str(), *says)));
        check(&Tree::of(&files))
    }

    #[test]
    fn a_tree_that_says_all_of_it_has_no_fault() {
        assert_eq!(faults(ROOT, &pure("")), []);
    }

    #[test]
    fn a_pure_crate_that_may_read_the_clock_is_a_fault() {
        let faults = faults(ROOT, &pure("std::time::SystemTime::now"));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].what.contains("`std::time::SystemTime::now`"), "{}", faults[0]);
    }

    #[test]
    fn another_length_of_functions_is_a_fault() {
        let faults = faults(("clippy.toml", "too-many-lines-threshold = 200\n"), &pure(""));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place, "clippy.toml");
    }

    #[test]
    fn a_crate_without_the_lints_is_a_fault() {
        let tree = Tree::of(&[WORKSPACE, ("xtask/Cargo.toml", "[package]\nname = \"xtask\"\n")]);
        assert_eq!(switched_on(&tree).len(), 1);
    }
}
