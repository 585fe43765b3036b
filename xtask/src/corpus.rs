//! The corpus of recorded data, which is no part of the repository: what its manifest names has to be there, or suites over
//! it would judge less and pass.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Where the corpus is, if it is not beside the repository.
const PLACE: &str = "COUNTERSIGN_CORPUS";
/// Set where a run without the corpus proves too little to pass.
const REQUIRED: &str = "COUNTERSIGN_CORPUS_REQUIRED";
/// What is in it: a line for each file, its path first.
const MANIFEST: &str = "MANIFEST.tsv";

/// Sees that the corpus is whole where there is one, and that there is one where that is required.
pub fn check(root: &Path) -> Result<()> {
    let place = std::env::var_os(PLACE).map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    let required = std::env::var_os(REQUIRED).is_some();
    println!("\n{}", seen(&place, required)?);
    Ok(())
}

fn seen(place: &Path, required: bool) -> Result<String> {
    if !place.is_dir() {
        let what = format!(
            "there is no corpus in `{}`: the suites over it do not run",
            place.display()
        );
        if required {
            bail!("{what}, and {REQUIRED} demands them");
        }
        return Ok(what);
    }
    let path = place.join(MANIFEST);
    let manifest = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let files: Vec<&str> = manifest
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .collect();
    let missing: Vec<&&str> = files.iter().filter(|file| !is_there(place, file)).collect();
    match missing.first() {
        _ if files.is_empty() => bail!("`{}` names no file", path.display()),
        Some(first) => bail!(
            "{} of {} files that `{}` names are not there, such as `{first}`",
            missing.len(),
            files.len(),
            path.display()
        ),
        None => Ok(format!(
            "the corpus in `{}` is whole: {} files",
            place.display(),
            files.len()
        )),
    }
}

fn is_there(place: &Path, file: &str) -> bool {
    let within = Path::new(file)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    within
        && match file.rsplit_once("/*") {
            // Many files of one kind in one directory.
            Some((directory, end)) => std::fs::read_dir(place.join(directory)).is_ok_and(|entries| {
                let mut names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
                names.any(|name| name.to_string_lossy().ends_with(end))
            }),
            None => place.join(file).exists(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_that_lacks_something_is_no_corpus() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("corpus");
        assert!(seen(&place, false).unwrap().contains("do not run"));
        assert!(seen(&place, true).unwrap_err().to_string().contains(REQUIRED));
        std::fs::create_dir_all(place.join("bundles")).unwrap();
        assert!(seen(&place, false).is_err(), "a corpus has a manifest");
        std::fs::write(place.join(MANIFEST), "path\tbytes\n").unwrap();
        assert!(seen(&place, false).unwrap_err().to_string().contains("names no file"));
        std::fs::write(
            place.join(MANIFEST),
            "path\tbytes\nbundles/a.json\t1\nbundles/b.json\t1\n",
        )
        .unwrap();
        std::fs::write(place.join("bundles/a.json"), "1").unwrap();
        let told = seen(&place, false).unwrap_err().to_string();
        assert!(told.contains("1 of 2") && told.contains("bundles/b.json"), "{told}");
        std::fs::write(place.join("bundles/b.json"), "1").unwrap();
        assert!(seen(&place, true).unwrap().contains("whole: 2 files"));
        for (line, is_there) in [
            ("bundles/*.json", true),
            ("bundles/*.jsonl", false),
            ("../x", false),
            ("none/*.json", false),
        ] {
            std::fs::write(place.join(MANIFEST), format!("path\tbytes\n{line}\t\n")).unwrap();
            assert_eq!(seen(&place, true).is_ok(), is_there, "{line}");
        }
    }
}
