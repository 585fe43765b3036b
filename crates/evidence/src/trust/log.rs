//! Logs that a trust root knows: transparency logs of signatures, and certificate transparency logs.

use std::fmt;

use super::address::counted;
use super::parts::shows;
use super::{LogParts, Window};
use crate::key::PublicKey;

/// The longest identity of a log, in bytes.
pub const MAX_LOG_ID_BYTES: usize = 64;

/// The identity of a log: for Rekor v1 and for certificate transparency the SHA-256 of its key (RFC 6962, section 3.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub(crate) Vec<u8>);

impl LogId {
    /// An identity as it is written.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A log that a trust root knows.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its identity, as the trust root says it; the SHA-256 of its key where the trust root says none.
    pub id: LogId,
    /// The key that it signs with.
    pub key: PublicKey,
    /// When that key is believed.
    pub window: Window,
    /// Where it is, which is its name too: the origin of its checkpoints is this without the scheme.
    pub base_url: String,
    /// Who runs it, where that is said: two logs of one operator are one for a threshold.
    pub operator: Option<String>,
}

impl Log {
    pub(super) fn of(parts: LogParts) -> Result<Self, String> {
        shows(&parts.base_url, parts.operator.as_deref())?;
        let id = parts.id.unwrap_or_else(|| parts.key.fingerprint().raw().to_vec());
        if id.len() > MAX_LOG_ID_BYTES {
            return Err(format!(
                "its identity has {} bytes, and {MAX_LOG_ID_BYTES} are the most",
                id.len()
            ));
        }
        Ok(Self {
            id: LogId(id),
            key: parts.key,
            window: parts.window,
            base_url: parts.base_url,
            operator: parts.operator,
        })
    }

    /// What it counts as for a threshold: its operator, or its address, in whatever way that is written, where none is said.
    pub fn counts_as(&self) -> String {
        match &self.operator {
            Some(operator) => operator.clone(),
            None => counted(&self.base_url),
        }
    }

    /// The origin of its checkpoints (C2SP tlog-checkpoint): the address without scheme and without a `/` at the end.
    pub fn origin(&self) -> &str {
        let address = self
            .base_url
            .split_once("://")
            .map_or(&*self.base_url, |(_, rest)| rest);
        address.trim_end_matches('/')
    }
}
