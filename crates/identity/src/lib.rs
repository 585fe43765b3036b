//! Who asks: the token of a job (an OpenID Connect identity token, a JSON Web Token), verified and read as a [`Submitter`].
//!
//! What is believed is what the configured issuers sign, and of that only what is meant for us: see [`Issuers::verify`] for the
//! steps, [`Code`] for every refusal. A session that is opened for a job is a [`SessionToken`].
#![warn(missing_docs)]

mod config;
mod issuer;
mod issuers;
mod keys;
mod refused;
mod review;
mod session;
mod submitter;
mod times;
mod token;
mod web;

pub use config::{
    ClaimNames, ConfigError, Generic, GitHub, GitLab, IssuerConfig, KeySource, Kubernetes, RefPattern, Reviewer,
};
pub use issuers::Issuers;
pub use keys::examine_keys;
pub use refused::{Class, Code, Refused};
pub use session::{NotASession, SESSION_LIFETIME, SessionHash, SessionToken};
pub use submitter::{IssuerKind, RepositoryId, Runner, Submitter};
pub use times::{MAX_LIFETIME, SKEW};
pub use token::{MAX_TOKEN_BYTES, examine};
