//! What is wrong with a review, told with the uid that it came under.

use std::error::Error;
use std::fmt;

use countersign_image::JsonError;
use countersign_policy::{Reason, ReasonCode};
use thiserror::Error;

use super::{API_VERSION, MAX_UID};
use crate::object::ShapeError;

/// A review that cannot be answered but with a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewError {
    /// The uid to refuse under, if one could be read.
    pub uid: Option<String>,
    /// What is wrong.
    pub kind: ReviewErrorKind,
}

/// What is wrong with a review.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReviewErrorKind {
    /// It is not JSON, or JSON that two readers may understand differently.
    #[error("the review cannot be read")]
    Json(#[source] JsonError),
    /// It is not shaped as a review.
    #[error("the review cannot be read")]
    Shape(#[from] ShapeError),
    /// It is something else than a review.
    #[error("the document is of kind `{found}`, not `AdmissionReview`")]
    NotAReview {
        /// The kind that it names.
        found: String,
    },
    /// It is a review of another version.
    #[error(
        "the review is of version `{found}`, and only `{API_VERSION}` is answered: put `admissionReviewVersions: [v1]` \
         in the webhook configuration"
    )]
    Version {
        /// The version that it names.
        found: String,
    },
    /// A field is missing or empty.
    #[error("the review has no `{field}`")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// The uid is longer than is echoed.
    #[error("the uid has {length} bytes, and at most {MAX_UID} are read")]
    LongUid {
        /// How long it is.
        length: usize,
    },
    /// The operation is not one.
    #[error("the operation is `{found}`, none of CREATE, UPDATE, DELETE and CONNECT")]
    Operation {
        /// The operation that it names.
        found: String,
    },
    /// The object is of another kind than the review says.
    #[error("the review is about a `{expected}`, and the object in it is a `{found}`")]
    OtherKind {
        /// The kind in the review.
        expected: String,
        /// The kind in the object.
        found: String,
    },
    /// The object is not shaped as an object of Kubernetes.
    #[error("the object cannot be read")]
    Object(#[source] ShapeError),
}

impl ReviewError {
    /// The reason to refuse with.
    pub fn reason(&self) -> Reason {
        let what = match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        };
        Reason::new(ReasonCode::ReviewMalformed, what)
    }
}

impl fmt::Display for ReviewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Error for ReviewError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}
