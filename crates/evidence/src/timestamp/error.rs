//! Why a timestamp proves no time.

use thiserror::Error;

/// Why a timestamp proves no time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// It is longer than is read.
    #[error("the timestamp has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// The trust root has no time authority.
    #[error("the trust root has no timestamp authority")]
    NoAuthority,
}
