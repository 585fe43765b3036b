//! A review by a model: what it has to say of itself before anybody may count it as one.

use countersign_image::text::excerpt;
use serde::Deserialize;
use serde_json::Value;

use super::{Class, Completeness, Report};
use crate::finding::{Finding, FixState};
use crate::severity::Severity;

/// What a review by a model says of itself: nobody can run it again, so that all that it rests on has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AiReview {
    /// The model.
    pub model: String,
    /// Its version.
    pub version: String,
    /// The digest of the template that the model was asked with.
    pub prompt: String,
    /// The digest of the change that it was shown.
    pub diff: String,
    /// What it came to. It can turn an image away, and never stands for a person.
    pub verdict: Verdict,
}

/// What a model came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found that speaks against it.
    Approved,
    /// Something was.
    Rejected,
}

impl Verdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    model: Model,
    prompt_digest: String,
    diff_digest: String,
    verdict: String,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    version: String,
}

/// Reads what stands in the properties of a SARIF run, or in a predicate: `model: {id, version}`, `promptDigest`,
/// `diffDigest`, `verdict`. A review that does not say it all is one that failed.
pub(super) fn review(written: &Value, tool: &str, report: &mut Report) {
    report.classes.insert(Class::AiReview);
    let read = Wire::deserialize(written).map_err(|error| excerpt(&error.to_string(), 100));
    let read = read.and_then(|wire| {
        let verdict = match wire.verdict.as_str() {
            "approved" => Verdict::Approved,
            "rejected" => Verdict::Rejected,
            other => return Err(format!("`verdict` is `{}`", excerpt(other, 40))),
        };
        for (name, digest) in [("promptDigest", &wire.prompt_digest), ("diffDigest", &wire.diff_digest)] {
            super::digest_in(digest).ok_or_else(|| format!("`{name}` is no digest"))?;
        }
        Ok(AiReview {
            model: wire.model.id,
            version: wire.model.version,
            prompt: wire.prompt_digest,
            diff: wire.diff_digest,
            verdict,
        })
    });
    match read {
        Ok(review) => {
            if review.verdict == Verdict::Rejected {
                report.findings.push(rejected(tool));
            }
            report.ai = Some(review);
        }
        Err(why) => {
            report.completeness = Completeness::Failed {
                why: format!(
                    "a review by a model names `model.id`, `model.version`, the digests `promptDigest` and `diffDigest`, and a \
                     `verdict`, `approved` or `rejected`: {why}"
                ),
            };
        }
    }
}

/// A rejection counts also where it names no fault.
fn rejected(tool: &str) -> Finding {
    Finding {
        class: Class::AiReview,
        rule: "verdict-rejected".to_owned(),
        aliases: Vec::new(),
        severity: Some(Severity::High),
        fix: FixState::Unknown,
        package: None,
        location: None,
        tools_own_fingerprint: None,
        suppressed_in_source: false,
        tools: vec![tool.to_owned()],
    }
}
