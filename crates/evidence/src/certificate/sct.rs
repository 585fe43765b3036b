//! Signed certificate timestamps (RFC 6962): the promise of a certificate transparency log that a certificate is, or will
//! be, in it for everybody to see.

use std::sync::Arc;

use countersign_image::Digest;
use countersign_image::json;
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::encoding;
use crate::key::{Hash, Scheme};
use crate::trust::{Log, LogId, Window};
use crate::x509::extension::SCT_LIST;
use crate::x509::{Certificate, algorithm, encoded};

/// The most signed certificate timestamps of a certificate.
pub const MAX_SCTS: usize = 16;
/// The longest detached one, in bytes.
pub const MAX_DETACHED_SCT_BYTES: usize = 16 * 1024;

/// The first version, which is the only one (RFC 6962, section 3.2).
const V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const X509_ENTRY: u16 = 0;
const PRECERT_ENTRY: u16 = 1;

/// That a certificate transparency log of the trust root has promised to log a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCertificate {
    /// The log.
    pub log: LogId,
    /// Where the log is.
    pub base_url: String,
    /// When it promised.
    pub time: Timestamp,
}

/// Finds a promise that holds, among those in the certificate and the detached one. One that is broken does not hide one
/// that holds.
pub(super) fn logged(
    certificate: &Certificate<'_>,
    issuer_key_hash: &Digest,
    detached: Option<&DetachedSct>,
    logs: &[Log],
) -> Result<LoggedCertificate, SctError> {
    let embedded = certificate
        .extension(SCT_LIST)
        .map_or(Err(SctError::Missing), |extension| {
            embedded(certificate, extension.value, issuer_key_hash, logs)
        });
    let refusal = match embedded {
        Ok(logged) => return Ok(logged),
        Err(error) => error,
    };
    if let Some(detached) = detached {
        let mut entry = X509_ENTRY.to_be_bytes().to_vec();
        entry.extend(u24(certificate.der)?);
        return detached.0.verify(&entry, logs);
    }
    Err(refusal)
}

/// Finds one that holds among those in the certificate.
fn embedded(
    certificate: &Certificate<'_>,
    extension: &[u8],
    issuer_key_hash: &Digest,
    logs: &[Log],
) -> Result<LoggedCertificate, SctError> {
    let entry = precertificate_entry(certificate, issuer_key_hash)?;
    let mut refusal = SctError::Missing;
    for sct in list(extension)? {
        match Sct::read(sct).and_then(|sct| sct.verify(&entry, logs)) {
            Ok(logged) => return Ok(logged),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// What a log signs of a precertificate: the hash of the issuer's key, and what the issuer signed without the list of
/// timestamps (RFC 6962, section 3.2).
fn precertificate_entry(certificate: &Certificate<'_>, issuer_key_hash: &Digest) -> Result<Vec<u8>, SctError> {
    let kept = certificate
        .extensions
        .iter()
        .filter(|extension| extension.kind != SCT_LIST);
    let kept: Vec<&[u8]> = kept.map(|extension| extension.der).collect();
    let extensions = encoded(0xa3, &[&encoded(0x30, &kept)]);
    let tbs = encoded(0x30, &[certificate.before_extensions, &extensions]);
    let mut entry = PRECERT_ENTRY.to_be_bytes().to_vec();
    entry.extend_from_slice(issuer_key_hash.raw());
    entry.extend(u24(&tbs)?);
    Ok(entry)
}

/// The timestamps of the extension, each as it is.
fn list(value: &[u8]) -> Result<Vec<&[u8]>, SctError> {
    let unreadable = || SctError::Unreadable {
        detail: "the list of them is not as RFC 6962 has it",
    };
    let inner = octet_string(value).ok_or_else(unreadable)?;
    let mut reader = Bytes(inner);
    let mut list = Bytes(reader.with_length().ok_or_else(unreadable)?);
    if !reader.0.is_empty() {
        return Err(unreadable());
    }
    let mut scts = Vec::new();
    while !list.0.is_empty() {
        if scts.len() == MAX_SCTS {
            return Err(SctError::TooMany { limit: MAX_SCTS });
        }
        scts.push(list.with_length().ok_or_else(unreadable)?);
    }
    Ok(scts)
}

fn octet_string(der: &[u8]) -> Option<&[u8]> {
    let string: der::asn1::OctetStringRef<'_> = der::Decode::from_der(der).ok()?;
    Some(string.as_bytes())
}

/// A signed certificate timestamp that is not in the certificate. Nobody has checked it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachedSct(Arc<Sct>);

impl DetachedSct {
    /// Reads one as RFC 6962 encodes it, or a log's answer in JSON, at most [`MAX_DETACHED_SCT_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SctError> {
        read_detached(bytes).map(|sct| Self(Arc::new(sct)))
    }
}

/// A signed certificate timestamp.
#[derive(Debug, PartialEq, Eq)]
struct Sct {
    log: [u8; 32],
    milliseconds: u64,
    extensions: Vec<u8>,
    algorithm: (u8, u8),
    signature: Vec<u8>,
}

/// A detached one in JSON: what a log answers to `add-chain` (RFC 6962, section 4.1), which Fulcio passes on.
#[derive(Deserialize)]
struct Answer {
    sct_version: u8,
    id: String,
    timestamp: u64,
    #[serde(default)]
    extensions: String,
    signature: String,
}

fn read_detached(bytes: &[u8]) -> Result<Sct, SctError> {
    let unreadable = |detail| SctError::Unreadable { detail };
    if bytes.len() > MAX_DETACHED_SCT_BYTES {
        return Err(unreadable("it is longer than is read"));
    }
    if bytes.first() != Some(&b'{') {
        return Sct::read(bytes);
    }
    let answer: Answer = json::strict(bytes).map_err(|_| unreadable("it is not a log's answer in JSON"))?;
    let decode = |text: &str| encoding::decode(text).map_err(|_| unreadable("it is not base64"));
    if answer.sct_version != V1 {
        return Err(unreadable("it is not of version 1"));
    }
    let (algorithm, signature) = signed(&mut Bytes(&decode(&answer.signature)?)).ok_or(TRUNCATED)?;
    Ok(Sct {
        log: decode(&answer.id)?
            .try_into()
            .map_err(|_| unreadable("its log's identity has not 32 bytes"))?,
        milliseconds: answer.timestamp,
        extensions: decode(&answer.extensions)?,
        algorithm,
        signature,
    })
}

const TRUNCATED: SctError = SctError::Unreadable {
    detail: "it is not as RFC 6962 has it",
};

/// A DigitallySigned (RFC 5246, section 4.7) at the end of the bytes.
fn signed(bytes: &mut Bytes<'_>) -> Option<((u8, u8), Vec<u8>)> {
    let algorithm = (bytes.byte()?, bytes.byte()?);
    let signature = bytes.with_length()?.to_vec();
    bytes.0.is_empty().then_some((algorithm, signature))
}

impl Sct {
    fn read(bytes: &[u8]) -> Result<Self, SctError> {
        let mut reader = Bytes(bytes);
        if reader.byte() != Some(V1) {
            return Err(SctError::Unreadable {
                detail: "it is not of version 1",
            });
        }
        let mut read = || {
            let log = reader.take(32)?.try_into().ok()?;
            let milliseconds = u64::from_be_bytes(reader.take(8)?.try_into().ok()?);
            let extensions = reader.with_length()?.to_vec();
            let (algorithm, signature) = signed(&mut reader)?;
            Some(Self {
                log,
                milliseconds,
                extensions,
                algorithm,
                signature,
            })
        };
        read().ok_or(TRUNCATED)
    }

    /// Verifies it over an entry, by the log of the trust root that it names.
    fn verify(&self, entry: &[u8], logs: &[Log]) -> Result<LoggedCertificate, SctError> {
        let id = LogId::new(self.log);
        let time = i64::try_from(self.milliseconds)
            .ok()
            .and_then(|time| Timestamp::from_millisecond(time).ok());
        let time = time.ok_or(SctError::Unreadable {
            detail: "its time is beyond what we count",
        })?;
        let mut refusal = SctError::UnknownLog { log: id.clone() };
        // The identity is the hash of the key, whatever the trust root says beside it.
        for log in logs.iter().filter(|log| *log.key.fingerprint().raw() == self.log) {
            if !log.window.contains(time) {
                refusal = SctError::Window {
                    log: log.base_url.clone(),
                    window: log.window,
                    time,
                };
                continue;
            }
            let scheme = self.scheme()?;
            let message = self.message(entry)?;
            if algorithm::verify(&log.key, scheme, &message, &self.signature).is_ok() {
                return Ok(LoggedCertificate {
                    log: id,
                    base_url: log.base_url.clone(),
                    time,
                });
            }
            refusal = SctError::Signature {
                log: log.base_url.clone(),
            };
        }
        Err(refusal)
    }

    /// The scheme by its two numbers of TLS 1.2 (RFC 5246, section 7.4.1.4.1; RFC 8422, section 5.1.3).
    fn scheme(&self) -> Result<Scheme, SctError> {
        let hash = match self.algorithm.0 {
            4 => Some(Hash::Sha256),
            5 => Some(Hash::Sha384),
            6 => Some(Hash::Sha512),
            _ => None,
        };
        match (self.algorithm, hash) {
            ((8, 7), _) => Ok(Scheme::Ed25519),
            ((_, 1), Some(hash)) => Ok(Scheme::RsaPkcs1(hash)),
            ((_, 3), Some(hash)) => Ok(Scheme::Ecdsa(hash)),
            _ => Err(SctError::Unreadable {
                detail: "its signature algorithm is not supported",
            }),
        }
    }

    fn message(&self, entry: &[u8]) -> Result<Vec<u8>, SctError> {
        let length = u16::try_from(self.extensions.len()).map_err(|_| TRUNCATED)?;
        let mut message = vec![V1, CERTIFICATE_TIMESTAMP];
        message.extend_from_slice(&self.milliseconds.to_be_bytes());
        message.extend_from_slice(entry);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(&self.extensions);
        Ok(message)
    }
}

/// Bytes after their length in three bytes.
fn u24(bytes: &[u8]) -> Result<Vec<u8>, SctError> {
    let length = u32::try_from(bytes.len()).map_err(|_| TRUNCATED)?.to_be_bytes();
    if length[0] != 0 {
        return Err(TRUNCATED);
    }
    Ok([&length[1..], bytes].concat())
}

/// Bytes that are read from the front, in the encoding of TLS (RFC 5246, section 4).
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// What is after a length of two bytes.
    fn with_length(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(usize::from(length))
    }
}

/// Why no signed certificate timestamp counts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SctError {
    /// There is none.
    #[error("there is no signed certificate timestamp, embedded or detached")]
    Missing,
    /// It cannot be read.
    #[error("a signed certificate timestamp cannot be read: {detail}")]
    Unreadable {
        /// What is wrong with it.
        detail: &'static str,
    },
    /// There are more than are looked at.
    #[error("there are more than {limit} signed certificate timestamps")]
    TooMany {
        /// The most.
        limit: usize,
    },
    /// It is by a log that the trust root does not know.
    #[error("a signed certificate timestamp is by log {log}, which the trust root does not know")]
    UnknownLog {
        /// The log.
        log: LogId,
    },
    /// The log was not believed at its time.
    #[error("the trust root believes log `{log}` from {window}, and it has signed at {time}")]
    Window {
        /// Where the log is.
        log: String,
        /// When it is believed.
        window: Window,
        /// The time of the signed certificate timestamp.
        time: Timestamp,
    },
    /// It is not signed by the log, or not over this certificate by this issuer.
    #[error("a signed certificate timestamp is not by log `{log}` over this certificate")]
    Signature {
        /// Where the log is.
        log: String,
    },
}
