//! Other people's signatures, judged as their makers say: the corpus suites.
//!
//! The corpus is not part of the repository. Where it is not there, one line says how much did not run.
#![expect(clippy::unwrap_used, reason = "a suite stops at the first surprise")]

mod bundles;
mod certificate;
mod corpus;
mod keyless;
mod log;
mod mutants;
mod predicates;
mod records;
mod seal;
mod signatures;
mod suite;
mod vouching;
mod wycheproof;
