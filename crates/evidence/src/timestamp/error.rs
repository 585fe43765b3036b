//! Why a timestamp proves no time.

use jiff::Timestamp;
use thiserror::Error;

use crate::trust::{AuthorityName, Window};
use crate::x509::path::PathError;

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
    /// It is not a timestamp in DER.
    #[error("the timestamp is not as RFC 3161 and RFC 5652 have it: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// The authority did not grant it.
    #[error("the timestamp was not granted: its status is {status}")]
    NotGranted {
        /// The PKIStatus.
        status: u32,
    },
    /// A hash or signature algorithm is not one of ours.
    #[error("the timestamp is made with algorithm {oid}, which is not supported")]
    Algorithm {
        /// Its object identifier.
        oid: String,
    },
    /// It is over something else than this signature.
    #[error("the timestamp is over something else than this signature")]
    OtherSignature,
    /// The trust root has no time authority.
    #[error("the trust root has no timestamp authority")]
    NoAuthority,
    /// No authority of the trust root is its signer.
    #[error("the timestamp of {time} is by no timestamp authority of the trust root")]
    UnknownAuthority {
        /// The time that it says.
        time: Timestamp,
    },
    /// The authority was not believed at its time.
    #[error("the trust root believes `{authority}` from {window}, and it has signed a timestamp of {time}")]
    Window {
        /// The authority.
        authority: AuthorityName,
        /// When it is believed.
        window: Window,
        /// The time that it says.
        time: Timestamp,
    },
    /// The authority's certificates were not valid at its time.
    #[error(
        "the certificates of `{authority}` are valid from {not_before} to {not_after}, and it has signed a timestamp of {time}"
    )]
    OutsideValidity {
        /// The authority.
        authority: AuthorityName,
        /// The first second in which all its certificates are valid.
        not_before: Timestamp,
        /// The last such second.
        not_after: Timestamp,
        /// The time that it says.
        time: Timestamp,
    },
    /// The certificate that it brings cannot sign times.
    #[error("the timestamp's certificate cannot sign times: {what}")]
    NotForTimes {
        /// What it lacks, or has too much.
        what: String,
    },
    /// No path leads from the certificate that it brings to a timestamp authority of the trust root.
    #[error("no timestamp authority of the trust root vouches for the timestamp's certificate")]
    Path(#[source] PathError),
    /// It is not signed by the authority.
    #[error("the timestamp is not signed by `{authority}`")]
    Signature {
        /// The authority.
        authority: AuthorityName,
    },
}
