//! A transparency log of the first kind (Rekor v1): what it writes down of a signature, and its promise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::key::{Hash, Key, Kind};

/// A log, which promises whatever it is told to.
pub struct Rekor {
    /// Where it is, which is its name.
    pub base_url: String,
    /// The key that it signs with.
    pub key: Key,
}

impl Rekor {
    /// A log with a new key.
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            key: Key::new(Kind::P256),
        }
    }

    /// Its entry for a signature over a message by whom a PEM text names: cosign's annotation `dev.sigstore.cosign/bundle`.
    pub fn message(&self, message: &[u8], signature: &[u8], pem: &str, time: Timestamp, index: u64) -> String {
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": hex(&Hash::Sha256.of(message)) } },
                "signature": {
                    "content": STANDARD.encode(signature),
                    "publicKey": { "content": STANDARD.encode(pem) },
                },
            },
        });
        self.promised(&body, time, index)
    }

    /// Its entry for an envelope with one signature by whom a PEM text names.
    pub fn envelope(
        &self,
        envelope: &[u8],
        payload: &[u8],
        signature: &[u8],
        pem: &str,
        time: Timestamp,
        index: u64,
    ) -> String {
        let sha256 = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": hex(&Hash::Sha256.of(bytes)) });
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": sha256(envelope),
                "payloadHash": sha256(payload),
                "signatures": [{ "signature": STANDARD.encode(signature), "verifier": STANDARD.encode(pem) }],
            },
        });
        self.promised(&body, time, index)
    }

    /// The promise for any body: over the canonical JSON (RFC 8785) of what it is about.
    pub fn promised(&self, body: &Value, time: Timestamp, index: u64) -> String {
        let body = STANDARD.encode(body.to_string());
        let (id, time) = (hex(&self.key.id()), time.as_second());
        let promised = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":{index}}}"#);
        json!({
            "SignedEntryTimestamp": STANDARD.encode(self.key.sign(promised.as_bytes())),
            "Payload": { "body": body, "integratedTime": time, "logIndex": index, "logID": id },
        })
        .to_string()
    }
}

/// A certificate as PEM (RFC 7468).
pub fn pem(der: &[u8]) -> String {
    block("CERTIFICATE", der)
}

/// A SubjectPublicKeyInfo as PEM.
pub fn pem_of_key(spki: &[u8]) -> String {
    block("PUBLIC KEY", spki)
}

fn block(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
