//! The bundle as written: protobuf's JSON, which allows two spellings of a field's name and of a number.

use countersign_image::json;
use countersign_image::text::excerpt;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::BundleError;
use super::{MAX_CERTIFICATES, MAX_LOG_ENTRIES, MAX_TIMESTAMPS, MessageSignature, Signer};
use crate::capped::{Capped, capped};
use crate::encoding;
use crate::envelope::wire::Envelope;
use crate::key::Hash;
use crate::log::EntryAsWritten;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    #[serde(alias = "media_type")]
    pub(super) media_type: String,
    #[serde(alias = "verification_material")]
    pub(super) verification_material: Option<VerificationMaterial>,
    #[serde(alias = "message_signature")]
    pub(super) message_signature: Option<Message>,
    #[serde(alias = "dsse_envelope")]
    pub(super) dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    #[serde(alias = "message_digest")]
    message_digest: Option<HashOutput>,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashOutput {
    #[serde(default)]
    algorithm: Option<Enum>,
    #[serde(default)]
    digest: Option<String>,
}

/// A value of an enumeration, by name or by number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Enum {
    Name(String),
    Number(i64),
}

impl Message {
    pub(super) fn read(self) -> Result<MessageSignature, BundleError> {
        let signature = decode("messageSignature.signature", &self.signature)?;
        let claimed = self.message_digest.map(HashOutput::read).transpose()?.flatten();
        Ok(MessageSignature { signature, claimed })
    }
}

impl HashOutput {
    /// The hash function and the hash; `None` if neither is written, since a bundle need not repeat it.
    fn read(self) -> Result<Option<(Hash, Vec<u8>)>, BundleError> {
        let name = match self.algorithm {
            None if self.digest.is_none() => return Ok(None),
            None => "HASH_ALGORITHM_UNSPECIFIED".to_owned(),
            Some(Enum::Name(name)) => name,
            Some(Enum::Number(number)) => number.to_string(),
        };
        let hash = match name.as_str() {
            "SHA2_256" | "1" => Hash::Sha256,
            "SHA2_384" | "2" => Hash::Sha384,
            "SHA2_512" | "3" => Hash::Sha512,
            _ => {
                return Err(BundleError::UnknownHash {
                    found: excerpt(&name, 40),
                });
            }
        };
        let digest = decode(
            "messageSignature.messageDigest.digest",
            &self.digest.unwrap_or_default(),
        )?;
        Ok(Some((hash, digest)))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerificationMaterial {
    #[serde(alias = "public_key")]
    public_key: Option<PublicKeyIdentifier>,
    #[serde(alias = "x509_certificate_chain")]
    x509_certificate_chain: Option<CertificateChain>,
    certificate: Option<Certificate>,
    #[serde(
        default,
        alias = "tlog_entries",
        deserialize_with = "capped::<_, _, MAX_LOG_ENTRIES>"
    )]
    tlog_entries: Capped<Box<RawValue>>,
    #[serde(alias = "timestamp_verification_data")]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyIdentifier {
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateChain {
    #[serde(default, deserialize_with = "capped::<_, _, MAX_CERTIFICATES>")]
    certificates: Capped<Certificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    #[serde(alias = "raw_bytes")]
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(
        default,
        alias = "rfc3161_timestamps",
        deserialize_with = "capped::<_, _, MAX_TIMESTAMPS>"
    )]
    rfc3161_timestamps: Capped<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamp {
    #[serde(alias = "signed_timestamp")]
    signed_timestamp: String,
}

impl VerificationMaterial {
    pub(super) fn signer(self) -> Result<Signer, BundleError> {
        let certificates = match (self.public_key, self.certificate, self.x509_certificate_chain) {
            (Some(key), None, None) => {
                return Ok(Signer::Key {
                    hint: key.hint.filter(|hint| !hint.is_empty()),
                });
            }
            (None, Some(certificate), None) => {
                return Ok(Signer::Certificate([decode("rawBytes", &certificate.raw_bytes)?]));
            }
            (None, None, Some(chain)) => chain.certificates,
            (None, None, None) => return Err(BundleError::NoSigner),
            _ => return Err(BundleError::TwoSigners),
        };
        let certificates = cap("x509CertificateChain.certificates", certificates, MAX_CERTIFICATES)?;
        if certificates.is_empty() {
            return Err(BundleError::NoCertificate);
        }
        let decoded = certificates
            .iter()
            .map(|certificate| decode("rawBytes", &certificate.raw_bytes));
        Ok(Signer::Chain(decoded.collect::<Result<_, _>>()?))
    }

    pub(super) fn log_entries(&mut self) -> Result<Vec<Box<RawValue>>, BundleError> {
        let entries = cap("tlogEntries", std::mem::take(&mut self.tlog_entries), MAX_LOG_ENTRIES)?;
        for entry in &entries {
            // What is not written as an entry at all makes no bundle; the rest is for whoever checks the log.
            let _: EntryAsWritten = json::strict(entry.get().as_bytes()).map_err(BundleError::LogEntry)?;
        }
        Ok(entries)
    }

    pub(super) fn timestamps(&mut self) -> Result<Vec<Vec<u8>>, BundleError> {
        let Some(data) = self.timestamp_verification_data.take() else {
            return Ok(Vec::new());
        };
        let stamps = cap("rfc3161Timestamps", data.rfc3161_timestamps, MAX_TIMESTAMPS)?;
        stamps
            .iter()
            .map(|stamp| decode("signedTimestamp", &stamp.signed_timestamp))
            .collect()
    }
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, BundleError> {
    encoding::decode(text).map_err(|source| BundleError::Base64 { field, source })
}

fn cap<T>(list: &'static str, read: Capped<T>, limit: usize) -> Result<Vec<T>, BundleError> {
    let found = read.found;
    if found > limit {
        Err(BundleError::TooMany { list, limit, found })
    } else {
        Ok(read.kept)
    }
}
