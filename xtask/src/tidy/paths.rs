//! No path of the machine that a file was written on: it means nothing, or something else, on every other.

use super::Fault;
use super::tree::Tree;

/// Spelt in halves, so that this file holds to its own rule.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/")];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.files() {
        for (index, line) in text.lines().enumerate() {
            if let Some(home) = HOMES.iter().find(|home| names(line, home)) {
                let what = format!("`{home}…` is a path of one machine: derive it, or take it from the environment");
                faults.push(Fault::on_line(path, index + 1, what));
            }
        }
    }
    faults
}

/// Only where the path begins: `trust/root/` is nobody's home.
fn names(line: &str, home: &str) -> bool {
    let inside = |character: char| character.is_alphanumeric() || "._-/})>".contains(character);
    line.match_indices(home)
        .any(|(position, _)| !line[..position].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_a_fault() {
        for home in HOMES {
            let faults = check(&Tree::of(&[("docs/a.md", &format!("text\nsee `{home}x`\n"))]));
            assert_eq!(faults.len(), 1);
            assert_eq!(faults[0].place, "docs/a.md:2");
        }
    }

    #[test]
    fn a_folder_of_that_name_elsewhere_is_none() {
        let inner = format!("crates/trust{}mod.rs and $X{}", HOMES[0], HOMES[1]);
        assert!(!names(&format!("crates/trust{}mod.rs", HOMES[0]), HOMES[0]), "{inner}");
    }
}
