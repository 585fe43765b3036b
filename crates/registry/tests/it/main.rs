//! The client against registries that keep the protocol and registries that do not, over real connections on loopback.

mod breaker;
mod caching;
mod corpus;
mod faults;
mod gathering;
mod login;
mod mirrors;
mod publishing;
mod redirects;
mod referrers;
mod resolving;
mod scripted;
mod tls;
