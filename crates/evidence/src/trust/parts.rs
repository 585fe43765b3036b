//! A trust root in parts, for roots that are not a `trusted_root.json`.

use super::Window;
use crate::key::PublicKey;

/// What a trust root is made of.
#[derive(Clone, Debug, Default)]
pub struct TrustRootParts {
    /// Who issues certificates for signing.
    pub authorities: Vec<AuthorityParts>,
    /// Transparency logs of signatures.
    pub logs: Vec<LogParts>,
    /// Certificate transparency logs.
    pub ct_logs: Vec<LogParts>,
    /// Who signs timestamps.
    pub time_authorities: Vec<AuthorityParts>,
}

/// An authority in parts.
#[derive(Clone, Debug)]
pub struct AuthorityParts {
    /// Where it is, which is its name too.
    pub uri: String,
    /// Who runs it, where that is said.
    pub operator: Option<String>,
    /// Its certificates in DER, each signed by the one after it; the last is the root, which is believed.
    pub chain: Vec<Vec<u8>>,
    /// When it is believed.
    pub window: Window,
}

/// A log in parts.
#[derive(Clone, Debug)]
pub struct LogParts {
    /// Where it is, which is its name too.
    pub base_url: String,
    /// Who runs it, where that is said.
    pub operator: Option<String>,
    /// The key that it signs with.
    pub key: PublicKey,
    /// Its identity; without one, the SHA-256 of its key.
    pub id: Option<Vec<u8>>,
    /// When the key is believed.
    pub window: Window,
}
