//! Certificates that say whose a key is, and for how long: read, and vouched for by a trust root.
//!
//! ```compile_fail
//! use countersign_evidence::trust::AuthorityName;
//! use countersign_evidence::{Leaf, Vouched};
//! fn forge(leaf: &Leaf, authority: AuthorityName) -> Vouched {
//!     Vouched::assertion(leaf, authority, None)
//! }
//! ```

mod claims;
mod error;
mod identity;
mod sct;
#[cfg(test)]
mod tests;

pub use claims::{Claim, Claims};
pub use error::CertificateError;
pub use identity::{Identity, Subject};
pub use sct::{DetachedSct, LoggedCertificate, MAX_DETACHED_SCT_BYTES, MAX_SCTS, SctError};

use std::sync::Arc;

use der::asn1::ObjectIdentifier;
use jiff::Timestamp;

use crate::key::PublicKey;
use crate::trust::{AuthorityName, TrustRoot};
use crate::x509::extension::Purpose;
pub use crate::x509::path::{MAX_OTHERS, PathError};
use crate::x509::{self, Certificate, Unreadable, path};

/// The largest certificate that is read, in bytes.
pub const MAX_CERTIFICATE_BYTES: usize = x509::MAX_BYTES;

/// A certificate that somebody signed with, read and believed by nobody. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leaf(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    der: Vec<u8>,
    serial: String,
    key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
    identity: Identity,
}

impl Leaf {
    /// Reads a certificate in DER.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::read(der).map_err(unreadable)?;
        let identity = Identity::of(&certificate).map_err(|detail| CertificateError::Malformed {
            detail: detail.to_owned(),
        })?;
        Ok(Self(Arc::new(Inner {
            key: PublicKey::from_spki_der(certificate.spki).map_err(CertificateError::Key)?,
            serial: certificate
                .serial_number()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            identity,
            der: der.to_vec(),
        })))
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Its number, in hexadecimal.
    pub fn serial(&self) -> &str {
        &self.0.serial
    }

    /// The key that it is about.
    pub fn key(&self) -> &PublicKey {
        &self.0.key
    }

    /// The first second of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// The last second of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Whom it names, if one were to believe it.
    pub fn unverified_identity(&self) -> &Identity {
        &self.0.identity
    }
}

/// Whether a certificate names itself as its issuer. A bundle must bring no such certificate in its chain
/// (`sigstore_bundle.proto`); cosign's annotation does.
pub fn is_root(der: &[u8]) -> Result<bool, CertificateError> {
    Ok(Certificate::read(der).map_err(unreadable)?.is_self_issued())
}

/// Whether a certificate must be in a certificate transparency log (RFC 6962).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SctRule {
    /// At least one signed certificate timestamp in the certificate, by a CT log of the trust root.
    Required,
    /// The same, or this one where none in the certificate holds: no layout has a place for it.
    RequiredOr(DetachedSct),
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

impl Vouched {
    /// Called where the path, the windows and the log's promise have just held at every time, and nowhere else.
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
        self.leaf.key()
    }

    /// Whom it names.
    pub fn identity(&self) -> &Identity {
        self.leaf.unverified_identity()
    }

    /// Who vouched.
    pub fn authority(&self) -> &AuthorityName {
        &self.authority
    }

    /// The promise of a certificate transparency log, where one was asked for.
    pub fn logged(&self) -> Option<&LoggedCertificate> {
        self.logged.as_ref()
    }
}

/// Finds the authority of a trust root that vouches for a certificate at every one of the times that were proved.
///
/// 1. There is a time, and the certificate is valid at each.
/// 2. It is one to sign with: no authority's, with a key for signatures, for signing code.
/// 3. A path leads to an authority of the trust root, over the authority's own certificates or `others`; each certificate on
///    it and the authority's window hold at each time.
/// 4. A CT log of the trust root has promised to log it, in its window, under this issuer.
pub fn vouch(
    leaf: &Leaf,
    others: &[Vec<u8>],
    times: &[Timestamp],
    root: &TrustRoot,
    sct: &SctRule,
) -> Result<Vouched, CertificateError> {
    // 1.
    if times.is_empty() {
        return Err(CertificateError::NoTime);
    }
    let certificate = Certificate::read(leaf.der()).map_err(unreadable)?;
    if let Some(time) = times.iter().find(|time| !certificate.is_valid_at(**time)) {
        return Err(CertificateError::OutsideValidity {
            time: *time,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        });
    }
    // 2.
    signs_code(&certificate)?;
    // 3.
    let authorities = root.authorities().iter().map(|authority| &authority.0);
    let found = path::find(&certificate, others, times, authorities, Purpose::CodeSigning);
    let found = found.map_err(CertificateError::Path)?;
    // 4.
    let demanded = match sct {
        SctRule::Ignored => None,
        SctRule::Required => Some(None),
        SctRule::RequiredOr(detached) => Some(Some(detached)),
    };
    let logged = demanded.map(|detached| sct::logged(&certificate, &found.issuer_key_hash, detached, root.ct_logs()));
    let logged = logged.transpose().map_err(CertificateError::Sct)?;
    Ok(Vouched::assertion(leaf, found.authority.name.clone(), logged))
}

/// What Fulcio's certificate profile and RFC 5280 ask of a certificate that signs code.
fn signs_code(certificate: &Certificate<'_>) -> Result<(), CertificateError> {
    let not_for_signing = |what| CertificateError::NotForSigning { what };
    if certificate.basic_constraints().map_err(unreadable)?.is_ca {
        return Err(not_for_signing("it is an authority's"));
    }
    let usage = certificate.key_usage().map_err(unreadable)?;
    if !usage.is_some_and(|usage| usage.digital_signature() && !usage.cert_sign()) {
        return Err(not_for_signing("its key usage is not digital signature"));
    }
    let purposes = certificate.purposes().map_err(unreadable)?.unwrap_or_default();
    let code_signing: ObjectIdentifier = Purpose::CodeSigning.oid();
    if !purposes.contains(&code_signing) {
        return Err(not_for_signing("its extended key usage is not code signing"));
    }
    if certificate.unknown_critical().is_some() {
        return Err(not_for_signing("it has a critical extension that is not known"));
    }
    Ok(())
}

fn unreadable(error: Unreadable) -> CertificateError {
    match error {
        Unreadable::TooLong { found } => CertificateError::TooLong {
            limit: MAX_CERTIFICATE_BYTES,
            found,
        },
        error => CertificateError::Malformed { detail: error.detail() },
    }
}
