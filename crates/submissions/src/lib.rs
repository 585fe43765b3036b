//! The signing door: a pipeline submits an image by its digest, hands in what its tools found, and a gate decides; what it
//! lets through is signed with keys that no pipeline can reach, and put where only the service writes.
#![warn(missing_docs)]

pub mod closure;
mod door;
pub mod keyring;

pub use countersign_wire as wire;
