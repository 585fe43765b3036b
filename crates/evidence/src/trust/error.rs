//! Why a trust root is none.

use countersign_image::json::JsonError;
use thiserror::Error;

/// Why bytes or parts are not a trust root.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrustRootError {
    /// It is longer than is read.
    #[error("the trust root has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// It is not a JSON document of the shape of a trust root.
    #[error("the trust root cannot be read")]
    Json(#[source] JsonError),
    /// Its media type is none that we read.
    #[error(
        "the trust root is a `{found}`; `application/vnd.dev.sigstore.trustedroot+json;version=0.1` and `…0.2` are read"
    )]
    MediaType {
        /// What it says to be, shortened.
        found: String,
    },
    /// A list is longer than is read.
    #[error("`{list}` has {found} entries, and {limit} are the most")]
    TooMany {
        /// The list.
        list: &'static str,
        /// The most.
        limit: usize,
        /// Its length.
        found: usize,
    },
    /// No part of it can be used.
    #[error("nothing in the trust root can be used: {first}")]
    Empty {
        /// Why the first part cannot be used, or that there is none.
        first: String,
    },
}
