//! One structured record per decision: what was asked, what was judged, why, and how long it took.

mod recorder;
pub mod render;

use std::borrow::Cow;
use std::time::Duration;

use countersign_admission::{Outcome, Review};
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::recorder::Recorder;
use crate::admission::Phase;

/// What is written down of one decision.
#[derive(Debug)]
pub struct Record<'a> {
    /// The time that it was made for: by it the image can be judged again.
    pub at: Timestamp,
    /// Which webhook was asked.
    pub phase: Phase,
    /// What was asked, where it could be read.
    pub review: Option<&'a Review>,
    /// The request's id, also of a review that was refused unread.
    pub uid: Option<&'a str>,
    /// What was judged.
    pub outcomes: &'a [Outcome],
    /// Whether the object was let in.
    pub allowed: bool,
    /// The status that the caller gets.
    pub code: u16,
    /// The message of a refusal that is about the request and not about an image.
    pub refusal: Option<&'a str>,
    /// Which policies were in force.
    pub generation: &'a str,
    /// From the request's last byte to the answer.
    pub took: Duration,
}

impl Record<'_> {
    pub(crate) fn to_json(&self) -> Value {
        let mut record = json!({
            "apiVersion": "countersign.dev/v1alpha1",
            "kind": "Decision",
            "id": self.uid,
            "time": self.at.to_string(),
            "phase": match self.phase { Phase::Mutate => "mutate", Phase::Validate => "validate" },
            "allowed": self.allowed,
            "code": self.code,
            "policies": self.generation,
            "microseconds": u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            "images": self.outcomes.iter().map(image).collect::<Vec<_>>(),
        });
        if let Some(refusal) = self.refusal {
            record["refusal"] = json!(refusal);
        }
        if let Some(review) = self.review {
            record["request"] = request(review);
        }
        record
    }
}

/// Never the object: what a Pod holds besides image names is nobody's business in a log.
fn request(review: &Review) -> Value {
    let kind = review.kind();
    json!({
        "operation": review.operation().to_string(),
        "group": name(&kind.group), "version": name(&kind.version), "kind": name(&kind.kind),
        "subResource": review.sub_resource().map(name),
        "namespace": review.namespace().map(name),
        "name": review.name().map(name),
        "user": name(review.user()),
        "dryRun": review.dry_run(),
    })
}

fn image(outcome: &Outcome) -> Value {
    let mut image = render::judgement(&outcome.judgement);
    image["image"] = json!(name(&outcome.image));
    image["fields"] = json!(outcome.paths.iter().map(ToString::to_string).collect::<Vec<_>>());
    image
}

/// The longest name that is written down, in bytes: an image, a user, an object. Kubernetes' own are shorter.
const MAX_NAME: usize = 1024;
/// The longest text that is written down, in bytes.
const MAX_TEXT: usize = 8 * 1024;

fn name(text: &str) -> Cow<'_, str> {
    cut(text, MAX_NAME)
}

fn text(text: &str) -> Cow<'_, str> {
    cut(text, MAX_TEXT)
}

/// Whoever sends a name of a megabyte shall not fill the log with it.
fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(limit)]))
}
