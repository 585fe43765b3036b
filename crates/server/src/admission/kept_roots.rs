//! The trust roots that a denial rested on, beside it on disk: judged by others it would be another verdict.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_evidence::trust::{MAX_TRUST_ROOT_BYTES, TrustRoot, TrustRootError};
use countersign_policy::{Obtained, PolicySet, RootsAtHand, TrustRoots};
use serde::{Deserialize, Serialize};

/// What is written down of the trust roots that policies rested on and no document held.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct KeptRoots {
    standing: Option<KeptRoot>,
    named: BTreeMap<String, KeptRoot>,
}

/// One root, or why there was none.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum KeptRoot {
    /// There was one.
    #[serde(rename_all = "camelCase")]
    Root {
        generation: String,
        /// Its file; nothing where it was made of parts, and has no text that could be kept.
        file: Option<String>,
    },
    /// There was none.
    Missing { why: String },
}

/// The roots of a denial, read again.
#[derive(Debug)]
pub(super) struct Read(RootsAtHand);

/// Why a denial cannot be judged on the trust roots that it rested on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptRootError {
    /// It was made of parts.
    #[error("{root} ({generation}) was put together from several files of a repository, and was not kept")]
    NotKept {
        /// Which root.
        root: String,
        /// The generation that was in force.
        generation: String,
    },
    /// Its file is not there, or cannot be read.
    #[error("{root} cannot be read from `{}`", path.display())]
    Unreadable {
        /// Which root.
        root: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its file is no trust root.
    #[error("{root} cannot be used: `{}` is not what a door wrote", path.display())]
    NotATrustRoot {
        /// Which root.
        root: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: TrustRootError,
    },
    /// Its file is another trust root.
    #[error("{root} was {expected}, and `{}` is {found}", path.display())]
    Another {
        /// Which root.
        root: String,
        /// The file.
        path: PathBuf,
        /// The generation that was in force.
        expected: String,
        /// The generation of what is there.
        found: String,
    },
}

impl KeptRoots {
    /// Writes the roots into a directory of their own, which is made if there are any.
    pub(super) fn write(at_hand: &RootsAtHand, directory: &Path) -> io::Result<Self> {
        let mut kept = Self::default();
        if let Some(root) = &at_hand.standing {
            kept.standing = Some(write(root, directory, "standing.json")?);
        }
        for (number, (name, root)) in at_hand.named.iter().enumerate() {
            if let Some(root) = root {
                // A root's name is no file's: it may have any characters.
                let root = write(root, directory, &format!("{number:05}.json"))?;
                kept.named.insert(name.to_string(), root);
            }
        }
        Ok(kept)
    }

    /// Reads them again.
    pub(super) fn read(&self, directory: &Path) -> Result<Read, KeptRootError> {
        let standing = self
            .standing
            .as_ref()
            .map(|root| root.read("the trust root of policies that name none", directory));
        let named = self.named.iter().map(|(name, root)| {
            let root = root.read(&format!("the trust root `{name}`"), directory)?;
            Ok((name.as_str().into(), Some(root)))
        });
        Ok(Read(RootsAtHand {
            standing: standing.transpose()?,
            named: named.collect::<Result<_, KeptRootError>>()?,
        }))
    }
}

impl Read {
    /// Policies resting on these roots.
    pub(super) fn under(self, policies: PolicySet) -> PolicySet {
        let roots = TrustRoots::again(self.0, policies.trust_roots());
        policies.with_trust_roots(roots)
    }
}

fn write(root: &Obtained, directory: &Path, file: &str) -> io::Result<KeptRoot> {
    let root = match root {
        Ok(root) => root,
        Err(why) => return Ok(KeptRoot::Missing { why: why.clone() }),
    };
    if let Some(json) = root.json() {
        fs::create_dir_all(directory)?;
        fs::write(directory.join(file), json)?;
    }
    Ok(KeptRoot::Root {
        generation: root.generation().to_string(),
        file: root.json().map(|_| file.to_owned()),
    })
}

impl KeptRoot {
    fn read(&self, root: &str, directory: &Path) -> Result<Obtained, KeptRootError> {
        let root = root.to_owned();
        let (generation, file) = match self {
            Self::Missing { why } => return Ok(Err(why.clone())),
            Self::Root { generation, file } => (generation.clone(), file),
        };
        let Some(file) = file else {
            return Err(KeptRootError::NotKept { root, generation });
        };
        let path = directory.join(file);
        let mut json = Vec::new();
        let opened = File::open(&path).and_then(|file| {
            let limit = MAX_TRUST_ROOT_BYTES as u64 + 1;
            file.take(limit).read_to_end(&mut json)
        });
        if let Err(source) = opened {
            return Err(KeptRootError::Unreadable { root, path, source });
        }
        let read = match TrustRoot::parse(&json) {
            Ok(read) => read,
            Err(source) => return Err(KeptRootError::NotATrustRoot { root, path, source }),
        };
        let found = read.generation().to_string();
        if found != generation {
            return Err(KeptRootError::Another {
                root,
                path,
                expected: generation,
                found,
            });
        }
        Ok(Ok(Arc::new(read)))
    }
}
