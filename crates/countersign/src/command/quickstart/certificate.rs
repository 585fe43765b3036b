//! A certificate authority for one run, and the door's certificate.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::failure::Failure;

pub(super) struct Certificates {
    pub(super) authority_pem: String,
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

/// `names` are host names and addresses that the door is reached by.
pub(super) fn make(names: Vec<String>) -> Result<Certificates, Failure> {
    let made = || -> Result<Certificates, rcgen::Error> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        authority
            .distinguished_name
            .push(DnType::CommonName, "countersign quickstart");
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        Ok(Certificates {
            authority_pem,
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    };
    made().map_err(|error| Failure::misuse(error).context("no certificate could be made for the door"))
}
