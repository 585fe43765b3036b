//! The command line as a person meets it: the real binary, whole runs, what it printed and how it ended.
#![expect(
    clippy::unwrap_used,
    reason = "a rig that cannot be set up fails its test, with the line"
)]

mod rig;

mod admission;
mod completions;
mod conformance;
mod documents;
mod examples;
mod explain;
mod guarded;
mod help;
mod hostile;
mod keyless;
mod keys;
mod killed;
mod ledger;
mod output;
mod policy_check;
mod policy_test;
mod quickstart;
mod registry;
mod replay;
mod signing;
mod sigstore;
mod submit;
mod trust_roots;
mod verify;
