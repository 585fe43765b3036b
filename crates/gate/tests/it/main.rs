//! Reports: what is read out of them, what they cannot pass for, and what other people's tools wrote.
#![expect(clippy::unwrap_used, reason = "a suite stops at the first surprise")]

mod bindings;
mod clearance;
mod corpus;
mod demands;
mod documents;
mod floors;
mod formats;
mod gates;
mod hygiene;
mod made;
mod more_formats;
mod simulation;
mod unknown;
