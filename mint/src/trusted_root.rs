//! `trusted_root.json`, written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::key::{Key, Kind};

/// A trust root, as the document that says it. Its value may be changed to anything.
#[derive(Clone, Debug)]
pub struct TrustedRoot(pub Value);

impl TrustedRoot {
    /// One that believes nobody.
    #[expect(
        clippy::new_without_default,
        reason = "nobody's trust root is empty unless somebody says so"
    )]
    pub fn new() -> Self {
        Self(json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [],
            "certificateAuthorities": [],
            "ctlogs": [],
            "timestampAuthorities": [],
        }))
    }

    /// Believes an authority.
    pub fn authority(&mut self, uri: &str, chain: &[Vec<u8>], start: Timestamp, end: Option<Timestamp>) {
        self.push("certificateAuthorities", authority(uri, chain, start, end));
    }

    /// Believes a time authority.
    pub fn time_authority(&mut self, uri: &str, chain: &[Vec<u8>], start: Timestamp, end: Option<Timestamp>) {
        self.push("timestampAuthorities", authority(uri, chain, start, end));
    }

    /// Believes a certificate transparency log.
    pub fn ct_log(&mut self, base_url: &str, key: &Key, start: Timestamp, end: Option<Timestamp>) {
        self.push("ctlogs", log(base_url, key, &key.id(), start, end));
    }

    /// Believes a transparency log, by an identity.
    pub fn log(&mut self, base_url: &str, key: &Key, id: &[u8], start: Timestamp, end: Option<Timestamp>) {
        self.push("tlogs", log(base_url, key, id, start, end));
    }

    fn push(&mut self, list: &str, entry: Value) {
        self.0[list].as_array_mut().unwrap().push(entry);
    }

    /// The document.
    pub fn to_json(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }
}

fn window(start: Timestamp, end: Option<Timestamp>) -> Value {
    match end {
        None => json!({ "start": start.to_string() }),
        Some(end) => json!({ "start": start.to_string(), "end": end.to_string() }),
    }
}

fn authority(uri: &str, chain: &[Vec<u8>], start: Timestamp, end: Option<Timestamp>) -> Value {
    let certificates = chain.iter().map(|der| json!({ "rawBytes": STANDARD.encode(der) }));
    json!({
        "subject": { "organization": "mint.example", "commonName": "mint" },
        "uri": uri,
        "certChain": { "certificates": certificates.collect::<Vec<_>>() },
        "validFor": window(start, end),
    })
}

fn log(base_url: &str, key: &Key, id: &[u8], start: Timestamp, end: Option<Timestamp>) -> Value {
    let details = match key.kind() {
        Kind::P256 => "PKIX_ECDSA_P256_SHA_256",
        Kind::P384 => "PKIX_ECDSA_P384_SHA_384",
        Kind::P521 => "PKIX_ECDSA_P521_SHA_512",
        Kind::Ed25519 | Kind::Fixed(_) => "PKIX_ED25519",
        Kind::Rsa => "PKIX_RSA_PKCS1V15_2048_SHA256",
    };
    json!({
        "baseUrl": base_url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(key.spki()),
            "keyDetails": details,
            "validFor": window(start, end),
        },
        "logId": { "keyId": STANDARD.encode(id) },
    })
}
