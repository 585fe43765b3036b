//! A case as it lies in its directory.
//!
//! | file | what it is |
//! |---|---|
//! | `README.md` | which promise the case holds us to, or which attack it is |
//! | `image` | the image as an object names it, by digest |
//! | `policy.yaml` | the policies in force |
//! | `evidence/` | what was gathered, as `countersign verify --save` writes it |
//! | `expected.json` | the verdict, with reason codes or kinds of ground |
//! | `trusted_root.json` | optional: the trust root of policies that name none; without it there is none |
//! | `settings.json` | optional: what becomes of images that no policy governs; denied without it |
//! | `object.json` | optional: the object that brings the image in; without it, as on a command line |
//! | `time` | optional: when it is judged; without it, when the evidence was gathered |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_evidence::{Evidence, TrustRoot};
use countersign_image::{Pinned, Reference, ReferenceError};
use countersign_policy::{NoMatch, ObjectFacts, Settings, TrustRoots};
use countersign_registry::archive::{self, ArchiveError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::expected::Expected;

/// Name of the file with the policies; positions in errors refer to it.
pub const POLICY: &str = "policy.yaml";
pub(crate) const README: &str = "README.md";
pub(crate) const IMAGE: &str = "image";
pub(crate) const EVIDENCE: &str = "evidence";
pub(crate) const EXPECTED: &str = "expected.json";
pub(crate) const TRUSTED_ROOT: &str = "trusted_root.json";
pub(crate) const SETTINGS: &str = "settings.json";
pub(crate) const OBJECT: &str = "object.json";
pub(crate) const TIME: &str = "time";

/// Everything in a case's directory.
#[derive(Debug)]
pub struct Case {
    /// The directory's name.
    pub name: String,
    /// The image.
    pub image: Pinned,
    /// Text of the policies.
    pub policy: String,
    /// The trust roots that no document of theirs holds.
    pub roots: TrustRoots,
    /// What holds for all policies together.
    pub settings: Settings,
    /// The object that brings the image in.
    pub object: ObjectFacts,
    /// When it is judged.
    pub now: Timestamp,
    /// What was gathered.
    pub evidence: Evidence,
    /// What must come of it.
    pub expected: Expected,
}

/// `settings.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsFile {
    pub(crate) no_match: String,
}

/// `object.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectFile {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

/// Why a directory is no case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON file is not what it should be.
    #[error("`{}` is not what it should be", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A file holds something else than its name says.
    #[error("`{}` holds `{found}`: expected {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// The image's name is not one.
    #[error("`{}` names no image", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with the name.
        source: ReferenceError,
    },
    /// The evidence does not load.
    #[error("the evidence does not load")]
    Evidence(#[from] ArchiveError),
}

impl Case {
    /// Reads a directory.
    ///
    /// # Errors
    /// [`CaseError`] where a file is missing or is not what it should be.
    pub fn read(directory: &Path) -> Result<Self, CaseError> {
        let at = |file: &str| directory.join(file);
        if text(&at(README))?.trim().is_empty() {
            return Err(content(&at(README), "", "which promise or attack the case is about"));
        }
        let evidence = archive::load(&at(EVIDENCE))?;
        let now = match optional(&at(TIME))? {
            Some(written) => written
                .trim()
                .parse()
                .map_err(|_| content(&at(TIME), &written, "an RFC 3339 time"))?,
            None => evidence.as_of,
        };
        Ok(Self {
            name: directory
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            image: image(&at(IMAGE))?,
            policy: text(&at(POLICY))?,
            roots: roots(&at(TRUSTED_ROOT))?,
            settings: settings(&at(SETTINGS))?,
            object: object(&at(OBJECT))?,
            now,
            evidence,
            expected: json(&at(EXPECTED), &text(&at(EXPECTED))?)?,
        })
    }
}

fn image(path: &Path) -> Result<Pinned, CaseError> {
    let written = text(path)?;
    let reference = Reference::parse(written.trim());
    let reference = reference.map_err(|source| CaseError::Image {
        path: path.to_owned(),
        source,
    })?;
    reference
        .pinned()
        .ok_or_else(|| content(path, &written, "a name with a digest"))
}

fn roots(path: &Path) -> Result<TrustRoots, CaseError> {
    let Some(written) = optional(path)? else {
        return Ok(TrustRoots::none());
    };
    let root = TrustRoot::parse(written.as_bytes()).map_err(|_| content(path, "another document", "a trust root"))?;
    Ok(TrustRoots::none().with_standing(Arc::new(root)))
}

fn settings(path: &Path) -> Result<Settings, CaseError> {
    let Some(written) = optional(path)? else {
        return Ok(Settings::deny_unmatched());
    };
    let SettingsFile { no_match } = json(path, &written)?;
    let no_match = NoMatch::parse(&no_match).ok_or_else(|| content(path, &no_match, "`deny`, `warn` or `allow`"))?;
    Ok(Settings::new(no_match))
}

fn object(path: &Path) -> Result<ObjectFacts, CaseError> {
    let Some(written) = optional(path)? else {
        return Ok(ObjectFacts::none());
    };
    let ObjectFile {
        group,
        version,
        resource,
        labels,
    } = json(path, &written)?;
    Ok(ObjectFacts {
        group,
        version,
        resource,
        labels,
    })
}

fn text(path: &Path) -> Result<String, CaseError> {
    std::fs::read_to_string(path).map_err(|source| CaseError::File {
        path: path.to_owned(),
        source,
    })
}

fn optional(path: &Path) -> Result<Option<String>, CaseError> {
    if path.exists() { text(path).map(Some) } else { Ok(None) }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, CaseError> {
    serde_json::from_str(text).map_err(|source| CaseError::Json {
        path: path.to_owned(),
        source,
    })
}

fn content(path: &Path, found: &str, expected: &'static str) -> CaseError {
    CaseError::Content {
        path: path.to_owned(),
        found: found.trim().to_owned(),
        expected,
    }
}
