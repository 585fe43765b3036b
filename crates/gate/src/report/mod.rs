//! What tools hand in: recognised by content, and read into findings.

mod ai;
mod carrier;
mod ctrf;
mod custom;
mod cyclonedx_xml;
mod each;
mod error;
mod gitlab;
mod gitleaks;
mod grype;
mod junit;
mod markers;
mod osv;
mod sarif;
mod sbom;
mod semgrep;
mod side;
mod statement;
mod trivy;
pub(crate) mod trufflehog;
mod xml;

use std::collections::{BTreeMap, BTreeSet};

use countersign_image::json::null_is_default;
use jiff::Timestamp;
use serde::Deserialize;

pub use ai::{AiReview, Verdict};
pub use carrier::{Carrier, carrier};
pub use custom::CustomDocument;
pub(crate) use each::list_in;
pub use error::ReportError;
pub use markers::Format;

use crate::finding::Finding;

/// The largest report that is read, in bytes.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;
/// The most findings of one report.
pub const MAX_FINDINGS: usize = 200_000;
/// The most of what has to be held beside findings: rules, targets, packages that have findings.
pub const MAX_PARTS: usize = 200_000;

/// What a tool looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Mistakes in source code.
    Sast,
    /// Secrets in source code or in an image.
    Secrets,
    /// Known vulnerabilities of packages.
    Vulnerabilities,
    /// Mistakes in configuration.
    Misconfiguration,
    /// What an image consists of.
    Sbom,
    /// How an image was built.
    Provenance,
    /// Tests that ran.
    Tests,
    /// A review by a model. It can find, and never stands for a person.
    AiReview,
    /// Something of an organisation's own.
    Custom,
}

impl Class {
    /// Its name, as gates write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sast => "sast",
            Self::Secrets => "secrets",
            Self::Vulnerabilities => "vulnerabilities",
            Self::Misconfiguration => "misconfiguration",
            Self::Sbom => "sbom",
            Self::Provenance => "provenance",
            Self::Tests => "tests",
            Self::AiReview => "ai-review",
            Self::Custom => "custom",
        }
    }
}

/// The tools that a report's own name for its tool tells of. SARIF says which tool wrote it, and not what for.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    classes: BTreeMap<String, Class>,
}

impl Tools {
    /// What an organisation says of tools that are not known here. It cannot say something else of those that are.
    pub fn with(classes: impl IntoIterator<Item = (String, Class)>) -> Self {
        Self {
            classes: classes.into_iter().collect(),
        }
    }

    /// What a tool looks for.
    pub fn class_of(&self, tool: &str) -> Option<Class> {
        let known = match tool {
            "Semgrep" | "Semgrep OSS" | "Semgrep PRO" | "CodeQL" | "Bandit" | "gosec" | "Brakeman" | "ESLint" => {
                Some(Class::Sast)
            }
            "gitleaks" | "Gitleaks" | "TruffleHog" | "detect-secrets" => Some(Class::Secrets),
            "Trivy" | "Grype" | "grype" | "osv-scanner" | "OSV-Scanner" => Some(Class::Vulnerabilities),
            _ => None,
        };
        known.or_else(|| self.classes.get(tool).copied())
    }
}

/// A tool that wrote a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tool {
    /// Its name, as it wrote it.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
}

/// What a report says it is about. Nothing of it is believed before it was compared with the image that it is handed in
/// for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Digests of manifests, indexes and configurations, `sha256:…`, wherever the tool names one.
    pub digests: BTreeSet<String>,
    /// The commit that was looked at.
    pub commit: Option<String>,
}

/// Whether the tool says that it did what it was there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It does, or has no way to say otherwise.
    Ran,
    /// It says that it failed, or that it looked at nothing.
    Failed {
        /// In which words.
        why: String,
    },
    /// There is nothing in the report, not even which tool wrote it.
    Unattributed,
}

/// How tests ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// How many there were.
    pub total: u64,
    /// How many failed, or ended in an error.
    pub failed: u64,
    /// How many did not run.
    pub skipped: u64,
}

/// What a tool handed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The format that it is in.
    pub format: Format,
    /// What was looked for.
    pub classes: BTreeSet<Class>,
    /// The tools, in the order of the report.
    pub tools: Vec<Tool>,
    /// Which tool looked for what, where several looked for several things; empty where each looked for all of it.
    pub looked: BTreeSet<(Class, String)>,
    /// What it says it is about.
    pub subject: Subject,
    /// When the tool ended, by its own word.
    pub time: Option<Timestamp>,
    /// When its database was made, by its own word.
    pub database_time: Option<Timestamp>,
    /// Whether it ran.
    pub completeness: Completeness,
    /// What was found.
    pub findings: Vec<Finding>,
    /// How many components a list of contents has.
    pub components: Option<usize>,
    /// How tests ended.
    pub tests: Option<Tests>,
    /// Who built, of a provenance; as unverified as the report is.
    pub builder: Option<String>,
    /// The version of the format, where the format has some: `1.6` of CycloneDX, `2.3` of SPDX.
    pub format_version: Option<String>,
    /// The repository that was built, of a provenance: its address without `git+` and `.git`; as unverified.
    pub source: Option<String>,
    /// What a review by a model says of itself.
    pub ai: Option<AiReview>,
}

impl Report {
    /// Whether one of these tools looked for something of a class; of no tools whether any did. Names are compared without
    /// regard to case.
    pub fn looked_for(&self, class: Class, tools: &BTreeSet<String>) -> bool {
        let is_meant = |name: &str| tools.is_empty() || tools.iter().any(|tool| tool.eq_ignore_ascii_case(name));
        if self.looked.is_empty() {
            let mut names = self.tools.iter();
            return self.classes.contains(&class) && (tools.is_empty() || names.any(|tool| is_meant(&tool.name)));
        }
        let mut looked = self.looked.iter();
        looked.any(|(own, name)| *own == class && is_meant(name))
    }

    /// Reads a report of whatever format it is in.
    pub fn read(bytes: &[u8], tools: &Tools) -> Result<Self, ReportError> {
        if bytes.len() > MAX_BYTES {
            return Err(ReportError::TooLarge {
                limit: MAX_BYTES,
                found: bytes.len(),
            });
        }
        let bytes = without_mark(bytes);
        let format = Format::of(bytes)?;
        match format {
            Format::Sarif => sarif::read(bytes, tools),
            Format::Trivy => trivy::read(bytes),
            Format::Grype => grype::read(bytes),
            Format::OsvScanner => osv::read(bytes),
            Format::Semgrep => semgrep::read(bytes),
            Format::Gitleaks => gitleaks::read(bytes),
            Format::TruffleHog => trufflehog::read(bytes),
            Format::GitLab => gitlab::read(bytes),
            Format::Spdx | Format::CycloneDx => sbom::read(bytes, format),
            Format::CycloneDxXml => cyclonedx_xml::read(bytes),
            Format::JUnit => junit::read(bytes),
            Format::Ctrf => ctrf::read(bytes),
            Format::Envelope | Format::Bundle | Format::Statement | Format::CosignVulnerabilities => {
                statement::read(bytes, format, tools)
            }
            Format::TrivyVersion => side::trivy_version(bytes),
            Format::Vex => Ok(side::vex()),
            Format::Custom => Err(ReportError::Unknown),
        }
    }

    /// Takes over when the scanner's database was made from what `trivy version -f json` says, where this report is of the
    /// same Trivy and does not say it itself. Whether it did.
    pub fn take_database_of(&mut self, side: &Self) -> bool {
        let takes = side.format == Format::TrivyVersion
            && self.database_time.is_none()
            && side.database_time.is_some()
            && self.tools.iter().any(|tool| {
                let versions = side.tools.iter().map(|tool| &tool.version);
                tool.name == "Trivy" && (tool.version.is_none() || versions.clone().any(|other| *other == tool.version))
            });
        if takes {
            self.database_time = side.database_time;
        }
        takes
    }

    /// A report of this format that says nothing yet.
    fn of(format: Format, class: impl Into<Option<Class>>) -> Self {
        Self {
            format,
            classes: class.into().into_iter().collect(),
            tools: Vec::new(),
            looked: BTreeSet::new(),
            subject: Subject::default(),
            time: None,
            database_time: None,
            completeness: Completeness::Ran,
            findings: Vec::new(),
            components: None,
            tests: None,
            builder: None,
            format_version: None,
            source: None,
            ai: None,
        }
    }
}

/// What is behind a byte order mark, which is no JSON, and which some tools of Windows write.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Reads a document of a format that was recognised.
fn document<T: serde::de::DeserializeOwned>(bytes: &[u8], format: Format) -> Result<T, ReportError> {
    // Markers has read all of it strictly.
    serde_json::from_slice(bytes).map_err(|error| ReportError::malformed(format, &error.to_string()))
}

/// A digest, if the text is one or ends in one after `@`.
fn digest_in(text: &str) -> Option<String> {
    let digest = text.rsplit_once('@').map_or(text, |(_, digest)| digest);
    countersign_image::Digest::parse(digest)
        .ok()
        .map(|digest| digest.to_string())
}

/// Reads a text that may be a time; what is none is no time.
fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}
