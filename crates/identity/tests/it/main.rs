//! Whom a service believes that has a private issuer, over loopback: every rule with the token that breaks it.
#![expect(clippy::unwrap_used, reason = "a suite stops at the first surprise")]

mod config;
mod issuers;
mod keys;
mod provider;
mod tokens;
