//! The public key in a certificate, taken out by position: enough to check signatures, and no check of the certificate.

use countersign_evidence::PublicKey;
use der::asn1::AnyRef;
use der::{Decode as _, Encode as _, Reader as _, SliceReader};

/// The key of a certificate in DER (RFC 5280, section 4.1), if it is one that we use.
pub(crate) fn key(certificate: &[u8]) -> Option<PublicKey> {
    let certificate = AnyRef::from_der(certificate).ok()?;
    let mut certificate = SliceReader::new(certificate.value()).ok()?;
    let to_be_signed: AnyRef<'_> = certificate.decode().ok()?;
    let mut fields = SliceReader::new(to_be_signed.value()).ok()?;
    // version, serialNumber, signature, issuer, validity, subject
    for _ in 0..6 {
        let _: AnyRef<'_> = fields.decode().ok()?;
    }
    let spki: AnyRef<'_> = fields.decode().ok()?;
    PublicKey::from_spki_der(&spki.to_der().ok()?).ok()
}
