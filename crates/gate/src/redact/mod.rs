//! Secrets taken out of reports, before anything is stored.
//!
//! The tools that find secrets repeat them: as they stand, in the line around them, in links and messages. What stands in a
//! field that is made for it is taken for a secret, and then goes wherever in the report it stands, also where it is
//! written in another way: escaped, in base64, percent-encoded. One shorter than 8 bytes goes from its own field only. The report is copied as it passes, so that no more than its
//! bytes and its secrets are held.
//!
//! Much of that is text of the files that were scanned, and whoever writes those must not choose what the report says. So
//! lines go from the fields that are made for prose alone, no field gets another name, and the copy is read again: it says
//! what the report said, or nothing is kept.

mod collect;
mod copy;
mod spelled;

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use countersign_image::json;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::report::{Class, Completeness, Format, Report, ReportError, Tools, carrier, trufflehog, without_mark};

/// Shorter texts stand everywhere; they go from their own field only.
const SHORTEST: usize = 4;
/// The most bytes of secrets, in all their spellings, that are looked for at once.
const MAX_SOUGHT: usize = 2 * 1024 * 1024;

/// The report without the secrets that it repeats; `None` if it repeats none. XML has none to repeat.
///
/// # Errors
/// [`RedactError`] where it repeats some and cannot be without them, or where it cannot be read at all.
pub fn redacted(bytes: &[u8], tools: &Tools) -> Result<Option<Vec<u8>>, RedactError> {
    let bytes = without_mark(bytes);
    if matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), None | Some(b'<')) {
        return Ok(None);
    }
    if let Some(carrier) = carrier(bytes).map_err(RedactError::unreadable)? {
        let payload = carrier
            .envelope()
            .map(countersign_evidence::Envelope::unverified_payload);
        return match payload.map(|payload| redacted(payload, tools)).transpose() {
            Ok(Some(Some(_))) | Err(RedactError::Counts | RedactError::Changed { .. }) => Err(RedactError::Signed),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
    }
    let documents: Vec<&[u8]> = match json::strict::<IgnoredAny>(bytes) {
        Ok(_) => vec![bytes],
        Err(_) if matches!(Format::of(bytes), Ok(Format::TruffleHog)) => trufflehog::lines(bytes).collect(),
        Err(error) => return Err(RedactError::unreadable(ReportError::Json(error))),
    };
    let mut found = collect::Found::default();
    for document in &documents {
        collect::secrets(document, tools, &mut found).map_err(RedactError::unreadable)?;
    }
    if found.is_empty() {
        return Ok(None);
    }
    let said = match Report::read(bytes, tools) {
        Ok(report) if !report.classes.contains(&Class::Sbom) => report,
        // What counts word by word is not changed.
        Ok(_) | Err(ReportError::Unknown) => return Err(RedactError::Counts),
        Err(error) => return Err(RedactError::unreadable(error)),
    };
    let sought = Sought::of(&found, &said)?;
    drop(found);
    let mut clean = Vec::with_capacity(bytes.len());
    for document in documents {
        copy::without(document, &sought, &mut clean).map_err(RedactError::changed)?;
        if !clean.is_empty() && document.len() != bytes.len() {
            clean.push(b'\n');
        }
    }
    let kept = Report::read(&clean, tools).map_err(RedactError::changed)?;
    same(said, kept)?;
    Ok(Some(clean))
}

/// Whether two reports say the same, but for the words in which a tool says that it failed.
fn same(mut said: Report, kept: Report) -> Result<(), RedactError> {
    if let (Completeness::Failed { why }, Completeness::Failed { why: again }) =
        (&mut said.completeness, &kept.completeness)
    {
        why.clone_from(again);
    }
    if said == kept {
        return Ok(());
    }
    Err(RedactError::Changed {
        detail: "it would say something else of what was found".to_owned(),
    })
}

/// What is looked for in a report.
struct Sought {
    /// Secrets, in all their spellings.
    secrets: AhoCorasick,
    /// What looks like one.
    guesses: AhoCorasick,
    /// Lines around secrets, and secrets that are words, which go from prose alone.
    lines: AhoCorasick,
}

impl Sought {
    fn of(found: &collect::Found, said: &Report) -> Result<Self, RedactError> {
        let mut size = 0;
        let (shaped, words): (Vec<&String>, Vec<&String>) =
            found.secrets.iter().partition(|secret| collect::is_shaped(secret));
        let secrets = finder(shaped.into_iter().flat_map(|secret| spelled::all(secret)), &mut size)?;
        let lines = finder(words.into_iter().chain(&found.lines).cloned(), &mut size)?;
        let spelled: BTreeSet<String> = found.guesses.iter().flat_map(|guess| spelled::all(guess)).collect();
        let guesses = finder(unsaid(spelled, said)?, &mut size)?;
        Ok(Self {
            secrets,
            guesses,
            lines,
        })
    }

    /// A text without what is sought in it; `None` if there is none.
    fn without(&self, text: &str, is_prose: bool) -> Option<String> {
        let mut clean = None;
        for finder in [
            is_prose.then_some(&self.lines),
            Some(&self.secrets),
            Some(&self.guesses),
        ]
        .into_iter()
        .flatten()
        {
            let text = clean.as_deref().unwrap_or(text);
            if finder.is_match(text) {
                let mut without = String::with_capacity(text.len());
                finder.replace_all_with(text, &mut without, |_, secret, without| {
                    without.push_str(&mark(secret));
                    true
                });
                clean = Some(without);
            }
        }
        clean
    }

    /// Whether a field's name has a secret in it.
    fn is_in_name(&self, name: &str) -> bool {
        self.secrets.is_match(name)
    }
}

fn finder(texts: impl IntoIterator<Item = String>, size: &mut usize) -> Result<AhoCorasick, RedactError> {
    let mut sought: BTreeSet<String> = BTreeSet::new();
    for text in texts {
        if text.len() < SHORTEST || sought.contains(&text) {
            continue;
        }
        *size += text.len();
        if *size > MAX_SOUGHT {
            return Err(RedactError::TooMany { limit: MAX_SOUGHT });
        }
        sought.insert(text);
    }
    built(MatchKind::LeftmostLongest, &sought)
}

fn built(kind: MatchKind, sought: &BTreeSet<String>) -> Result<AhoCorasick, RedactError> {
    AhoCorasick::builder()
        .match_kind(kind)
        .build(sought)
        .map_err(|_| RedactError::TooMany { limit: MAX_SOUGHT })
}

/// The guesses that are in nothing that the report says: a version in a line of code is no secret if a package has it.
fn unsaid(mut guesses: BTreeSet<String>, said: &Report) -> Result<BTreeSet<String>, RedactError> {
    if guesses.iter().map(String::len).sum::<usize>() > MAX_SOUGHT {
        return Err(RedactError::TooMany { limit: MAX_SOUGHT });
    }
    let finder = built(MatchKind::Standard, &guesses)?;
    let mut is_said = vec![false; guesses.len()];
    for text in texts(said) {
        for found in finder.find_overlapping_iter(text) {
            is_said[found.pattern().as_usize()] = true;
        }
    }
    let mut is_said = is_said.into_iter();
    guesses.retain(|_| !is_said.next().unwrap_or_default());
    Ok(guesses)
}

/// Every text by which something is decided.
fn texts(said: &Report) -> impl Iterator<Item = &str> {
    let subject = said.subject.digests.iter().chain(&said.subject.commit);
    let tools = said
        .tools
        .iter()
        .flat_map(|tool| std::iter::once(&tool.name).chain(&tool.version));
    let found = said.findings.iter().flat_map(|finding| {
        let package = finding.package.iter().flat_map(|package| {
            std::iter::once(&package.name)
                .chain(&package.version)
                .chain(&package.purl)
                .chain(&package.fixed_in)
        });
        std::iter::once(&finding.rule)
            .chain(&finding.aliases)
            .chain(package)
            .chain(finding.location.iter().map(|location| &location.path))
            .chain(&finding.tools_own_fingerprint)
    });
    let others = said.builder.iter().chain(&said.source).chain(&said.format_version);
    subject.chain(tools).chain(found).chain(others).map(String::as_str)
}

/// Why a report cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RedactError {
    /// There are more secrets than can be looked for at once.
    #[error("the report repeats secrets of more than {limit} bytes in all, which is more than is taken out of one")]
    TooMany {
        /// The limit, in bytes.
        limit: usize,
    },
    /// What is signed cannot be changed, and must not be kept with secrets in it.
    #[error(
        "the report repeats secrets and is signed, so that they cannot be taken out: hand in one that was written without them"
    )]
    Signed,
    /// What counts word by word cannot be changed, and must not be kept with secrets in it.
    #[error(
        "the report repeats secrets in fields such as `Secret`, `Raw`, `Match`, `Line` or `Content`, and every word of it counts, so that they cannot be taken out: hand in one that was written without them"
    )]
    Counts,
    /// Without its secrets it would be another report.
    #[error(
        "the report repeats secrets where it says what was found, and cannot be kept without them: {detail}. Mend the secret, or hand in a report that was written without them"
    )]
    Changed {
        /// What would change, shortened.
        detail: String,
    },
    /// The report cannot be read as the format that it is in.
    #[error("the report cannot be read to take secrets out of it: {detail}")]
    Unreadable {
        /// What is wrong, shortened.
        detail: String,
    },
}

impl RedactError {
    fn unreadable(error: impl Into<Trouble>) -> Self {
        Self::Unreadable {
            detail: error.into().words(),
        }
    }

    fn changed(error: impl Into<Trouble>) -> Self {
        Self::Changed {
            detail: error.into().words(),
        }
    }
}

enum Trouble {
    Json(serde_json::Error),
    Report(ReportError),
}

impl Trouble {
    fn words(&self) -> String {
        let words = match self {
            Self::Json(error) => error.to_string(),
            Self::Report(error) => error.to_string(),
        };
        countersign_image::text::excerpt(&words, 200)
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<ReportError> for Trouble {
    fn from(error: ReportError) -> Self {
        Self::Report(error)
    }
}

fn mark(secret: &str) -> String {
    format!("[redacted, {} characters]", secret.chars().count())
}
