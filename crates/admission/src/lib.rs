//! The API server's question and our answer, as bytes.
//!
//! Top to bottom: an AdmissionReview as it arrives ([`review`]); every place where an image hides in the object it is
//! about, and what an update only carries over ([`workload`]); the patch that pins what was written as a tag ([`patch`]);
//! and the one `match` that turns verdicts into an answer ([`mod@respond`]).
//!
//! ```
//! use countersign_admission::{Carried, Question, Review, question};
//!
//! let body = br#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
//!     "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE",
//!     "kind": {"group": "", "version": "v1", "kind": "Pod"},
//!     "resource": {"group": "", "version": "v1", "resource": "pods"},
//!     "object": {"kind": "Pod", "spec": {"containers": [{"name": "app", "image": "registry.example/app:1.0"}]}}}}"#;
//! let review = Review::parse(body.to_vec().into())?;
//! let Question::Uses(uses) = question(&review)? else { panic!("a Pod names images") };
//! assert_eq!(uses[0].path.to_string(), "spec.containers[0].image");
//! assert_eq!(uses[0].image, "registry.example/app:1.0");
//! assert_eq!(uses[0].carried, Carried::New);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate is pure: no clock, no environment, no files, no sockets.
#![warn(missing_docs)]

mod field_path;
mod object;
pub mod patch;
pub mod respond;
pub mod review;
pub mod workload;

pub use field_path::FieldPath;
pub use object::ShapeError;
pub use patch::Patch;
pub use respond::{Answer, Outcome, Response, refuse, respond};
pub use review::{GroupVersionKind, GroupVersionResource, Operation, Review, ReviewError, ReviewErrorKind};
pub use workload::{Carried, Part, Question, Use, Why, WorkloadError, question};
