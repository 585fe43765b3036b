//! Certificates that say whose a key is, and for how long: read, and vouched for by a trust root.

mod claims;
mod error;
mod identity;

pub use claims::{Claim, Claims};
pub use error::{CertificateError, SctError};
pub use identity::{Identity, Subject};

use jiff::Timestamp;

use crate::key::PublicKey;
use crate::trust::{AuthorityName, LogId, TrustRoot};

/// The largest certificate that is read, in bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// A certificate that somebody signed with, read and believed by nobody.
#[derive(Clone, Debug)]
pub struct Leaf {
    der: Vec<u8>,
    key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
    identity: Identity,
}

impl Leaf {
    /// Reads a certificate in DER.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let _ = der;
        Err(CertificateError::NoTime)
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key that it is about.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The first second of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whom it names, if one were to believe it.
    pub fn unverified_identity(&self) -> &Identity {
        &self.identity
    }
}

/// Whether a certificate must be in a certificate transparency log (RFC 6962).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SctRule {
    /// At least one signed certificate timestamp, embedded or detached, by a CT log of the trust root.
    Required,
    /// None is asked for, and none is looked at.
    Ignored,
}

/// A certificate for which an authority of the trust root vouched at every time that was proved.
#[derive(Clone, Debug)]
pub struct Vouched {
    leaf: Leaf,
    authority: AuthorityName,
    logged: Option<LoggedCertificate>,
}

/// That a certificate transparency log of the trust root has promised to log the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCertificate {
    /// The log.
    pub log: LogId,
    /// Where the log is.
    pub base_url: String,
    /// When it promised.
    pub time: Timestamp,
}

impl Vouched {
    /// Called where the path, the windows and the log's promise have just held at every time, and nowhere else.
    #[expect(dead_code, reason = "the next commit calls it")]
    fn assertion(leaf: &Leaf, authority: AuthorityName, logged: Option<LoggedCertificate>) -> Self {
        Self {
            leaf: leaf.clone(),
            authority,
            logged,
        }
    }

    /// The certificate.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The key that it is about.
    pub fn key(&self) -> &PublicKey {
        &self.leaf.key
    }

    /// Whom it names.
    pub fn identity(&self) -> &Identity {
        &self.leaf.identity
    }

    /// Who vouched.
    pub fn authority(&self) -> &AuthorityName {
        &self.authority
    }

    /// The log's promise, where one was asked for.
    pub fn logged(&self) -> Option<&LoggedCertificate> {
        self.logged.as_ref()
    }
}

/// Finds the authority of a trust root that vouches for a certificate at every one of the times that were proved.
pub fn vouch(
    leaf: &Leaf,
    others: &[Vec<u8>],
    times: &[Timestamp],
    root: &TrustRoot,
    sct: SctRule,
    detached_sct: Option<&[u8]>,
) -> Result<Vouched, CertificateError> {
    let _ = (leaf, others, times, root, sct, detached_sct);
    Err(CertificateError::NoTime)
}
