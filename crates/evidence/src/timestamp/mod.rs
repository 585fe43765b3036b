//! Signed timestamps (RFC 3161): when something was signed at the latest, by an authority of the trust root.
//!
//! ```compile_fail
//! use countersign_evidence::Stamped;
//! use countersign_evidence::trust::AuthorityName;
//! fn forge(time: jiff::Timestamp, authority: AuthorityName) -> Stamped {
//!     Stamped { time, authority, operator: None, counts_as: "".into() }
//! }
//! ```

mod error;
#[cfg(test)]
mod tests;
mod token;

pub use error::TimestampError;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use jiff::Timestamp;

use crate::trust::{Authority, AuthorityName, TrustRoot};
use crate::x509::anchor::TimeSigner;
use crate::x509::extension::Purpose;
use crate::x509::{Certificate, algorithm, path};
use token::{CertificateHash, SignerId, Token};

/// The largest timestamp that is read, in bytes.
pub const MAX_TIMESTAMP_BYTES: usize = 64 * 1024;

/// A time that a time authority of the trust root has signed over a signature: the signature was there by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    time: Timestamp,
    authority: AuthorityName,
    operator: Option<String>,
    counts_as: Arc<str>,
}

impl Stamped {
    /// Called where a token over the very signature has just verified, and nowhere else.
    fn assertion(time: Timestamp, authority: &Authority) -> Self {
        Self {
            time,
            authority: authority.name.clone(),
            operator: authority.operator.clone(),
            counts_as: authority.counts_as.clone(),
        }
    }

    /// The time.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Who signed it.
    pub fn authority(&self) -> &AuthorityName {
        &self.authority
    }

    /// Who runs that authority, where the trust root says so.
    pub fn operator(&self) -> Option<&str> {
        self.operator.as_deref()
    }

    /// What it counts as for a threshold: two timestamps of one operator, or of one authority where no operator is said,
    /// are one.
    pub fn counts_as(&self) -> &str {
        &self.counts_as
    }
}

/// Verifies a timestamp over a signature. `token` is a `TimeStampResp` or the `TimeStampToken` in it, in DER.
///
/// 1. It is over the very bytes of the signature.
/// 2. Its signer is a time authority of the trust root: the certificate with which the trust root says that the authority
///    signs, or, where it says none, one that the timestamp brings and the authority vouches for. Whatever else the
///    timestamp brings is not looked at (CVE-2026-39984).
/// 3. The authority's window and every certificate of it hold at the time that is signed.
/// 4. The signature is by that certificate's key, over the attributes, and these are over the content.
pub fn verify_timestamp(token: &[u8], signature: &[u8], root: &TrustRoot) -> Result<Stamped, TimestampError> {
    if token.len() > MAX_TIMESTAMP_BYTES {
        return Err(TimestampError::TooLong {
            limit: MAX_TIMESTAMP_BYTES,
            found: token.len(),
        });
    }
    if root.time_authorities().is_empty() {
        return Err(TimestampError::NoAuthority);
    }
    let token = Token::read(token)?;
    let time = token.info.time;
    // 1.
    if algorithm::digest(token.info.hash, signature).as_ref() != token.info.imprint {
        return Err(TimestampError::OtherSignature);
    }
    let mut refusal = TimestampError::UnknownAuthority { time };
    for authority in root.time_authorities() {
        match by_authority(&token, &authority.0) {
            Ok(()) => return Ok(Stamped::assertion(time, &authority.0)),
            Err(TimestampError::UnknownAuthority { .. }) => {}
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn by_authority(token: &Token<'_>, authority: &Authority) -> Result<(), TimestampError> {
    let time = token.info.time;
    if let Some(signer) = &authority.chain.signer {
        // 2.
        if !is_named(signer, &token.signer.id) {
            return Err(TimestampError::UnknownAuthority { time });
        }
        holds(token, authority, signer)?;
        return is_signed(token, authority, signer);
    }
    // 2. A timestamp may bring several certificates of the signer's name: whoever added one must not hide the right one.
    let others: Vec<Vec<u8>> = token.certificates.iter().map(|der| der.to_vec()).collect();
    let mut refusal = TimestampError::UnknownAuthority { time };
    for der in &token.certificates {
        let Ok(certificate) = Certificate::read(der) else {
            continue;
        };
        match brought(token, authority, &certificate, &others) {
            Ok(()) => return Ok(()),
            Err(TimestampError::UnknownAuthority { .. }) => {}
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Whether a certificate that the timestamp brings is its signer's, and the authority vouches for it.
fn brought(
    token: &Token<'_>,
    authority: &Authority,
    certificate: &Certificate<'_>,
    others: &[Vec<u8>],
) -> Result<(), TimestampError> {
    let time = token.info.time;
    let signer = TimeSigner::of(certificate, certificate.not_before, certificate.not_after);
    let signer = match signer {
        Ok(signer) if is_named(&signer, &token.signer.id) => signer,
        Ok(_) => return Err(TimestampError::UnknownAuthority { time }),
        Err(_) if !names(&token.signer.id, certificate) => return Err(TimestampError::UnknownAuthority { time }),
        Err(what) => return Err(TimestampError::NotForTimes { what }),
    };
    // The cheap first: who has not signed the timestamp is not searched for.
    is_signed(token, authority, &signer)?;
    path::find(
        certificate,
        others,
        &[time],
        std::iter::once(authority),
        Purpose::TimeStamping,
    )
    .map_err(|error| match error {
        path::PathError::UnknownIssuer { .. } => TimestampError::UnknownAuthority { time },
        error => TimestampError::Path(error),
    })?;
    holds(token, authority, &signer)
}

/// Whether the authority and its signer are believed at the time that is signed.
fn holds(token: &Token<'_>, authority: &Authority, signer: &TimeSigner) -> Result<(), TimestampError> {
    let time = token.info.time;
    // 3.
    if !authority.window.contains(time) {
        return Err(TimestampError::Window {
            authority: authority.name.clone(),
            window: authority.window,
            time,
        });
    }
    if !signer.is_valid_at(time) {
        return Err(TimestampError::OutsideValidity {
            authority: authority.name.clone(),
            not_before: signer.not_before,
            not_after: signer.not_after,
            time,
        });
    }
    Ok(())
}

fn is_signed(token: &Token<'_>, authority: &Authority, signer: &TimeSigner) -> Result<(), TimestampError> {
    // 4.
    let scheme = algorithm::scheme_of_signer(&token.signer.algorithm, token.signer.hash);
    let scheme = scheme.ok_or_else(|| TimestampError::Algorithm {
        oid: token.signer.algorithm.oid.to_string(),
    })?;
    let digest_holds = algorithm::digest(token.signer.hash, token.content).as_ref() == token.signer.message_digest;
    let certificate_holds = is_hash_of(&token.signer.certificate_hash, &signer.der);
    let signed = || algorithm::verify(&signer.key, scheme, &token.signer.attributes, token.signer.signature);
    if digest_holds && certificate_holds && signed().is_ok() {
        return Ok(());
    }
    Err(TimestampError::Signature {
        authority: authority.name.clone(),
    })
}

fn is_hash_of(hash: &CertificateHash<'_>, certificate: &[u8]) -> bool {
    match hash {
        // RFC 3161 came before SHA-2. What SHA-1 says here only adds to a signature that has verified.
        CertificateHash::Sha1(hash) => digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref() == *hash,
        CertificateHash::Sha2(function, hash) => algorithm::digest(*function, certificate).as_ref() == *hash,
    }
}

fn is_named(signer: &TimeSigner, id: &SignerId<'_>) -> bool {
    match id {
        SignerId::Issued { issuer, serial } => signer.issuer == *issuer && signer.serial == *serial,
        // The extension is an OCTET STRING around the identifier.
        SignerId::Key(key) => signer.key_id.as_deref().and_then(|der| der.get(2..)) == Some(*key),
    }
}

fn names(id: &SignerId<'_>, certificate: &Certificate<'_>) -> bool {
    match id {
        SignerId::Issued { issuer, serial } => certificate.issuer == *issuer && certificate.serial == *serial,
        SignerId::Key(_) => false,
    }
}
