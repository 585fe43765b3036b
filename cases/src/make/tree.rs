//! Directories, written whole.

use std::path::Path;

use super::MakeError;

/// An empty directory, whatever was there before.
pub(super) fn fresh(directory: &Path) -> Result<(), MakeError> {
    remove(directory)?;
    let made = std::fs::create_dir_all(directory);
    made.map_err(|source| MakeError::File {
        verb: "create",
        path: directory.to_owned(),
        source,
    })
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), MakeError> {
    std::fs::write(path, text).map_err(|source| MakeError::File {
        verb: "write",
        path: path.to_owned(),
        source,
    })
}

/// Removes the directories in `folder` that are not named.
pub(super) fn keep_only(folder: &Path, names: &[String]) -> Result<(), MakeError> {
    let list = crate::check::directories(folder);
    let list = list.map_err(|source| MakeError::File {
        verb: "list",
        path: folder.to_owned(),
        source,
    })?;
    let named = |path: &Path| names.iter().any(|name| path.ends_with(name));
    list.iter()
        .filter(|path| !named(path))
        .try_for_each(|path| remove(path))
}

fn remove(directory: &Path) -> Result<(), MakeError> {
    if !directory.exists() {
        return Ok(());
    }
    let removed = std::fs::remove_dir_all(directory);
    removed.map_err(|source| MakeError::File {
        verb: "remove",
        path: directory.to_owned(),
        source,
    })
}
