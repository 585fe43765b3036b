//! Entries of real transparency logs: each is about its own signature, and about no other.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::log::{LogStep, Logged, Signed, Signer, Submission};
use countersign_evidence::{Entry, Envelope, Log, LogError, LogId, LogRule, PublicKey, Window, verify_entry};
use serde_json::Value;

use crate::corpus;

/// What is submitted to a log, with everything that it borrows.
struct Material {
    message: Option<Vec<u8>>,
    envelope: Option<(Envelope, Option<Vec<u8>>)>,
    signature: Vec<u8>,
    signer: By,
}

enum By {
    Certificate(Vec<u8>),
    Key(Box<PublicKey>),
}

impl Material {
    fn submission(&self) -> Submission<'_> {
        let signed = match (&self.message, &self.envelope) {
            (Some(message), _) => Signed::Message(message),
            (None, Some((envelope, raw))) => Signed::Envelope {
                envelope,
                raw: raw.as_deref(),
            },
            (None, None) => panic!("nothing was signed"),
        };
        let signer = match &self.signer {
            By::Certificate(der) => Signer::Certificate(der),
            By::Key(key) => Signer::Key(key),
        };
        Submission {
            signed,
            signature: &self.signature,
            signer,
        }
    }
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn time(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str().map(|text| text.parse().unwrap())
}

/// The logs of a `trusted_root.json`.
fn logs(path: &Path) -> Vec<Log> {
    let root: Value = serde_json::from_slice(&corpus::read(path)).unwrap();
    let logs = root["tlogs"].as_array().unwrap().iter();
    logs.map(|log| Log {
        id: LogId::new(decoded(&log["logId"]["keyId"])),
        key: PublicKey::from_spki_der(&decoded(&log["publicKey"]["rawBytes"])).unwrap(),
        window: Window {
            start: time(&log["publicKey"]["validFor"]["start"]),
            end: time(&log["publicKey"]["validFor"]["end"]),
        },
        base_url: log["baseUrl"].as_str().unwrap().to_owned(),
        operator: None,
    })
    .collect()
}

/// What a bundle signs, its entries, and what its version demands of them.
fn open(bundle: &Value, artifact: &[u8], key: Option<PublicKey>) -> (Material, Vec<Vec<u8>>, LogRule) {
    let material = &bundle["verificationMaterial"];
    let certificate = [
        &material["certificate"]["rawBytes"],
        &material["x509CertificateChain"]["certificates"][0]["rawBytes"],
    ]
    .into_iter()
    .find(|value| value.is_string());
    let signer = match (certificate, key) {
        (Some(certificate), _) => By::Certificate(decoded(certificate)),
        (None, Some(key)) => By::Key(Box::new(key)),
        (None, None) => By::Certificate(Vec::new()),
    };
    let dsse = &bundle["dsseEnvelope"];
    let (message, envelope, signature) = if dsse.is_object() {
        let envelope = Envelope::parse(dsse.to_string().as_bytes()).unwrap();
        (None, Some((envelope, None)), &dsse["signatures"][0]["sig"])
    } else {
        (Some(artifact.to_vec()), None, &bundle["messageSignature"]["signature"])
    };
    let material_of = Material {
        message,
        envelope,
        signature: STANDARD.decode(signature.as_str().unwrap()).unwrap_or_default(),
        signer,
    };
    let entries = material["tlogEntries"].as_array().unwrap().iter();
    let entries = entries.map(|entry| entry.to_string().into_bytes()).collect();
    let rule = if bundle["mediaType"].as_str().unwrap().ends_with("0.1") {
        LogRule::PROMISE
    } else {
        LogRule::PROOF
    };
    (material_of, entries, rule)
}

fn verify(entry: &[u8], material: &Material, logs: &[Log], rule: &LogRule) -> Result<Logged, LogError> {
    verify_entry(&Entry::of_bundle(entry)?, &material.submission(), logs, rule)
}

/// The cases of the conformance suite whose log entry is to blame, with the step that has to find it. In all others, also
/// where something else is wrong, the entry proves what it says.
const BLAMED: &[(&str, LogStep)] = &[
    ("bundle-empty-certificate-chain_fail", LogStep::Checkpoint),
    ("bundle-from-wrong-instance_fail", LogStep::Log),
    ("bundle-invalid-base64-signature_fail", LogStep::Body),
    ("bundle-negative-log-index_fail", LogStep::Entry),
    ("bundle-unknown-version_fail", LogStep::Body),
    ("bundle-with-root-cert_fail", LogStep::Checkpoint),
    ("checkpoint-bad-keyhint_fail", LogStep::Checkpoint),
    ("checkpoint-wrong-roothash_fail", LogStep::Checkpoint),
    ("dsse-invalid-sig_fail", LogStep::Body),
    ("dsse-mismatch-envelope_fail", LogStep::Body),
    ("dsse-mismatch-sig_fail", LogStep::Body),
    ("inclusion-proof-corrupted-hash_fail", LogStep::Proof),
    ("incorrect-public-key_fail", LogStep::Body),
    ("intoto-log-entry-mismatch_fail", LogStep::Body),
    ("intoto-missing-inclusion-proof_fail", LogStep::Proof),
    ("invalid-checkpoint-signature_fail", LogStep::Checkpoint),
    ("invalid-inclusion-proof_fail", LogStep::Checkpoint),
    ("managed-key-no-key_fail", LogStep::Body),
    ("managed-key-wrong-key_fail", LogStep::Body),
    ("rekor2-checkpoint-missing-log-signature_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-missing-origin_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-missing-root-hash_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-missing-size_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-no-matching-signature_fail", LogStep::Checkpoint),
    ("rekor2-dsse-invalid-sig_fail", LogStep::Body),
    ("rekor2-dsse-mismatch-envelope_fail", LogStep::Body),
    ("rekor2-dsse-mismatch-sig_fail", LogStep::Body),
    ("rekor2-no-inclusion-proof_fail", LogStep::Proof),
    ("set-invalid-signature_fail", LogStep::Promise),
    ("signature-mismatch_fail", LogStep::Body),
    ("wrong-hashedrekord-artifact_fail", LogStep::Body),
    ("wrong-hashedrekord-cert-and-sig_fail", LogStep::Body),
    ("wrong-hashedrekord-entry_fail", LogStep::Body),
    ("wrong-material_fail", LogStep::Body),
];

/// Every case of the conformance suite that is JSON, with its logs, opened.
fn conformance(root: &Path) -> Vec<(String, Material, Vec<Vec<u8>>, LogRule, Vec<Log>)> {
    let suite = root.join("sigstore-conformance/bundle-verify");
    let cases = corpus::list(&suite).into_iter().filter(|path| path.is_dir());
    let opened = cases.filter_map(|case| {
        let file = |name: &str| Some(case.join(name)).filter(|path| path.is_file());
        let bundle: Value = serde_json::from_slice(&corpus::read(&case.join("bundle.sigstore.json"))).ok()?;
        let artifact = corpus::read(&file("artifact").unwrap_or_else(|| suite.join("a.txt")));
        let key = file("key.pub").and_then(|path| PublicKey::from_pem(&corpus::text(&path)).ok());
        let logs =
            logs(&file("trusted_root.json").unwrap_or_else(|| root.join("trusted-roots/prod-root-signing-2026.json")));
        let (material, entries, rule) = open(&bundle, &artifact, key);
        Some((corpus::name(&case).to_owned(), material, entries, rule, logs))
    });
    opened.collect()
}

#[test]
fn each_conformance_entry_is_believed_or_refused_at_the_step_that_is_broken() {
    let Some(root) = corpus::root() else { return };
    let mut wrong = Vec::new();
    let cases = conformance(&root);
    for (name, material, entries, rule, logs) in &cases {
        let expected = BLAMED.iter().find(|(blamed, _)| blamed == name).map(|(_, step)| *step);
        for entry in entries {
            let verified = verify(entry, material, logs, rule);
            if verified.as_ref().err().map(LogError::step) != expected {
                wrong.push(format!("{name}: {verified:?}, expected {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases.len(), 69);
}
