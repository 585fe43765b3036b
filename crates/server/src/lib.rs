//! The doors: how the API server asks, and what stands around the answer.
//!
//! [`admission`] is the one path from a review's bytes to the answer's; [`serve`] wires it to a [`listener`], a
//! [`certificate`] that is watched, [`policies`] that are watched, [`record`]s, [`metrics`] and the [`admin`] door, and takes
//! all of it down in order ([`drain`]).

pub mod admin;
pub mod admission;
pub mod certificate;
mod counted;
pub mod drain;
pub mod listener;
pub mod metrics;
pub mod policies;
mod queue;
pub mod record;
pub mod serve;
pub mod trouble;
pub mod wants;
