//! Size: no file and no function so long that a reader loses the thread, and a first line that says what a file is for.
//!
//! The length of functions is clippy's to measure; that it does is `lints`' to check.

use super::Fault;
use super::tree::{Tree, untested};

const LONGEST_FILE: usize = 600;
const USUAL_FILE: usize = 350;

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<Fault> = tree.sources().flat_map(|(path, text)| each_file(path, text)).collect();
    faults.extend(ninth_decile(tree));
    faults
}

fn each_file(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        let what = format!(
            "{lines} lines, and no file may have more than {LONGEST_FILE}: find the seam in it and split there"
        );
        faults.push(Fault::at(path, what));
    }
    if !text.starts_with("//!") {
        faults.push(Fault::on_line(
            path,
            1,
            "must begin with a `//!` line that says what the file is for",
        ));
    }
    faults
}

/// One long file may be a table; many are a habit.
fn ninth_decile(tree: &Tree) -> Option<Fault> {
    let mut lengths: Vec<(usize, &str)> = tree
        .sources()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (untested(text), path))
        .collect();
    lengths.sort_unstable();
    let (length, _) = *lengths.get((lengths.len() * 9).div_ceil(10).checked_sub(1)?)?;
    let (longest, path) = *lengths.last()?;
    (length > USUAL_FILE).then(|| {
        let what = format!(
            "one file in ten has more than {length} lines without its tests, and the budget is {USUAL_FILE} \
             (the longest, {longest} lines, is this one): split some"
        );
        Fault::at(path, what)
    })
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_limit_is_a_fault() {
        let long = format!("//! doc\n{}", "\n".repeat(600));
        let faults = check(&Tree::of(&[("crates/a/src/tests.rs", &long)]));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].what.contains("601 lines"), "{}", faults[0]);
    }

    #[test]
    fn a_file_without_a_first_line_of_prose_is_a_fault() {
        let faults = check(&Tree::of(&[("crates/a/src/lib.rs", "use std::fmt;\n")]));
        assert!(faults[0].what.contains("`//!`"), "{}", faults[0]);
    }

    #[test]
    fn many_longish_files_are_a_fault_and_their_tests_are_not_counted() {
        let longish = format!("//! doc\n{}", "\n".repeat(400));
        assert_eq!(check(&Tree::of(&[("crates/a/src/lib.rs", &longish)])).len(), 1);
        let tested = format!("//! doc\n#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(400));
        assert_eq!(check(&Tree::of(&[("crates/a/src/lib.rs", &tested)])), []);
    }
}
