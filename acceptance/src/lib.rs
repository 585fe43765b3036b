//! The rig: real programs, started for a test and stopped with it, on loopback and on ports that were free.
//!
//! Read downward: how a program is found and run, what the cluster is made of, who signs and where images are kept, and
//! our own door before all of it, alone or as a fleet under load. Nothing here sleeps for a fixed time: whatever is waited for is a condition with a
//! deadline.

pub mod command;
pub mod http;
pub mod process;
pub mod programs;
pub mod wait;

pub mod pki;
pub mod plane;

pub mod cosign;
pub mod foreign;
pub mod jobs;
pub mod sigstore;
pub mod vault;

pub mod cli;
pub mod door;
pub mod manifest;
pub mod objects;
pub mod scanners;
pub mod scene;

pub mod balancer;
pub mod database;
pub mod fleet;
pub mod load;
pub mod volume;
