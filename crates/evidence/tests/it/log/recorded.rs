//! Entries that real clients stored with real signatures.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::log::{EntryKind, LogStep};
use countersign_evidence::{Envelope, LogError, LogRule, PublicKey};
use serde_json::Value;

use super::{By, Record, What, Written, certificate, every_log};
use crate::corpus;

/// Signatures with the annotation of cosign 2.
const IMAGES: usize = 266;
/// Signatures whose payload is not the one in their entry.
const MISMATCHED: usize = 2;

/// The signatures of one file, with the certificate that is in the entry's body, as nowhere else is one kept.
pub(super) fn images(path: &Path) -> Vec<Record> {
    let lines = corpus::text(path);
    let records = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(&super::decoded(&line["rekorBundle"]["Payload"]["body"])).unwrap();
        let pem = super::decoded(&body["spec"]["signature"]["publicKey"]["content"]);
        Record {
            name: text(&line["payload"]),
            signed: What::Message(text(&line["payload"]).into_bytes()),
            signature: super::decoded(&line["signature"]),
            signer: By::Certificate(certificate(&String::from_utf8(pem).unwrap())),
            entries: vec![Written::OfAnnotation(line["rekorBundle"].clone())],
            rule: LogRule::PROMISE,
        }
    });
    records.collect()
}

#[test]
fn the_promise_of_every_recorded_image_signature_holds() {
    let Some(root) = corpus::root() else { return };
    let (logs, mut believed, mut refused) = (every_log(&root), 0, 0);
    for path in corpus::list(&root.join("chainguard-images")) {
        for record in images(&path) {
            let verified = record.verify(&record.entries[0], &logs);
            if corpus::name(&path) == "payload-mismatch.jsonl" {
                assert_eq!(
                    verified,
                    Err(LogError::OtherData { what: "message" }),
                    "{}",
                    record.name
                );
                refused += 1;
                continue;
            }
            let logged = verified.unwrap_or_else(|error| panic!("{}: {error}", record.name));
            let promised = &record.entries[0].parse().unwrap();
            assert_eq!(logged.integrated_time(), promised.unverified_integrated_time());
            assert_eq!(
                (logged.index(), logged.included()),
                (promised.unverified_index(), false)
            );
            believed += 1;
        }
    }
    assert_eq!((believed, refused), (IMAGES, MISMATCHED));
}

/// Bundles of several clients, with the kind of their entry.
const BUNDLES: &[(&str, EntryKind)] = &[
    ("oci/cosign-oci-attestation.sigstore.json", EntryKind::DsseV001),
    ("sigstore-go/bundle-provenance.json", EntryKind::IntotoV002),
    ("sigstore-go/bundle-publish.json", EntryKind::IntotoV002),
    ("sigstore-go/dsse.sigstore.json", EntryKind::IntotoV002),
    ("sigstore-go/othername.sigstore.json", EntryKind::HashedRekordV001),
    (
        "sigstore-go/sigstore.js@2.0.0-provenance.sigstore.json",
        EntryKind::IntotoV002,
    ),
    (
        "sigstore-rust/bundles/conda-attestation-rekor2.sigstore.json",
        EntryKind::HashedRekordV002,
    ),
    (
        "sigstore-rust/bundles/conda-attestation.sigstore.json",
        EntryKind::DsseV001,
    ),
    (
        "sigstore-rust/bundles/cosign-v3-blob.sigstore.json",
        EntryKind::HashedRekordV001,
    ),
    (
        "sigstore-rust/managed-key/bundle.sigstore.json",
        EntryKind::HashedRekordV001,
    ),
    (
        "sigstore-rust/sct-multi-intermediate/staging_bundle.sigstore.json",
        EntryKind::HashedRekordV002,
    ),
    (
        "sigstore-rust/timestamps/valid_bundle.json",
        EntryKind::HashedRekordV002,
    ),
];

pub(super) fn bundles(root: &Path) -> Vec<(Record, EntryKind)> {
    let folder = root.join("bundles");
    let read = |path: &str| PublicKey::from_pem(&corpus::text(&folder.join(path))).unwrap();
    let records = BUNDLES.iter().map(|(path, kind)| {
        let bundle = serde_json::from_slice(&corpus::read(&folder.join(path))).unwrap();
        let key = match *path {
            "sigstore-go/bundle-publish.json" => Some(read("sigstore-go/publish_key.pub")),
            "sigstore-rust/managed-key/bundle.sigstore.json" => Some(read("sigstore-rust/managed-key/key.pub")),
            _ => None,
        };
        (Record::of_bundle(path, &bundle, None, key), *kind)
    });
    records.collect()
}

#[test]
fn the_entries_of_every_clients_bundles_hold() {
    let Some(root) = corpus::root() else { return };
    let logs = every_log(&root);
    for (record, kind) in bundles(&root) {
        assert!(!record.entries.is_empty(), "{}", record.name);
        for entry in &record.entries {
            let logged = record.verify(entry, &logs);
            let logged = logged.unwrap_or_else(|error| panic!("{}: {error:?}", record.name));
            assert_eq!(logged.kind(), kind, "{}", record.name);
            // A Rekor v2 has no time, whatever an entry of it says.
            let is_v2 = kind == EntryKind::HashedRekordV002;
            assert_eq!(logged.integrated_time().is_none(), is_v2, "{}", record.name);
            assert_eq!(logged.promised(), !is_v2, "{}", record.name);
        }
    }
}

#[test]
fn an_entry_is_about_one_signature_of_an_envelope_and_not_about_the_one_beside_it() {
    let Some(root) = corpus::root() else { return };
    let logs = every_log(&root);
    let bundle: Value = serde_json::from_slice(&corpus::read(
        &root.join("bundles/sigstore-go/dsse-2sigs.sigstore.json"),
    ))
    .unwrap();
    let mut record = Record::of_bundle("two signatures", &bundle, None, None);
    assert!(record.verify(&record.entries[0], &logs).is_ok());
    record.signature = super::decoded(&bundle["dsseEnvelope"]["signatures"][1]["sig"]);
    assert_eq!(record.verify(&record.entries[0], &logs), Err(LogError::OtherSignature));
}

/// Attestations with the annotation of cosign 2: the holder's manifest, and the kind of the entry.
const ATTESTATIONS: &[(&str, &str, EntryKind)] = &[
    (
        "v1.4.0",
        "738d456c898daf28d211c2e0b8ecf5dc67b9a1d631c99ef2c4b4669bcb7a0354",
        EntryKind::IntotoV001,
    ),
    (
        "v1.10.0",
        "31cc4fb663c8d34e2e6a0bd5f183d576c2811ee286e0998b4c2965e3b35a0d86",
        EntryKind::DsseV001,
    ),
];

pub(super) fn attestations(root: &Path) -> Vec<(Record, EntryKind)> {
    let records = ATTESTATIONS.iter().map(|(version, manifest, kind)| {
        let blobs = root.join(format!(
            "slsa-verifier/gha_generic_container/{version}/container_workflow_dispatch/blobs/sha256"
        ));
        let manifest: Value = serde_json::from_slice(&corpus::read(&blobs.join(manifest))).unwrap();
        let layer = &manifest["layers"][0];
        let (_, digest) = layer["digest"].as_str().unwrap().split_once(':').unwrap();
        let raw = corpus::read(&blobs.join(digest));
        let envelope: Value = serde_json::from_slice(&raw).unwrap();
        let annotation = |name: &str| layer["annotations"][name].as_str().unwrap();
        let record = Record {
            name: (*version).to_owned(),
            signature: STANDARD
                .decode(envelope["signatures"][0]["sig"].as_str().unwrap())
                .unwrap(),
            signed: What::Envelope(Envelope::parse(&raw).unwrap(), Some(raw)),
            signer: By::Certificate(certificate(annotation("dev.sigstore.cosign/certificate"))),
            entries: vec![Written::OfAnnotation(
                serde_json::from_str(annotation("dev.sigstore.cosign/bundle")).unwrap(),
            )],
            rule: LogRule::PROMISE,
        };
        (record, *kind)
    });
    records.collect()
}

#[test]
fn the_promise_of_every_recorded_attestation_holds_and_the_oldest_kind_needs_the_bytes_that_were_stored() {
    let Some(root) = corpus::root() else { return };
    let logs = every_log(&root);
    for (mut record, kind) in attestations(&root) {
        let entry = record.entries[0].clone();
        let logged = record.verify(&entry, &logs);
        assert_eq!(logged.map(|logged| logged.kind()), Ok(kind), "{}", record.name);
        let What::Envelope(envelope, Some(raw)) = &record.signed else {
            panic!("an envelope of its own")
        };
        let (envelope, spaced) = (envelope.clone(), [raw.as_slice(), b" "].concat());
        let by_bytes = kind == EntryKind::IntotoV001;
        for (raw, error) in [
            (None, LogError::NoRawEnvelope),
            (Some(spaced), LogError::OtherData { what: "envelope" }),
        ] {
            record.signed = What::Envelope(envelope.clone(), raw);
            assert_eq!(
                record.verify(&entry, &logs).err(),
                by_bytes.then_some(error),
                "{}",
                record.name
            );
        }
    }
}

#[test]
fn a_log_that_is_not_known_is_not_believed() {
    let Some(root) = corpus::root() else { return };
    for (record, _) in bundles(&root) {
        let of_others = every_log(&root).into_iter().filter(|log| {
            let entry = record.entries[0].parse().unwrap();
            log.id != *entry.unverified_log_id()
        });
        let of_others: Vec<_> = of_others.collect();
        let refused = record.verify(&record.entries[0], &of_others).unwrap_err();
        assert_eq!(refused.step(), LogStep::Log, "{}", record.name);
    }
}
