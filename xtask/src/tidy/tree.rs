//! The text files of the repository, as git knows them: committed, or new and not ignored.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Path from the root of the repository → text.
pub(super) struct Tree(BTreeMap<String, String>);

impl Tree {
    pub(super) fn of_repository(root: &Path) -> Result<Self> {
        let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let output = Command::new("git")
            .args(listing)
            .current_dir(root)
            .output()
            .context("cannot run git")?;
        if !output.status.success() {
            bail!(
                "git cannot list the files of {}: {}",
                root.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
        // What cannot be read as text (a picture, a recorded answer, a file just deleted) has no lines to hold to rules.
        let readable = |name: &str| {
            std::fs::read_to_string(root.join(name))
                .ok()
                .map(|text| (name.to_owned(), text))
        };
        Ok(Self(names.split_terminator('\0').filter_map(readable).collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Rust sources, ours all of them.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// Sources of the program itself, without its tests.
    pub(super) fn sources_under(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.sources().filter(move |(path, _)| path.starts_with(folder))
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }
}

/// The lines that are code, numbered from one: no comments, and nothing from an inline test module on.
pub(super) fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let length = untested(text);
    let lines = text
        .lines()
        .take(length)
        .enumerate()
        .map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// How many lines come before the inline test module, if there is one.
pub(super) fn untested(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let opens_tests =
        |pair: &[&str]| pair[0].trim() == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    lines.windows(2).position(opens_tests).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_leaves_out_comments_and_inline_tests() {
        let text = "//! doc\nfn a() {}\n// note\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let found: Vec<_> = code(text).collect();
        assert_eq!(found, [(2, "fn a() {}")]);
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_ends_nothing() {
        assert_eq!(untested("#[cfg(test)]\nmod tests;\nfn a() {}\n"), 3);
    }
}
