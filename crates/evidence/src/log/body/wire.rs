//! Bodies as logs write them: the JSON of Rekor v1 (`pkg/types/*/v0.0.*` in `sigstore/rekor`) and protobuf's JSON of
//! Rekor v2 (`rekor/v2` in `sigstore/rekor-tiles`).

use countersign_image::text::excerpt;
use serde::Deserialize;

use super::super::error::LogError;
use super::super::wire::unhex;
use super::{By, Hashed, MAX_SIGNATURES, Verifier, What};
use crate::encoding;
use crate::key::Hash;

type Read = Result<(What, By), LogError>;

/// `hashedrekord` 0.0.1.
#[derive(Deserialize)]
pub(super) struct HashedRekordV001 {
    data: HashedData,
    signature: PemSignature,
}

#[derive(Deserialize)]
struct HashedData {
    hash: HexHash,
}

/// A hash as Rekor v1 writes it.
#[derive(Deserialize)]
struct HexHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PemSignature {
    content: String,
    public_key: PublicKey,
}

#[derive(Deserialize)]
struct PublicKey {
    content: String,
}

impl HashedRekordV001 {
    pub(super) fn read(self) -> Read {
        let signature = decode("spec.signature.content", &self.signature.content)?;
        let verifier = pem("spec.signature.publicKey.content", &self.signature.public_key.content)?;
        let hashed = self.data.hash.read("spec.data.hash")?;
        Ok((What::Message(hashed), By::Signatures(vec![(signature, verifier)])))
    }
}

impl HexHash {
    fn read(self, field: &'static str) -> Result<Hashed, LogError> {
        let hash = match self.algorithm.as_str() {
            "sha256" => Hash::Sha256,
            "sha384" => Hash::Sha384,
            "sha512" => Hash::Sha512,
            other => return Err(unknown(other)),
        };
        let value = unhex(&self.value).ok_or(LogError::BodyNotHex { field })?;
        Ok(Hashed { hash, value })
    }
}

/// `hashedrekord` 0.0.2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HashedRekordV002 {
    #[serde(rename = "hashedRekordV002", alias = "hashed_rekord_v002")]
    entry: HashedRekordEntry,
}

#[derive(Deserialize)]
struct HashedRekordEntry {
    data: HashOutput,
    signature: DerSignature,
}

/// A hash as Rekor v2 writes it.
#[derive(Deserialize)]
struct HashOutput {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct DerSignature {
    content: String,
    verifier: DerVerifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DerVerifier {
    #[serde(alias = "x509_certificate")]
    x509_certificate: Option<Der>,
    #[serde(alias = "public_key")]
    public_key: Option<Der>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Der {
    #[serde(alias = "raw_bytes")]
    raw_bytes: String,
}

impl HashedRekordV002 {
    pub(super) fn read(self) -> Read {
        let hashed = self.entry.data.read("spec.hashedRekordV002.data.digest")?;
        let signature = self.entry.signature.read()?;
        Ok((What::Message(hashed), By::Signatures(vec![signature])))
    }
}

impl HashOutput {
    fn read(self, field: &'static str) -> Result<Hashed, LogError> {
        let hash = match self.algorithm.as_str() {
            "SHA2_256" => Hash::Sha256,
            "SHA2_384" => Hash::Sha384,
            "SHA2_512" => Hash::Sha512,
            other => return Err(unknown(other)),
        };
        let value = decode(field, &self.digest)?;
        Ok(Hashed { hash, value })
    }
}

impl DerSignature {
    fn read(self) -> Result<(Vec<u8>, Verifier), LogError> {
        let signature = decode("signature.content", &self.content)?;
        let verifier = match (self.verifier.x509_certificate, self.verifier.public_key) {
            (Some(certificate), None) => {
                Verifier::Certificate(decode("verifier.x509Certificate.rawBytes", &certificate.raw_bytes)?)
            }
            (None, Some(key)) => Verifier::Key(decode("verifier.publicKey.rawBytes", &key.raw_bytes)?),
            (None, None) | (Some(_), Some(_)) => return Err(LogError::NotOneVerifier),
        };
        Ok((signature, verifier))
    }
}

/// `dsse` 0.0.1. The hash of the envelope that it has besides is over the envelope as it was sent to the log, which
/// nobody keeps.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DsseV001 {
    payload_hash: HexHash,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

impl DsseV001 {
    pub(super) fn read(self) -> Read {
        cap(self.signatures.len())?;
        let hashed = self.payload_hash.read("spec.payloadHash")?;
        let signatures = self.signatures.into_iter().map(|one| {
            let signature = decode("spec.signatures.signature", &one.signature)?;
            Ok((signature, pem("spec.signatures.verifier", &one.verifier)?))
        });
        Ok((
            What::Payload(hashed),
            By::Signatures(signatures.collect::<Result<_, _>>()?),
        ))
    }
}

/// `dsse` 0.0.2.
#[derive(Deserialize)]
pub(super) struct DsseV002 {
    #[serde(rename = "dsseV002", alias = "dsse_v002")]
    entry: DsseEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseEntry {
    #[serde(alias = "payload_hash")]
    payload_hash: HashOutput,
    signatures: Vec<DerSignature>,
}

impl DsseV002 {
    pub(super) fn read(self) -> Read {
        cap(self.entry.signatures.len())?;
        let hashed = self.entry.payload_hash.read("spec.dsseV002.payloadHash.digest")?;
        let signatures = self.entry.signatures.into_iter().map(DerSignature::read);
        Ok((
            What::Payload(hashed),
            By::Signatures(signatures.collect::<Result<_, _>>()?),
        ))
    }
}

/// `intoto` 0.0.1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IntotoV001 {
    content: IntotoContentV001,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContentV001 {
    hash: HexHash,
    payload_hash: Option<HexHash>,
}

impl IntotoV001 {
    pub(super) fn read(self) -> Read {
        let envelope = self.content.hash.read("spec.content.hash")?;
        let payload = self.content.payload_hash;
        let payload = payload.map(|hash| hash.read("spec.content.payloadHash")).transpose()?;
        let verifier = pem("spec.publicKey", &self.public_key)?;
        Ok((What::Envelope(envelope, payload), By::Somebody(verifier)))
    }
}

/// `intoto` 0.0.2. The hash of the envelope is as in `dsse` 0.0.1.
#[derive(Deserialize)]
pub(super) struct IntotoV002 {
    content: IntotoContentV002,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContentV002 {
    envelope: IntotoEnvelope,
    payload_hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoEnvelope {
    payload_type: String,
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature {
    sig: String,
    public_key: String,
}

impl IntotoV002 {
    pub(super) fn read(self) -> Read {
        let envelope = self.content.envelope;
        cap(envelope.signatures.len())?;
        let hashed = self.content.payload_hash.read("spec.content.payloadHash")?;
        let signatures = envelope.signatures.into_iter().map(IntotoSignature::read);
        let signatures = By::Signatures(signatures.collect::<Result<_, _>>()?);
        Ok((What::TypedPayload(hashed, envelope.payload_type), signatures))
    }
}

impl IntotoSignature {
    /// The log wraps what is base64 in the envelope in base64 once more.
    fn read(self) -> Result<(Vec<u8>, Verifier), LogError> {
        const FIELD: &str = "spec.content.envelope.signatures.sig";
        let signature = text(FIELD, &self.sig)?;
        let signature = decode(FIELD, &signature)?;
        Ok((
            signature,
            pem("spec.content.envelope.signatures.publicKey", &self.public_key)?,
        ))
    }
}

/// The first block of a PEM text (RFC 7468) in base64: a certificate or a key in SubjectPublicKeyInfo. A chain begins
/// with the signer's certificate.
fn pem(field: &'static str, wrapped: &str) -> Result<Verifier, LogError> {
    let text = text(field, wrapped)?;
    let block = |label: &str| {
        let body = text
            .trim_start()
            .strip_prefix(&format!("-----BEGIN {label}-----"))?
            .split_once(&format!("-----END {label}-----"))?
            .0;
        let packed: String = body.split_ascii_whitespace().collect();
        encoding::decode(&packed).ok()
    };
    let certificate = block("CERTIFICATE").map(Verifier::Certificate);
    let key = || block("PUBLIC KEY").map(Verifier::Key);
    certificate.or_else(key).ok_or(LogError::NotPem { field })
}

/// A text in base64.
fn text(field: &'static str, wrapped: &str) -> Result<String, LogError> {
    String::from_utf8(decode(field, wrapped)?).map_err(|_| LogError::NotPem { field })
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, LogError> {
    encoding::decode(text).map_err(|source| LogError::BodyBase64 { field, source })
}

fn unknown(algorithm: &str) -> LogError {
    LogError::UnknownHash {
        found: excerpt(algorithm, 40),
    }
}

fn cap(found: usize) -> Result<(), LogError> {
    if found > MAX_SIGNATURES {
        Err(LogError::TooManyRecorded {
            limit: MAX_SIGNATURES,
            found,
        })
    } else {
        Ok(())
    }
}
