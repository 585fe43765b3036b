//! One structured record per decision: what was asked, what was judged, why, and how long it took.

mod recorder;
pub mod render;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use countersign_admission::{Operation, Outcome, Review};
use jiff::Timestamp;
use serde::Serialize;

pub use self::recorder::Recorder;
use self::render::{Rulings, Shown, Written};
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
    /// For each of them in turn, its rulings as they may have been written before; it may end before they do.
    pub rulings: &'a [Option<Arc<Rulings>>],
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

/// A record as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    allowed: bool,
    api_version: &'static str,
    code: u16,
    id: Option<&'a str>,
    images: Vec<Written<'a>>,
    kind: &'static str,
    microseconds: u64,
    phase: &'static str,
    policies: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Request<'a>>,
    time: Shown<Timestamp>,
}

/// Never the object: what a Pod holds besides image names is nobody's business in a log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    dry_run: bool,
    group: Cow<'a, str>,
    kind: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    namespace: Option<Cow<'a, str>>,
    operation: Shown<Operation>,
    sub_resource: Option<Cow<'a, str>>,
    user: Cow<'a, str>,
    version: Cow<'a, str>,
}

impl Record<'_> {
    /// One JSON object, and the end of its line.
    pub(crate) fn to_line(&self) -> String {
        let before = self.rulings.iter().map(Option::as_deref);
        let images = self.outcomes.iter().zip(before.chain(std::iter::repeat(None)));
        let line = Line {
            allowed: self.allowed,
            api_version: "countersign.dev/v1alpha1",
            code: self.code,
            id: self.uid,
            images: images
                .map(|(outcome, rulings)| Written::in_object(outcome, rulings))
                .collect(),
            kind: "Decision",
            microseconds: u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            phase: match self.phase {
                Phase::Mutate => "mutate",
                Phase::Validate => "validate",
            },
            policies: self.generation,
            refusal: self.refusal,
            request: self.review.map(request),
            time: Shown(self.at),
        };
        let mut text = serde_json::to_string(&line).expect("names and texts are JSON");
        text.push('\n');
        text
    }
}

fn request(review: &Review) -> Request<'_> {
    let kind = review.kind();
    Request {
        dry_run: review.dry_run(),
        group: name(&kind.group),
        kind: name(&kind.kind),
        name: review.name().map(name),
        namespace: review.namespace().map(name),
        operation: Shown(review.operation()),
        sub_resource: review.sub_resource().map(name),
        user: name(review.user()),
        version: name(&kind.version),
    }
}

/// The longest name that is written down, in bytes: an image, a user, an object. Kubernetes' own are shorter.
const MAX_NAME: usize = 1024;
/// The longest text that is written down, in bytes.
const MAX_TEXT: usize = 8 * 1024;

fn name(text: &str) -> Cow<'_, str> {
    cut(text, MAX_NAME)
}

fn cut_text(text: String) -> String {
    match cut(&text, MAX_TEXT) {
        Cow::Owned(shorter) => shorter,
        Cow::Borrowed(_) => text,
    }
}

/// Whoever sends a name of a megabyte shall not fill the log with it.
fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(limit)]))
}
