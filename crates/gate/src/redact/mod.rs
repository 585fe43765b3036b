//! Secrets taken out of reports, before anything is stored.
//!
//! The tools that find secrets repeat them: as they stand, in the line around them, in links and messages. What stands in a
//! field that is made for it is taken for a secret, and then goes wherever in the report it stands, also where it is
//! written in another way: escaped, in base64, percent-encoded. The report is copied as it passes, so that no more than its
//! bytes and its secrets are held.

mod collect;
mod copy;
mod spelled;

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use countersign_image::json;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::report::{Format, ReportError, Tools, carrier, trufflehog};

/// Shorter texts stand everywhere; they go from their own field only.
const SHORTEST: usize = 4;
/// The most bytes of secrets, in all their spellings, that are looked for at once.
const MAX_SOUGHT: usize = 2 * 1024 * 1024;

/// The report without the secrets that it repeats; `None` if it repeats none. XML has none to repeat.
pub fn redacted(bytes: &[u8], tools: &Tools) -> Result<Option<Vec<u8>>, RedactError> {
    if let Ok(Some(carrier)) = carrier(bytes) {
        let payload = carrier
            .envelope()
            .map(countersign_evidence::Envelope::unverified_payload);
        let repeats = payload.map(|payload| redacted(payload, tools)).transpose()?.flatten();
        return if repeats.is_some() {
            Err(RedactError::Signed)
        } else {
            Ok(None)
        };
    }
    let documents: Vec<&[u8]> = if json::strict::<IgnoredAny>(bytes).is_ok() {
        vec![bytes]
    } else if matches!(Format::of(bytes), Ok(Format::TruffleHog)) {
        trufflehog::lines(bytes).collect()
    } else {
        return Ok(None);
    };
    let mut found = collect::Found::default();
    for document in &documents {
        collect::secrets(document, tools, &mut found).map_err(RedactError::unreadable)?;
    }
    if found.is_empty() {
        return Ok(None);
    }
    let finder = finder(&found)?;
    let mut clean = Vec::with_capacity(bytes.len());
    for document in documents {
        copy::without(document, &finder, &mut clean).map_err(RedactError::unreadable)?;
        if !clean.is_empty() && document.len() != bytes.len() {
            clean.push(b'\n');
        }
    }
    Ok(Some(clean))
}

fn finder(found: &collect::Found) -> Result<AhoCorasick, RedactError> {
    let mut sought: BTreeSet<String> = BTreeSet::new();
    let mut size = 0_usize;
    for text in found
        .secrets
        .iter()
        .flat_map(|secret| spelled::all(secret))
        .chain(found.lines.iter().cloned())
    {
        if text.len() < SHORTEST || sought.contains(&text) {
            continue;
        }
        size += text.len();
        if size > MAX_SOUGHT {
            return Err(RedactError::TooMany { limit: MAX_SOUGHT });
        }
        sought.insert(text);
    }
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(&sought)
        .map_err(|_| RedactError::TooMany { limit: MAX_SOUGHT })
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
    /// The report cannot be read as the format that it is in.
    #[error("the report cannot be read to take secrets out of it: {detail}")]
    Unreadable {
        /// What is wrong, shortened.
        detail: String,
    },
}

impl RedactError {
    fn unreadable(error: impl Into<Trouble>) -> Self {
        let detail = match error.into() {
            Trouble::Json(error) => error.to_string(),
            Trouble::Report(error) => error.to_string(),
        };
        Self::Unreadable {
            detail: countersign_image::text::excerpt(&detail, 200),
        }
    }
}

enum Trouble {
    Json(serde_json::Error),
    Report(ReportError),
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
