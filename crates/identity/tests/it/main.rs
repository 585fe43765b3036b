//! Whom a service believes that has a private issuer, over loopback: every rule with the token that breaks it.

mod config;
mod issuers;
mod keys;
mod provider;
mod tokens;
