//! Why a certificate vouches for nobody.

use jiff::Timestamp;
use thiserror::Error;

use super::sct::SctError;
use crate::key::KeyError;
use crate::x509::path::PathError;

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
    /// It is not a certificate in DER, or says what cannot be.
    #[error("the certificate is not as RFC 5280 and Fulcio have it: {detail}")]
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
    /// It is not for signing code.
    #[error("the certificate is not one to sign with: {what}")]
    NotForSigning {
        /// What it lacks, or has too much.
        what: &'static str,
    },
    /// No path leads to an authority of the trust root.
    #[error("no authority of the trust root vouches for the certificate")]
    Path(#[source] PathError),
    /// No signed certificate timestamp counts.
    #[error("the certificate is in no certificate transparency log of the trust root")]
    Sct(#[source] SctError),
}
