//! Whom we believe to be the host that they say they are.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tracing::{debug, warn};

use crate::config::ConfigError;

/// TLS 1.2 and 1.3, the system's certificate authorities and the configured ones, HTTP/2 where it is offered.
pub(super) fn client_config(own: &[Vec<u8>]) -> Result<rustls::ClientConfig, ConfigError> {
    let build = |error: rustls::Error| ConfigError::Build(Box::new(error));
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(build)?
        .with_root_certificates(roots(own)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(own: &[Vec<u8>]) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for (index, pem) in own.iter().enumerate() {
        let refused = |detail: String| ConfigError::CertificateAuthority {
            position: index + 1,
            detail,
        };
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| refused(error.to_string()))?;
            roots.add(certificate).map_err(|error| refused(error.to_string()))?;
            found = true;
        }
        if !found {
            return Err(refused("it holds no certificate in PEM".to_owned()));
        }
    }
    // A machine without any is a machine that talks to registries of its own only.
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        warn!(%error, "a certificate authority of the system could not be read");
    }
    let (added, ignored) = roots.add_parsable_certificates(system.certs);
    debug!(added, ignored, "certificate authorities of the system");
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_authority_is_named() {
        for pem in [
            &b""[..],
            b"not PEM",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let error = client_config(&[pem.to_vec()]).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with("certificate authority 1 cannot be read: "),
                "{error}"
            );
        }
    }
}
