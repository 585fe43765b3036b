//! Secrets taken out of reports of secrets, before anything is stored.
//!
//! The tools that find secrets repeat them: as they stand, in the line around them, in links and messages. What stands in a
//! field that is made for it is taken for a secret, and then goes wherever in the report it stands.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use countersign_image::json;
use serde_json::Value;
use thiserror::Error;

use crate::report::{Class, Tools};

/// Shorter texts stand everywhere; they go from their own field only.
const SHORTEST: usize = 4;

/// The fields of a leak whose text is the secret, or holds it: gitleaks' and Trivy's.
const FIELDS: [&str; 8] = [
    "Secret",
    "Match",
    "Line",
    "Raw",
    "RawV2",
    "Content",
    "Highlighted",
    "Offender",
];

/// The report without the secrets that it repeats; `None` if it repeats none. Reports that are no JSON, and tools that do
/// not look for secrets, have none to repeat.
pub fn redacted(bytes: &[u8], tools: &Tools) -> Result<Option<Vec<u8>>, RedactError> {
    let Ok(mut document) = json::strict::<Value>(bytes) else {
        return Ok(None);
    };
    let mut secrets = BTreeSet::new();
    collect(&document, &mut secrets);
    for run in document["runs"].as_array().into_iter().flatten() {
        let tool = run["tool"]["driver"]["name"].as_str().unwrap_or_default();
        if tools.class_of(tool) == Some(Class::Secrets) {
            snippets(run, &mut secrets);
        }
    }
    if secrets.is_empty() {
        return Ok(None);
    }
    secrets.retain(|secret| secret.len() >= SHORTEST);
    let finder = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(&secrets);
    let finder = finder.map_err(|_| RedactError::TooMany { found: secrets.len() })?;
    replace(&mut document, &finder);
    Ok(Some(document.to_string().into_bytes()))
}

/// Why a report cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RedactError {
    /// There are more secrets than can be looked for at once.
    #[error("the report repeats {found} secrets, which is more than can be taken out of it")]
    TooMany {
        /// How many.
        found: usize,
    },
}

fn collect(value: &Value, secrets: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if FIELDS.contains(&name.as_str()) => {
                        secrets.insert(text.clone());
                    }
                    value => collect(value, secrets),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, secrets)),
        _ => {}
    }
}

/// Every snippet of a run, wherever it stands.
fn snippets(value: &Value, secrets: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(text) = fields.get("snippet").and_then(|snippet| snippet["text"].as_str()) {
                secrets.insert(text.to_owned());
            }
            fields.values().for_each(|value| snippets(value, secrets));
        }
        Value::Array(list) => list.iter().for_each(|value| snippets(value, secrets)),
        _ => {}
    }
}

fn mark(secret: &str) -> String {
    format!("[redacted, {} characters]", secret.chars().count())
}

fn replace(value: &mut Value, finder: &AhoCorasick) {
    match value {
        Value::String(text) if finder.is_match(text.as_str()) => {
            let mut clean = String::with_capacity(text.len());
            finder.replace_all_with(text, &mut clean, |_, secret, clean| {
                clean.push_str(&mark(secret));
                true
            });
            *text = clean;
        }
        Value::Array(list) => list.iter_mut().for_each(|value| replace(value, finder)),
        Value::Object(fields) => {
            let mut clean = serde_json::Map::new();
            for (name, mut value) in std::mem::take(fields) {
                match &mut value {
                    Value::String(secret) if FIELDS.contains(&name.as_str()) => *secret = mark(secret),
                    value => replace(value, finder),
                }
                let mut name = Value::String(name);
                replace(&mut name, finder);
                clean.insert(name.as_str().unwrap_or_default().to_owned(), value);
            }
            *fields = clean;
        }
        _ => {}
    }
}
