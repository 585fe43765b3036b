//! The signing door: a pipeline submits an image by its digest, hands in what its tools found, and a gate decides; what it
//! lets through is signed with keys that no pipeline can reach, and put where only the service writes.
//!
//! A request is answered by [`mod@door`]; what follows from it is work in the store, done by [`mod@work`] whenever it can be done;
//! everything that happens is an entry of the ledger, which [`mod@sequencer`] gathers and signs.
#![warn(missing_docs)]

pub mod catalog;
pub mod closure;
mod door;
mod dying;
pub mod keyring;
pub mod metrics;
pub mod sequencer;
pub mod serve;
mod service;
pub mod settings;
mod work;

pub use countersign_wire as wire;
pub use door::openapi;
