//! The trust root: whose certificates, logs and timestamps are believed, and when.
//!
//! A trust root is read once and everything in it prepared then; what cannot be used is kept with its reason, and is never
//! believed.

mod authority;
mod error;
mod log;
mod parts;
mod window;

pub use authority::{AuthorityName, CertificateAuthority, TimeAuthority};
pub use error::TrustRootError;
pub use log::{Log, LogId, MAX_LOG_ID_BYTES};
pub use parts::{AuthorityParts, LogParts, TrustRootParts};
pub use window::Window;

use countersign_image::Digest;

/// The largest `trusted_root.json` that is read, in bytes.
pub const MAX_TRUST_ROOT_BYTES: usize = 4 * 1024 * 1024;

/// A trust root. Immutable; shared by `Arc`.
#[derive(Clone, Debug)]
pub struct TrustRoot {
    generation: Digest,
    authorities: Vec<CertificateAuthority>,
    logs: Vec<Log>,
    ct_logs: Vec<Log>,
    time_authorities: Vec<TimeAuthority>,
    unusable: Vec<Unusable>,
}

/// A part of a trust root that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Which part: `tlogs[1]`.
    pub part: String,
    /// Why.
    pub why: String,
}

impl TrustRoot {
    /// Reads a `trusted_root.json`, version 0.1 or 0.2: protobuf's JSON of `sigstore_trustroot.proto`.
    pub fn parse(json: &[u8]) -> Result<Self, TrustRootError> {
        let _ = json;
        Err(TrustRootError::Empty {
            first: "not yet read".into(),
        })
    }

    /// Makes a trust root of parts.
    pub fn of(parts: TrustRootParts) -> Result<Self, TrustRootError> {
        let _ = parts;
        Err(TrustRootError::Empty {
            first: "not yet read".into(),
        })
    }

    /// Which trust root it is: the digest of the bytes that it was read from, or of all its parts. A verdict that rests on
    /// it is kept under it.
    pub fn generation(&self) -> &Digest {
        &self.generation
    }

    /// Who issues certificates for signing.
    pub fn authorities(&self) -> &[CertificateAuthority] {
        &self.authorities
    }

    /// Transparency logs of signatures.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Certificate transparency logs.
    pub fn ct_logs(&self) -> &[Log] {
        &self.ct_logs
    }

    /// Who signs times.
    pub fn time_authorities(&self) -> &[TimeAuthority] {
        &self.time_authorities
    }

    /// What is in it and cannot be used.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }
}
