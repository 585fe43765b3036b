//! Entries of real transparency logs: each is about its own signature, and about no other.

mod conformance;
mod recorded;
mod swapped;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::log::{Logged, Signed, Signer, Submission};
use countersign_evidence::{Entry, Envelope, Hash, Log, LogError, LogRule, PublicKey, TrustRoot, verify_entry};
use serde_json::Value;

use crate::corpus;

/// One signature with the entries that came with it.
struct Record {
    name: String,
    signed: What,
    signature: Vec<u8>,
    signer: By,
    entries: Vec<Written>,
    rule: LogRule,
}

#[derive(Clone)]
enum What {
    Message(Vec<u8>),
    Digest(Vec<u8>),
    Envelope(Envelope, Option<Vec<u8>>),
}

#[derive(Clone)]
enum By {
    Certificate(Vec<u8>),
    Key(PublicKey),
}

/// An entry as it came.
#[derive(Clone)]
enum Written {
    OfBundle(Value),
    OfAnnotation(Value),
}

impl Written {
    fn parse(&self) -> Result<Entry, LogError> {
        match self {
            Self::OfBundle(json) => Entry::of_bundle(json.to_string().as_bytes()),
            Self::OfAnnotation(json) => Entry::of_annotation(json.to_string().as_bytes()),
        }
    }
}

fn submission<'a>(what: &'a What, signature: &'a [u8], by: &'a By) -> Submission<'a> {
    let signed = match what {
        What::Message(message) => Signed::Message(message),
        What::Digest(value) => Signed::Digest {
            hash: Hash::Sha256,
            value,
        },
        What::Envelope(envelope, raw) => Signed::Envelope {
            envelope,
            raw: raw.as_deref(),
        },
    };
    let signer = match by {
        By::Certificate(der) => Signer::Certificate(der),
        By::Key(key) => Signer::Key(key),
    };
    Submission {
        signed,
        signature,
        signer,
    }
}

impl Record {
    fn submission(&self) -> Submission<'_> {
        submission(&self.signed, &self.signature, &self.signer)
    }

    fn verify(&self, entry: &Written, logs: &[Log]) -> Result<Logged, LogError> {
        verify_entry(&entry.parse()?, &self.submission(), logs, &self.rule)
    }

    /// A bundle; the message is the artifact if there is one, else what the bundle says that its hash is.
    fn of_bundle(name: &str, bundle: &Value, artifact: Option<Vec<u8>>, key: Option<PublicKey>) -> Self {
        let material = &bundle["verificationMaterial"];
        let certificate = [
            &material["certificate"]["rawBytes"],
            &material["x509CertificateChain"]["certificates"][0]["rawBytes"],
        ];
        let certificate = certificate.into_iter().find(|value| value.is_string());
        let signer = match (certificate, key) {
            (None, Some(key)) => By::Key(key),
            (certificate, _) => By::Certificate(certificate.map(decoded).unwrap_or_default()),
        };
        let (dsse, message) = (&bundle["dsseEnvelope"], &bundle["messageSignature"]);
        let (signed, signature) = match artifact {
            _ if dsse.is_object() => {
                let envelope = Envelope::parse(dsse.to_string().as_bytes()).unwrap();
                (What::Envelope(envelope, None), &dsse["signatures"][0]["sig"])
            }
            Some(artifact) => (What::Message(artifact), &message["signature"]),
            None => (
                What::Digest(decoded(&message["messageDigest"]["digest"])),
                &message["signature"],
            ),
        };
        let entries = material["tlogEntries"].as_array().into_iter().flatten();
        let old = bundle["mediaType"].as_str().unwrap().ends_with("0.1");
        Self {
            name: name.to_owned(),
            signed,
            signature: STANDARD.decode(signature.as_str().unwrap()).unwrap_or_default(),
            signer,
            entries: entries.cloned().map(Written::OfBundle).collect(),
            rule: if old { LogRule::PROMISE } else { LogRule::PROOF },
        }
    }
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// The first certificate of a PEM text, DER.
fn certificate(pem: &str) -> Vec<u8> {
    let block = pem.split("-----").nth(2).unwrap();
    STANDARD
        .decode(block.split_ascii_whitespace().collect::<String>())
        .unwrap()
}

/// The logs of a `trusted_root.json`.
fn logs(path: &Path) -> Vec<Log> {
    TrustRoot::parse(&corpus::read(path)).unwrap().logs().to_vec()
}

/// The logs of the public-good instance, of its staging, and of a private one.
fn every_log(root: &Path) -> Vec<Log> {
    let roots = [
        "trusted-roots/prod-root-signing-2026.json",
        "trusted-roots/staging.json",
        "bundles/sigstore-rust/trusted_roots/scaffolding.json",
    ];
    roots.iter().flat_map(|path| logs(&root.join(path))).collect()
}
