//! Why it cannot be known which images an object brings in.

use std::error::Error;

use countersign_policy::{Reason, ReasonCode};
use thiserror::Error;

use super::MAX_USES;
use crate::object::ShapeError;
use crate::review::{GroupVersionKind, GroupVersionResource, Operation, Review};

/// What a person can do about a kind that we do not know.
const STOP_SENDING: &str = "have the rules of the webhook configuration send only what carries a Pod: pods, \
                            pods/ephemeralcontainers, podtemplates, replicationcontrollers, deployments, replicasets, \
                            statefulsets, daemonsets, jobs, cronjobs";

/// An object whose images cannot all be known, so that it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// Nobody told us where this kind keeps its images.
    #[error("`{kind}` is not a kind whose images are known here")]
    UnknownKind {
        /// The kind of the object.
        kind: GroupVersionKind,
    },
    /// Nobody told us what this sub-resource can do to images.
    #[error("`{resource}/{sub_resource}` is not a sub-resource that is known here")]
    UnknownSubResource {
        /// The resource.
        resource: GroupVersionResource,
        /// The sub-resource.
        sub_resource: String,
    },
    /// Something is created or changed, and the review does not say what.
    #[error("the review of a {operation} has no object")]
    NoObject {
        /// What is done.
        operation: Operation,
    },
    /// The object is not shaped as its kind is.
    #[error("the object cannot be read")]
    Object(#[source] ShapeError),
    /// The stored object is not shaped as its kind is.
    #[error("the stored object cannot be read")]
    OldObject(#[source] ShapeError),
    /// The object names more images than are judged.
    #[error("the object names {found} images, and at most {MAX_USES} are judged")]
    TooManyUses {
        /// How many it names.
        found: usize,
    },
}

impl WorkloadError {
    pub(super) fn unknown_kind(review: &Review) -> Self {
        Self::UnknownKind {
            kind: review.kind().clone(),
        }
    }

    pub(super) fn unknown_sub_resource(review: &Review, name: &str) -> Self {
        Self::UnknownSubResource {
            resource: review.resource().clone(),
            sub_resource: name.to_owned(),
        }
    }

    /// The reason to refuse with.
    pub fn reason(&self) -> Reason {
        let what = match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        };
        match self {
            Self::UnknownKind { .. } | Self::UnknownSubResource { .. } => {
                Reason::new(ReasonCode::ReviewUnknownKind, what).with_next(STOP_SENDING)
            }
            _ => Reason::new(ReasonCode::ReviewMalformed, what),
        }
    }
}
