//! Certificate transparency logs (RFC 6962).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::authority::Authority;
use crate::certificate::{Extension, Spec, oid};
use crate::der::octets;
use crate::key::{Hash, Key, Kind};

/// A log that promises to log certificates, and logs none.
pub struct CtLog {
    /// Where it is.
    pub base_url: String,
    /// Its key.
    pub key: Key,
    /// From when it is believed.
    pub from: Timestamp,
    /// The extensions of its promises, as logs of tiles have them.
    pub extensions: Vec<u8>,
}

impl CtLog {
    /// A new log.
    pub fn new(base_url: &str, kind: Kind, from: Timestamp) -> Self {
        Self {
            base_url: base_url.to_owned(),
            key: Key::new(kind),
            from,
            extensions: Vec::new(),
        }
    }

    /// A promise to log a certificate that an authority will issue.
    pub fn promise(&self, spec: &Spec, issuer: &Authority, time: Timestamp) -> Vec<u8> {
        let tbs = spec.to_be_signed(&issuer.key);
        let issuer = Hash::Sha256.of(&issuer.key.spki());
        self.signed(&[&[0, 1][..], &issuer, &u24(&tbs)].concat(), time)
    }

    /// A promise to log a certificate that was issued.
    pub fn promise_of_issued(&self, certificate: &[u8], time: Timestamp) -> Vec<u8> {
        self.signed(&[&[0, 0][..], &u24(certificate)].concat(), time)
    }

    /// The same as the log answers it, in JSON.
    pub fn answer(&self, certificate: &[u8], time: Timestamp) -> String {
        let sct = self.promise_of_issued(certificate, time);
        let signature = &sct[43 + self.extensions.len()..];
        serde_json::json!({
            "sct_version": 0,
            "id": STANDARD.encode(self.key.id()),
            "timestamp": time.as_millisecond(),
            "extensions": STANDARD.encode(&self.extensions),
            "signature": STANDARD.encode(signature),
        })
        .to_string()
    }

    fn signed(&self, entry: &[u8], time: Timestamp) -> Vec<u8> {
        let milliseconds = u64::try_from(time.as_millisecond()).unwrap().to_be_bytes();
        let extensions = u16_bytes(&self.extensions);
        let signature = self
            .key
            .sign(&[&[0, 0][..], &milliseconds, entry, &extensions].concat());
        let algorithm = match self.key.kind() {
            Kind::P256 => [4, 3],
            Kind::P384 => [5, 3],
            Kind::P521 => [6, 3],
            Kind::Ed25519 | Kind::Fixed(_) => [8, 7],
            Kind::Rsa => [4, 1],
        };
        [
            &[0][..],
            &self.key.id(),
            &milliseconds,
            &extensions,
            &algorithm,
            &u16_bytes(&signature),
        ]
        .concat()
    }

    /// The extension that holds promises.
    pub fn list(scts: &[Vec<u8>]) -> Extension {
        let each: Vec<u8> = scts.iter().flat_map(|sct| u16_bytes(sct)).collect();
        Extension::new(oid::SCT_LIST, octets(&u16_bytes(&each)))
    }
}

fn u16_bytes(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn u24(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat()
}
