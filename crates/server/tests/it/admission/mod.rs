//! Admissions through the real door: over TLS, with a registry beside it, as the API server asks.

mod rig;

mod images;
mod requests;
mod updates;
mod verdicts;
