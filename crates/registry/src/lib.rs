//! Where images and their evidence are kept: the client side, and a registry of our own.
//!
//! Reading order: a [`Client`] made from a [`ClientConfig`] asks one question of one registry at a time, and every answer
//! is either what was asked for or a [`Trouble`]. [`gather()`] asks all the questions about one image and turns troubles
//! into gaps; a [`Gatherer`] does the same through caches, one flight per key. [`publish`] writes what [`gather()`] reads,
//! [`image_list`] the signed list of all that was published, and [`archive`] keeps evidence as a directory.
//!
//! Three rules hold everywhere: a credential never leaves the host that it was meant for, every read names its cap, and
//! what could not be obtained is never reported as what is not there.

pub mod archive;
mod backoff;
pub mod cache;
pub mod challenge;
mod client;
pub mod config;
pub mod credential;
pub mod embedded;
mod exchange;
mod fetch;
mod flight;
mod gather;
mod gatherer;
mod host;
pub mod image_list;
mod parts;
pub mod publish;
mod push;
pub mod referrers;
mod resolve;
mod secret;
mod site;
mod token;
mod transport;
mod trouble;

pub use cache::CacheConfig;
pub use client::Client;
pub use config::{ClientConfig, ConfigError, Limits, Proxies};
pub use credential::{Credential, CredentialError, CredentialScope, Credentials};
pub use gather::{GatherRequest, SourceRequest, gather};
pub use gatherer::{CacheCounts, Gatherer, LookupCounts};
pub use push::{ManifestName, Put};
pub use secret::Secret;
pub use transport::RequestCounts;
pub use trouble::{ContentTrouble, Trouble};
