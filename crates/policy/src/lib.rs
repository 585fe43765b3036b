//! What must be shown before an image may run, and the verdict.
//!
//! Top to bottom: a `ClusterImagePolicy` as written ([`document`]) and as meant ([`meaning`]); which policies govern an
//! image ([`pattern`], [`selector`], [`set`]); what they need to know ([`plan`]); what comes of it ([`judge`]); and how it
//! is said ([`verdict`], [`ground`], [`reason`]).
//!
//! This crate is pure: evidence and a time in, a verdict out. No clock, no environment, no files, no sockets.
#![warn(missing_docs)]

pub mod document;
pub mod ground;
pub mod identity;
pub mod judge;
pub mod lint;
pub mod meaning;
pub mod pattern;
pub mod plan;
pub mod reason;
pub mod selector;
pub mod set;
pub mod trust;
pub mod verdict;

pub use document::{Document, DocumentError, Parsed, SourcePosition, parse};
pub use ground::{Ground, GroundKind};
pub use judge::{judge, undecided};
pub use lint::{Lint, LintCode, Severity};
pub use meaning::{Enforcement, Policy};
pub use pattern::{Glob, GlobError};
pub use plan::{SourceWant, Wants};
pub use reason::{Outcome, Reason, ReasonCode};
pub use selector::{LabelSelector, ResourceMatch};
pub use set::{Governing, NoMatch, ObjectFacts, PolicySet, Settings};
pub use trust::{Obtained, RestsOn, RootsAtHand, TrustRootContent, TrustRootDocument, TrustRoots};
pub use verdict::{Causes, Grounds, Judgement, NonEmpty, Reasons, Ruling, Verdict};
