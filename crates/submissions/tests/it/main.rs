//! The signing door over loopback: a registry of our own, SQLite, keys in files, an issuer whose keys are in a file. Whoever asks
//! is a client with HTTP and nothing else.
#![expect(clippy::unwrap_used, reason = "a suite stops at the first surprise")]

mod described;
mod killed;
mod refusals;
mod stage;
mod weather;
mod whole;
