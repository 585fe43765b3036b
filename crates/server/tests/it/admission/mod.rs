//! Admissions through the real door: over TLS, with a registry beside it, as the API server asks.

mod rig;

mod attacks;
mod faults;
mod flights;
mod images;
mod outages;
mod policies;
mod records;
mod requests;
mod restart;
mod updates;
mod verdicts;
