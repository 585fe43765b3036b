//! Every case in `data/`, through the one check; and that the directories are what the maker makes.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_cases::case::Case;
use countersign_cases::check::{check, directories, judged};
use countersign_cases::expected::Expected;
use countersign_cases::make::make;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn data() -> PathBuf {
    home().join("data")
}

#[test]
fn every_case_is_judged_as_it_says() {
    let cases = directories(&data()).unwrap();
    assert!(
        cases.len() > 80,
        "only {} cases were found in {}",
        cases.len(),
        data().display()
    );
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(told(case, &check(case).err()?)))
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {} cases failed:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}

fn told(case: &Path, error: &dyn Error) -> String {
    let mut text = format!("{}: {error}", case.file_name().unwrap().display());
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[test]
fn each_verdict_has_many_cases() {
    let cases = directories(&data()).unwrap();
    for verdict in ["admit", "deny", "undecided"] {
        let count = cases
            .iter()
            .filter(|case| case.to_string_lossy().ends_with(&format!("-{verdict}")))
            .count();
        assert!(count >= 10, "{count} cases end in `-{verdict}`");
    }
}

/// Registries list as they like, and whoever pushes chooses when. Only where there is more than is looked at does the
/// order say what is left out, and then it says so.
#[test]
fn the_order_of_what_was_found_changes_no_verdict() {
    let mut cut = Vec::new();
    for directory in directories(&data()).unwrap() {
        let mut case = Case::read(&directory).unwrap();
        case.evidence.items.reverse();
        case.evidence.gaps.reverse();
        case.evidence.looked.reverse();
        let found = Expected::of(&judged(&case));
        let because = case.expected.rulings.iter().flat_map(|ruling| &ruling.because);
        if because.clone().any(|code| code == "signature.too_many") {
            cut.push(case.name);
        } else {
            assert_eq!(found, case.expected, "{}", case.name);
        }
    }
    assert_eq!(cut, ["gap-content-too-many-deny", "too-many-bad-signatures-deny"]);
}

/// The maker and what it made are both kept: whoever changes one without the other is told.
#[test]
fn the_directories_are_what_the_maker_makes() {
    let work = tempfile::tempdir().unwrap();
    let (keys, made) = (work.path().join("keys"), work.path().join("data"));
    std::fs::create_dir_all(&made).unwrap();
    copy(&home().join("keys"), &keys);
    make(&keys, &made, None).unwrap();
    let advice = "differs from what the maker makes: run `cargo run -p countersign-cases -- make`, and commit both";
    assert_eq!(
        files(&keys).keys().collect::<Vec<_>>(),
        files(&home().join("keys")).keys().collect::<Vec<_>>(),
        "keys/ {advice}"
    );
    assert!(
        files(&keys) == files(&home().join("keys")),
        "keys/signatures.tsv {advice}"
    );
    let (made, kept) = (files(&made), files(&data()));
    assert_eq!(
        made.keys().collect::<Vec<_>>(),
        kept.keys().collect::<Vec<_>>(),
        "data/ {advice}"
    );
    for (path, bytes) in &made {
        assert!(kept[path] == *bytes, "data/{} {advice}", path.display());
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for (path, bytes) in files(from) {
        std::fs::write(to.join(path), bytes).unwrap();
    }
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(
                    path.strip_prefix(folder).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}

#[test]
fn a_case_whose_name_lies_is_caught() {
    let work = tempfile::tempdir().unwrap();
    let (case, lie) = (data().join("unsigned-deny"), work.path().join("unsigned-admit"));
    for (path, bytes) in files(&case) {
        let target = lie.join(path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, bytes).unwrap();
    }
    assert!(told(&lie, &check(&lie).unwrap_err()).contains("does not end in `-deny`"));
    let expected = std::fs::read_to_string(lie.join("expected.json"))
        .unwrap()
        .replace("deny", "admit");
    std::fs::write(lie.join("expected.json"), expected).unwrap();
    assert!(told(&lie, &check(&lie).unwrap_err()).contains("judged otherwise"));
}

/// The judge reads no clock (`xtask tidy` sees to it); here, that neither zone nor language of the machine matters.
#[test]
fn time_zone_and_language_of_the_machine_change_nothing() {
    let judged = |zone: &str, language: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign-cases"))
            .arg("check")
            .envs([("TZ", zone), ("LC_ALL", language), ("LANG", language)])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        output.stdout
    };
    let here = judged("UTC", "C");
    assert_eq!(here, judged("Pacific/Kiritimati", "tr_TR.UTF-8"));
    assert_eq!(here, judged("America/Los_Angeles", "de_DE.UTF-8"));
}
