//! The client against registries that keep the protocol and registries that do not, over real connections on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod breaker;
mod caching;
mod corpus;
mod faults;
mod gathering;
mod image_lists;
mod login;
mod mirrors;
mod publishing;
mod redirects;
mod referrers;
mod releasing;
mod resolving;
mod restarting;
mod scripted;
mod tls;
