//! The doors: how the API server asks, and what stands around the answer.
//!
//! [`admission`] is the one path from a review's bytes to the answer's; [`serve`] wires it to a [`listener`], a
//! [`certificate`] that is watched, [`policies`] that are watched, [`record`]s, [`metrics`] and the [`admin`] door, and takes
//! all of it down in order ([`drain`]).

pub mod serve;
pub mod admission;
pub mod policies;
pub mod record;
pub mod wants;
pub mod trouble;
pub mod listener;
pub mod certificate;
pub mod drain;
pub mod admin;
pub mod metrics;
mod queue;
