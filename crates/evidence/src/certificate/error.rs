//! Why a certificate vouches for nobody.

use jiff::Timestamp;
use thiserror::Error;

use crate::key::KeyError;

/// Why a certificate vouches for nobody.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It is longer than is read.
    #[error("the certificate has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// It is not a certificate in DER.
    #[error("the certificate is not DER as RFC 5280 has it: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// Its key is none that we use.
    #[error("the certificate's key cannot be used")]
    Key(#[source] KeyError),
    /// No time is proved at which it could have been valid.
    #[error("no proved time says when the certificate was used")]
    NoTime,
    /// It was not valid at a proved time.
    #[error("the certificate is valid from {not_before} to {not_after}, and was used at {time}")]
    OutsideValidity {
        /// The proved time.
        time: Timestamp,
        /// The first second of its validity.
        not_before: Timestamp,
        /// The last second of its validity.
        not_after: Timestamp,
    },
    /// The signed certificate timestamps do not count.
    #[error("the certificate is in no certificate transparency log of the trust root")]
    Sct(#[source] SctError),
}

/// Why no signed certificate timestamp counts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SctError {
    /// There is none.
    #[error("there is no signed certificate timestamp, embedded or detached")]
    Missing,
}
