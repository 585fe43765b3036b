//! Names that say nothing: a module called after no thing of this domain collects whatever nobody found a place for.

use super::Fault;
use super::tree::{Tree, code};

const EMPTY_WORDS: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "managers",
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let files = tree.files().filter_map(|(path, _)| {
        let word = path.split('/').map(stem).find(|stem| EMPTY_WORDS.contains(stem))?;
        Some(Fault::at(path, advice(word)))
    });
    let modules = tree.sources().flat_map(|(path, text)| {
        let declared = code(text).filter_map(|(number, line)| Some((number, module(line)?)));
        let empty = declared.filter(|(_, name)| EMPTY_WORDS.contains(name));
        empty
            .map(move |(number, name)| Fault::on_line(path, number, advice(name)))
            .collect::<Vec<_>>()
    });
    files.chain(modules).collect()
}

fn advice(word: &str) -> String {
    format!("`{word}` names no thing: call it after what it holds, or move each part to the module that it serves")
}

fn stem(component: &str) -> &str {
    component.split('.').next().unwrap_or(component)
}

fn module(line: &str) -> Option<&str> {
    let mut words = line
        .trim_start()
        .split([' ', ';', '{'])
        .skip_while(|word| word.starts_with("pub"));
    // `pub(in a::b)` leaves its second half behind.
    let first = words.by_ref().find(|word| !word.ends_with(')'))?;
    if first == "mod" { words.next() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_name_of_a_file_a_folder_or_a_module_is_a_fault() {
        for (path, text) in [
            ("crates/a/src/util.rs", "//! doc\n"),
            ("crates/common/src/lib.rs", "//! doc\n"),
            ("crates/a/src/lib.rs", "//! doc\npub(crate) mod helpers;\n"),
            ("crates/a/src/lib.rs", "//! doc\n    mod misc {\n"),
        ] {
            assert_eq!(check(&Tree::of(&[(path, text)])).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_name_that_merely_contains_such_a_word_is_none() {
        let tree = Tree::of(&[("crates/a/src/commonality.rs", "//! doc\nmod utility;\nfn util() {}\n")]);
        assert_eq!(check(&tree), []);
    }
}
