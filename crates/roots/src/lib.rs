//! Where trust roots come from: the package that ships them, files, and TUF repositories.
//!
//! ```text
//! Source ── embedded · file · tuf ──► TrustRootStore ──► TrustRoots ──► policies
//! ```
//!
//! *Invariants*: whoever judges takes a root that lies ready, and nothing here is waited for by a question; a root that was
//! good stays until a better one was verified whole; roots never mix, each has its own keys, floors and cache.

#![warn(missing_docs)]

mod cache;
mod clock;
pub mod embedded;
mod error;
pub mod file;
mod follow;
mod roots;
mod run;
mod schedule;
mod source;
mod state;
mod store;
mod text;
pub mod tuf;

pub use clock::Clock;
pub use error::{FileError, Outcome, RefreshError, RootError};
pub use roots::{Obtained, TrustRoots};
pub use schedule::Schedule;
pub use source::{Archive, PublicGood, Repository, Source, TARGETS, TRUSTED_ROOT};
pub use store::{Document, MAX_ROOTS, PUBLIC_GOOD, RootFacts, RootsConfig, StoreError, TrustRootStore};
