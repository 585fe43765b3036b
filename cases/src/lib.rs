//! Cases: evidence, policy and time in a directory, and the verdict that must come of them.
//!
//! [`case`] reads a directory, [`check`] judges it and compares, [`make`] wrote it. The judge under test gets its
//! evidence from the directory alone: no network, and no clock but the case's.
#![warn(missing_docs)]

pub mod case;
pub mod check;
pub mod expected;
pub mod make;
