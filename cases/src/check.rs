//! The one check that every case goes through: load, find the governing policies, judge, compare.

use std::fmt;
use std::path::{Path, PathBuf};

use countersign_policy::{Judgement, PolicySet, judge, parse};

use crate::case::{Case, CaseError, POLICY};
use crate::expected::Expected;

/// Why a case did not pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The directory is no case.
    #[error("it cannot be read")]
    Read(#[from] CaseError),
    /// The name promises another verdict than `expected.json`.
    #[error("its name does not end in `-{expected}`, which `expected.json` says")]
    Name {
        /// The verdict in `expected.json`.
        expected: String,
    },
    /// The evidence is about another image than the case.
    #[error("its evidence is about `{found}`, the case about `{expected}`")]
    OtherImage {
        /// The case's image.
        expected: String,
        /// The evidence's image.
        found: String,
    },
    /// Another verdict, or other reasons or grounds for it.
    #[error("judged otherwise:\n    expected {expected}\n    found    {found}\n{words}")]
    Otherwise {
        /// What must come of it.
        expected: Box<Expected>,
        /// What came of it.
        found: Box<Expected>,
        /// The judgement as a person would read it.
        words: String,
    },
}

/// Judges one case and compares with what must come of it.
///
/// # Errors
/// [`CheckError`], which says what differs.
pub fn check(directory: &Path) -> Result<Expected, CheckError> {
    let case = Case::read(directory)?;
    if !case.name.ends_with(&format!("-{}", case.expected.verdict)) {
        return Err(CheckError::Name {
            expected: case.expected.verdict,
        });
    }
    if case.evidence.image.to_string() != case.image.to_string() {
        let found = case.evidence.image.to_string();
        return Err(CheckError::OtherImage {
            expected: case.image.to_string(),
            found,
        });
    }
    let judgement = judged(&case);
    let found = Expected::of(&judgement);
    if found != case.expected {
        let words = Words(&judgement).to_string();
        return Err(CheckError::Otherwise {
            expected: case.expected.into(),
            found: found.into(),
            words,
        });
    }
    Ok(found)
}

/// The judgement of a case: its policies, on its evidence, at its time.
#[must_use]
pub fn judged(case: &Case) -> Judgement {
    let policies = PolicySet::compile_with(vec![parse(POLICY, &case.policy)], case.roots.clone(), case.settings);
    let governing = policies.governing(&case.image, &case.object);
    judge(&case.evidence, &governing, case.now)
}

/// Every case in a folder, in the order of their names.
///
/// # Errors
/// What the system says where the folder cannot be listed.
pub fn directories(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut found = entries.collect::<Result<Vec<_>, _>>()?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}

struct Words<'a>(&'a Judgement);

impl fmt::Display for Words<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ruling in self.0.rulings().iter() {
            for ground in ruling.verdict().grounds() {
                writeln!(formatter, "    {ground}")?;
            }
            for reason in ruling.verdict().reasons() {
                writeln!(formatter, "    {}: {reason}", reason.code().as_str())?;
            }
        }
        Ok(())
    }
}
