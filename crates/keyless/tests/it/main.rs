//! The whole walk against services on loopback: Rekor's first version, which runs nowhere without a database of its own, and
//! services that lie, are rude or say nothing. The real ones are in the acceptance suite.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod first_version;
mod lies;
mod services;
