//! Roots out of repositories that are sound and repositories that are not, over real connections on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod advisories;
mod archived;
mod attacks;
mod cached;
mod conformance;
mod embedded;
mod keys;
mod killed;
mod mint;
mod mirror;
mod scene;
mod standing;
