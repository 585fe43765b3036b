//! What the latest denials were judged on, kept on disk so that `explain --record` and `replay --record` judge exactly that.
//!
//! A denial is a directory named after the request's uid: `policies/` with the documents that governed, `roots/` with the trust
//! roots that they rest on, one evidence archive per image that was not admitted, and `context.json`. The newest 256 stay.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_evidence::Evidence;
use countersign_policy::{Governing, NoMatch, ObjectFacts, PolicySet, Settings};
use countersign_registry::archive;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kept_roots::{KeptRootError, KeptRoots};
use crate::policies::Snapshot;
use crate::queue::Queue;

/// The file that makes a directory one of ours.
const CONTEXT: &str = "context.json";
/// The directory with the trust roots.
const ROOTS: &str = "roots";
/// How many denials are kept.
const KEPT: usize = 256;
/// How many may wait to be written; further ones are not kept, as a flood of denials must not fill the memory.
const WAITING: usize = 64;

/// Why denials cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum DenialsError {
    /// The directory cannot be made or read.
    #[error("denials cannot be kept in `{}`", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a denial depended on besides evidence and policies.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DenialContext {
    at: Timestamp,
    no_match: String,
    group: String,
    version: String,
    resource: String,
    labels: BTreeMap<String, String>,
    /// Absent where a release wrote it that kept none: what rests on one is undecided then.
    #[serde(default)]
    trust_roots: KeptRoots,
}

impl DenialContext {
    pub(super) fn new(at: Timestamp, settings: Settings, facts: ObjectFacts) -> Self {
        let ObjectFacts {
            group,
            version,
            resource,
            labels,
        } = facts;
        Self {
            at,
            no_match: settings.no_match.word().to_owned(),
            group,
            version,
            resource,
            labels,
            trust_roots: KeptRoots::default(),
        }
    }

    /// The policies of a denial in `directory`, resting on the trust roots that they rested on then.
    ///
    /// # Errors
    /// Where one of them was not kept, or is not the one any more that it was.
    pub fn rest(&self, directory: &Path, policies: PolicySet) -> Result<PolicySet, KeptRootError> {
        let roots = self.trust_roots.read(&directory.join(ROOTS))?;
        Ok(roots.under(policies))
    }

    /// When it was judged.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What held where the policies said nothing; nothing where that cannot be read.
    #[must_use]
    pub fn settings(&self) -> Option<Settings> {
        NoMatch::parse(&self.no_match).map(Settings::new)
    }

    /// The object that brought the image in.
    #[must_use]
    pub fn facts(&self) -> ObjectFacts {
        let Self {
            group,
            version,
            resource,
            labels,
            ..
        } = self.clone();
        ObjectFacts {
            group,
            version,
            resource,
            labels,
        }
    }
}

/// Keeps denials, on a thread of its own.
#[derive(Debug)]
pub struct Denials {
    waiting: Queue<Denial>,
}

/// A request that was turned away, with all that it takes to judge it again.
#[derive(Debug)]
pub(super) struct Denial {
    pub(super) uid: String,
    pub(super) context: DenialContext,
    pub(super) policies: Arc<Snapshot>,
    pub(super) grievances: Vec<Grievance>,
}

/// On what one image was judged and not admitted.
#[derive(Debug)]
pub(super) struct Grievance {
    pub(super) evidence: Arc<Evidence>,
    pub(super) governing: Governing,
}

impl Denials {
    /// Keeps denials in `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// Where the directory cannot be made, or no thread can be started.
    pub fn in_directory(directory: &Path) -> Result<Self, DenialsError> {
        let failed = |source| DenialsError::Directory {
            path: directory.to_owned(),
            source,
        };
        fs::create_dir_all(directory).map_err(failed)?;
        let kept_in = directory.to_owned();
        let write = move |denials: Vec<Denial>| {
            for denial in denials {
                if let Err(error) = denial.write(&kept_in).and_then(|()| forget_oldest(&kept_in)) {
                    tracing::warn!(error = %error, "a denial could not be kept for `explain --record`");
                }
            }
        };
        Ok(Self {
            waiting: Queue::start("denials", WAITING, write).map_err(failed)?,
        })
    }

    /// Keeps one; a flood loses some rather than delaying answers.
    pub(super) fn keep(&self, denial: Denial) {
        if !denial.grievances.is_empty() && is_file_name(&denial.uid) {
            self.waiting.take(denial);
        }
    }

    /// Writes what is waiting, and takes no more.
    pub(super) fn close(&self) {
        self.waiting.close();
    }
}

/// The uid comes from outside: it names a directory only if it cannot name anything else.
fn is_file_name(uid: &str) -> bool {
    !uid.is_empty() && uid.len() <= 128 && uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Denial {
    fn write(&self, directory: &Path) -> io::Result<()> {
        let complete = directory.join(&self.uid);
        let partial = directory.join(format!(".{}", self.uid));
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(partial.join("policies"))?;
        let governing = self.grievances.iter().map(|grievance| &grievance.governing);
        for (number, text) in self.policies.documents(governing).iter().enumerate() {
            fs::write(partial.join("policies").join(format!("{number:05}.yaml")), &*text.text)?;
        }
        let governing = self.grievances.iter().map(|grievance| &grievance.governing);
        let at_hand = self.policies.set().at_hand(governing);
        let context = DenialContext {
            trust_roots: KeptRoots::write(&at_hand, &partial.join(ROOTS))?,
            ..self.context.clone()
        };
        fs::write(partial.join(CONTEXT), serde_json::to_vec_pretty(&context)?)?;
        for (number, grievance) in self.grievances.iter().enumerate() {
            archive::save(&grievance.evidence, &partial.join(format!("image-{number}"))).map_err(io::Error::other)?;
        }
        if complete.exists() {
            fs::remove_dir_all(&complete)?;
        }
        fs::rename(partial, complete)
    }
}

/// Forgets our own: a directory that is none of ours is nobody's to remove.
fn forget_oldest(directory: &Path) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().join(CONTEXT).is_file() {
            kept.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    kept.sort();
    let surplus = kept.len().saturating_sub(KEPT);
    kept.iter()
        .take(surplus)
        .try_for_each(|(_, path)| fs::remove_dir_all(path))
}
