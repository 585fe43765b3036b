//! What stands beside a signature that cosign 2 stores: a log's promise without a tree, and PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::rekor::Rekor;

impl Rekor {
    /// Its promise for a body that it never took in, at any index: cosign's annotation `dev.sigstore.cosign/bundle`.
    pub fn promised(&self, body: &Value, time: Timestamp, index: u64) -> String {
        let body = STANDARD.encode(body.to_string());
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let time = time.as_second();
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
