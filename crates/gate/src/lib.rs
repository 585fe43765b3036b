//! What must happen before a signature exists: a gate's checks, asked of the reports of the tools that looked at an image or
//! its source, whose findings are in one model.
//!
//! A report is recognised by what it says and never by its file's name, and it proves nothing by itself: whoever could have
//! handed in anything. What is in it is told as the tool said it; what it does not say is not guessed.
//!
//! This crate is pure: no clock, no environment, no files, no sockets.
#![warn(missing_docs)]

pub mod binding;
pub mod check;
pub mod clearance;
pub mod condition;
pub mod document;
pub mod facts;
pub mod finding;
pub mod glob;
pub mod redact;
pub mod report;
pub mod severity;
pub mod simulate;
pub mod span;
pub mod submission;

pub use binding::{Bindings, RepositoryBinding, RepositoryRef};
pub use check::{Closure, Code, Evidence, Outcome, Platform, Reason, Status, Submitted, ask, opens};
pub use clearance::{Clearance, Cleared, KeyRole, Kind, Opening, Refusal, Verifier};
pub use document::{Check, Gate, GateError, Gates, GatesError, Proof};
pub use facts::{Configuration, Image, Known, Runner, Source};
pub use finding::{Finding, Fingerprint, FixState, Location, Package, merged};
pub use redact::redacted;
pub use report::{
    AiReview, Carrier, Class, Completeness, Format, Report, ReportError, Subject, Tests, Tool, Tools, Verdict, carrier,
};
pub use severity::Severity;
pub use simulate::simulate;
