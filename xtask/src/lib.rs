//! What `cargo xtask` does, and the one thing the acceptance suite shares with it: where the real programs are kept.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's command line, read in a terminal"
)]

use std::path::PathBuf;

pub mod corpus;
pub mod fuzz;
pub mod instructions;
pub mod rings;
pub mod tidy;
pub mod tools;

/// The root of this repository, wherever the clone lies now.
pub fn repository() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), PathBuf::from)
}
