//! A certificate and the key that belongs to it, from two files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_image::Digest;
use jiff::{SignedDuration, Timestamp};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::der::{Decode as _, SliceReader};
use zeroize::Zeroizing;

/// Largest certificate or key file, in bytes.
pub const MAX_FILE: u64 = 1024 * 1024;

/// Most certificates in a chain.
pub const MAX_CHAIN: usize = 16;

/// How far in the future a certificate's first moment may lie: clocks differ, and issuers write the present.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Why a certificate and key cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` is larger than {MAX_FILE} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("`{}` kept changing while it was read", path.display())]
    Unsteady { path: PathBuf },
    #[error("`{}` is not PEM", path.display())]
    NotPem {
        path: PathBuf,
        source: rustls::pki_types::pem::Error,
    },
    #[error("`{}` holds no `CERTIFICATE` block", path.display())]
    NoCertificate { path: PathBuf },
    #[error("`{}` holds more than {MAX_CHAIN} certificates", path.display())]
    ChainTooLong { path: PathBuf },
    #[error("the first certificate in `{}` is malformed", path.display())]
    Malformed {
        path: PathBuf,
        source: x509_cert::der::Error,
    },
    #[error(
        "`{}` holds no private key that can be used: expected an unencrypted `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY` block",
        path.display()
    )]
    NoKey {
        path: PathBuf,
        source: rustls::pki_types::pem::Error,
    },
    #[error("the private key in `{}` is of a kind that cannot be used", path.display())]
    UnusableKey { path: PathBuf, source: rustls::Error },
    #[error(
        "the private key in `{}` does not belong to the first certificate in `{}`: put the server's own certificate first, and replace both files together",
        key.display(),
        certificate.display()
    )]
    Mismatched { certificate: PathBuf, key: PathBuf },
    #[error(
        "the certificate in `{}` expired at {not_after} (it is now {now}): renew it; new files are picked up without a restart once this runs",
        path.display()
    )]
    Expired {
        path: PathBuf,
        not_after: Timestamp,
        now: Timestamp,
    },
    #[error("the certificate in `{}` is not valid before {not_before} (it is now {now}): is this machine's clock right?", path.display())]
    NotYetValid {
        path: PathBuf,
        not_before: Timestamp,
        now: Timestamp,
    },
}

/// Where a pair is kept.
#[derive(Debug)]
pub(super) struct PairFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Both files as they were at one moment.
pub(super) struct PairBytes {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// A pair that may be served.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) served: Arc<CertifiedKey>,
    pub(super) not_after: Timestamp,
}

impl PairBytes {
    pub(super) fn fingerprint(&self) -> Digest {
        let mut both = Zeroizing::new(Vec::with_capacity(self.certificate.len() + self.key.len() + 8));
        both.extend_from_slice(&(self.certificate.len() as u64).to_be_bytes());
        both.extend_from_slice(&self.certificate);
        both.extend_from_slice(&self.key);
        Digest::sha256(&both)
    }
}

impl PairFiles {
    /// Both files as they were at one moment: Kubernetes swaps one symbolic link under both, so the key read between two
    /// equal readings of the certificate is the key of that certificate.
    pub(super) fn read(&self) -> Result<PairBytes, CertificateError> {
        let mut certificate = read(&self.certificate)?;
        for _ in 0..3 {
            let key = Zeroizing::new(read(&self.key)?);
            let again = read(&self.certificate)?;
            if again == certificate {
                return Ok(PairBytes { certificate, key });
            }
            certificate = again;
        }
        Err(CertificateError::Unsteady {
            path: self.certificate.clone(),
        })
    }

    /// The pair, if it may be served at `now`.
    pub(super) fn parse(
        &self,
        bytes: &PairBytes,
        provider: &CryptoProvider,
        now: Timestamp,
    ) -> Result<Pair, CertificateError> {
        let chain = self.chain(&bytes.certificate)?;
        let leaf = chain.first().ok_or_else(|| CertificateError::NoCertificate {
            path: self.certificate.clone(),
        })?;
        let not_after = self.check_validity(leaf, now)?;
        let path = self.key.clone();
        let key = PrivateKeyDer::from_pem_slice(&bytes.key).map_err(|source| CertificateError::NoKey {
            path: path.clone(),
            source,
        })?;
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|source| CertificateError::UnusableKey {
                path: path.clone(),
                source,
            })?;
        let served = CertifiedKey::new(chain, key);
        // rustls' own constructor lets a pair pass whose consistency it cannot tell; here only a proven match does.
        if served.keys_match().is_err() {
            return Err(CertificateError::Mismatched {
                certificate: self.certificate.clone(),
                key: path,
            });
        }
        Ok(Pair {
            served: Arc::new(served),
            not_after,
        })
    }

    fn chain(&self, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
        let path = || self.certificate.clone();
        let chain = CertificateDer::pem_slice_iter(pem)
            .take(MAX_CHAIN + 1)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| CertificateError::NotPem { path: path(), source })?;
        match chain.len() {
            0 => Err(CertificateError::NoCertificate { path: path() }),
            length if length > MAX_CHAIN => Err(CertificateError::ChainTooLong { path: path() }),
            _ => Ok(chain),
        }
    }

    /// The leaf's last moment, if `now` lies within its life.
    fn check_validity(&self, leaf: &CertificateDer<'_>, now: Timestamp) -> Result<Timestamp, CertificateError> {
        let path = || self.certificate.clone();
        let malformed = |source| CertificateError::Malformed { path: path(), source };
        let mut reader = SliceReader::new(leaf).map_err(malformed)?;
        let leaf = x509_cert::Certificate::decode(&mut reader).map_err(malformed)?;
        let validity = leaf.tbs_certificate.validity;
        let not_before = timestamp(&validity.not_before);
        let not_after = timestamp(&validity.not_after);
        if now > not_after {
            return Err(CertificateError::Expired {
                path: path(),
                not_after,
                now,
            });
        }
        if now + SKEW < not_before {
            return Err(CertificateError::NotYetValid {
                path: path(),
                not_before,
                now,
            });
        }
        Ok(not_after)
    }
}

fn timestamp(time: &x509_cert::time::Time) -> Timestamp {
    let since_epoch = time.to_unix_duration();
    // X.509 knows no year after 9999, which is where jiff ends too.
    Timestamp::UNIX_EPOCH
        .saturating_add(since_epoch)
        .unwrap_or(Timestamp::MAX)
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(unreadable)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CertificateError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}
