//! The maker: what every case holds, in code, and the directories written from it.
//!
//! Nothing in a case came from elsewhere: keys lie in `keys/`, signatures are made with them, and what no honest signer
//! would sign is forged here. Making them all again changes nothing, because a signature once made is remembered (ECDSA
//! and PSS signatures differ with each making).

mod attacks;
mod attestations;
mod draft;
mod formats;
mod items;
mod keyless;
mod keys;
mod layouts;
mod policies;
mod policy_text;
mod registry;
mod remembered;
mod sample;
mod tree;
mod workshop;

use std::path::{Path, PathBuf};

use countersign_keys::{GenerateError, PrivateKeyError};
use countersign_registry::archive::ArchiveError;

use draft::Draft;
use workshop::Workshop;

/// Why cases could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// A file cannot be read or written.
    #[error("cannot {verb} `{}`", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key file holds no key.
    #[error("`{}` is no key to make cases with", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        source: PrivateKeyError,
    },
    /// A key that was missing could not be made.
    #[error("cannot generate the key `{name}`")]
    Generate {
        /// Name of the key.
        name: &'static str,
        /// Why not.
        source: GenerateError,
    },
    /// A line of the remembered signatures is not three fields.
    #[error("line {line} of `{}` is not `signer`, digest and signature with tabs between", path.display())]
    Remembered {
        /// The file.
        path: PathBuf,
        /// Number of the line.
        line: usize,
    },
    /// The evidence cannot be saved.
    #[error("cannot save the evidence of `{name}`")]
    Archive {
        /// The case.
        name: String,
        /// Why not.
        source: ArchiveError,
    },
    /// There is no such case.
    #[error("no case is called `{name}`; the names are those of the directories in `cases/data`")]
    Unknown {
        /// The name asked for.
        name: String,
    },
}

/// Makes the case called `only`, or all of them, into `data`, with the keys and remembered signatures in `keys`.
/// Directories of cases that are made no longer are removed when all are made. Says which cases were written.
///
/// # Errors
/// [`MakeError`]; what was written before it stays.
pub fn make(keys: &Path, data: &Path, only: Option<&str>) -> Result<Vec<String>, MakeError> {
    let workshop = Workshop::open(keys)?;
    let mut drafts = drafts(&workshop);
    if let Some(name) = only {
        drafts.retain(|draft| draft.name() == name);
        if drafts.is_empty() {
            return Err(MakeError::Unknown { name: name.to_owned() });
        }
    }
    for draft in &drafts {
        draft.write(data)?;
    }
    let names: Vec<String> = drafts.iter().map(|draft| draft.name().to_owned()).collect();
    if only.is_none() {
        tree::keep_only(data, &names)?;
        workshop.forget_unused();
    }
    workshop.remember(keys)?;
    Ok(names)
}

/// In the order in which a reader would ask: does it work, with which keys, for what is attested, under which policies,
/// when the registry fails, and against whom.
fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let groups = [
        layouts::drafts(workshop),
        keys::drafts(workshop),
        attestations::drafts(workshop),
        policies::drafts(workshop),
        formats::drafts(workshop),
        keyless::drafts(workshop),
        registry::drafts(workshop),
        attacks::drafts(workshop),
    ];
    groups.into_iter().flatten().collect()
}
