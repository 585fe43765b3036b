//! Wire formats stop at the border: what is meant has types of its own, and only the border's modules derive serde.

use super::Fault;
use super::tree::{Tree, code};

/// Crate → where in its `src` a serde derive may stand. A folder of that name counts with the file.
const BORDERS: &[(&str, &[&str])] = &[("policy", &["document"]), ("admission", &["review", "respond"])];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    BORDERS
        .iter()
        .flat_map(|(name, modules)| each_crate(tree, name, modules))
        .collect()
}

fn each_crate(tree: &Tree, name: &str, modules: &[&str]) -> Vec<Fault> {
    let folder = format!("crates/{name}/src/");
    let mut faults = Vec::new();
    for (path, text) in tree.sources_under(&folder) {
        let module = path[folder.len()..].split(['/', '.']).next().unwrap_or_default();
        if modules.contains(&module) {
            continue;
        }
        for (number, derived) in derives(text) {
            if derived.iter().any(|word| word == "Serialize" || word == "Deserialize") {
                let what = format!(
                    "a serde derive in `{name}` belongs to {}: keep the wire's types there",
                    modules.join(" or ")
                );
                faults.push(Fault::on_line(path, number, what));
            }
        }
    }
    faults
}

/// Every `derive`, with the last segment of each name in it; one may run over several lines.
pub(super) fn derives(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut lines = code(text);
    while let Some((number, line)) = lines.next() {
        let Some((_, mut rest)) = line.split_once("derive(") else {
            continue;
        };
        let mut list = String::new();
        loop {
            if let Some((end, _)) = rest.split_once(')') {
                list.push_str(end);
                break;
            }
            list.push_str(rest);
            let Some((_, next)) = lines.next() else { break };
            rest = next;
        }
        let names = list
            .split(',')
            .map(|name| name.rsplit("::").next().unwrap_or(name).trim().to_owned())
            .collect();
        found.push((number, names));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serde_derive_outside_the_border_is_a_fault() {
        for derive in [
            "#[derive(Debug, serde::Deserialize)]",
            "#[derive(\n    Debug,\n    Serialize,\n)]",
            "#[cfg_attr(x, derive(Serialize))]",
        ] {
            let text = format!("//! doc\n{derive}\nstruct A;\n");
            let faults = check(&Tree::of(&[("crates/policy/src/meaning.rs", &text)]));
            assert_eq!(faults.len(), 1, "{derive}");
            assert_eq!(faults[0].place, "crates/policy/src/meaning.rs:2");
        }
    }

    #[test]
    fn a_serde_derive_at_the_border_is_none() {
        let text = "//! doc\n#[derive(Deserialize)]\nstruct A;\n";
        let tree = Tree::of(&[
            ("crates/policy/src/document.rs", text),
            ("crates/policy/src/document/ours.rs", text),
            ("crates/admission/src/review.rs", text),
        ]);
        assert_eq!(check(&tree), []);
    }
}
