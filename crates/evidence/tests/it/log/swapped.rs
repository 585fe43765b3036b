//! Parts of real records put together anew: none of it is ever believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::log::LogStep;
use countersign_evidence::{Entry, verify_entry};
use serde_json::{Value, json};

use super::{Record, Written, every_log, recorded, submission};
use crate::corpus;

/// Every record that has an entry, each with one.
fn records() -> Option<(Vec<Record>, Vec<countersign_evidence::Log>)> {
    let root = corpus::root()?;
    let files = corpus::list(&root.join("chainguard-images"));
    let images = files
        .iter()
        .filter(|path| corpus::name(path) != "payload-mismatch.jsonl");
    let mut records: Vec<_> = images.flat_map(|path| recorded::images(path)).collect();
    records.extend(recorded::bundles(&root).into_iter().map(|(record, _)| record));
    records.extend(recorded::attestations(&root).into_iter().map(|(record, _)| record));
    Some((records, every_log(&root)))
}

/// CVE-2022-23649, CVE-2026-22703: any valid entry is not this signature's entry.
#[test]
fn the_entry_of_one_record_is_never_about_the_signature_of_another() {
    let Some((records, logs)) = records() else { return };
    let entries: Vec<Entry> = records
        .iter()
        .map(|record| record.entries[0].parse().unwrap())
        .collect();
    for (i, entry) in entries.iter().enumerate() {
        for (j, other) in records.iter().enumerate() {
            let verified = verify_entry(entry, &other.submission(), &logs, &records[i].rule);
            let same = other.signature == records[i].signature;
            assert_eq!(verified.is_ok(), same, "entry of {i}, signature of {j}: {verified:?}");
            assert!(same || verified.is_err_and(|error| error.step() == LogStep::Body));
        }
    }
}

#[test]
fn one_part_of_another_record_is_enough_to_refuse() {
    let Some((records, logs)) = records() else { return };
    let next = records.iter().cycle().skip(1);
    for (record, other) in records.iter().zip(next) {
        let entry = record.entries[0].parse().unwrap();
        for submission in [
            submission(&other.signed, &record.signature, &record.signer),
            submission(&record.signed, &other.signature, &record.signer),
            submission(&record.signed, &record.signature, &other.signer),
        ] {
            let refused = verify_entry(&entry, &submission, &logs, &record.rule).unwrap_err();
            assert_eq!(
                refused.step(),
                LogStep::Body,
                "{} with a part of {}",
                record.name,
                other.name
            );
        }
    }
}

/// What a promise is over, each changed alone, and a promise for another entry.
#[test]
fn a_promise_is_over_body_time_log_and_index_as_they_are() {
    let Some((records, logs)) = records() else { return };
    let next = records.iter().cycle().skip(1);
    let mut judged = 0;
    for (record, other) in records.iter().zip(next) {
        let (Written::OfAnnotation(entry), Written::OfAnnotation(other)) = (&record.entries[0], &other.entries[0])
        else {
            continue;
        };
        let number = |name: &str, more: i64| json!(entry["Payload"][name].as_i64().unwrap() + more);
        let spaced = [super::decoded(&entry["Payload"]["body"]), b" ".to_vec()].concat();
        for (pointer, value, step) in [
            (
                "/SignedEntryTimestamp",
                other["SignedEntryTimestamp"].clone(),
                LogStep::Promise,
            ),
            ("/Payload/integratedTime", number("integratedTime", 1), LogStep::Promise),
            (
                "/Payload/integratedTime",
                number("integratedTime", -1),
                LogStep::Promise,
            ),
            ("/Payload/logIndex", number("logIndex", 1), LogStep::Promise),
            ("/Payload/body", json!(STANDARD.encode(spaced)), LogStep::Promise),
            ("/Payload/body", other["Payload"]["body"].clone(), LogStep::Body),
            ("/Payload/logIndex", json!(-1), LogStep::Entry),
            ("/Payload/logID", json!("00".repeat(32)), LogStep::Log),
        ] {
            let mut mutant: Value = entry.clone();
            *mutant.pointer_mut(pointer).unwrap() = value;
            let refused = record.verify(&Written::OfAnnotation(mutant), &logs).unwrap_err();
            assert_eq!(refused.step(), step, "{}: {pointer}", record.name);
            judged += 1;
        }
    }
    assert!(judged > 2_000, "{judged}");
}

/// Every byte of a proof counts: one bit of any of its parts, and it is none.
#[test]
fn a_proof_with_one_bit_changed_is_refused() {
    let Some(root) = corpus::root() else { return };
    let logs = every_log(&root);
    for (record, _) in recorded::bundles(&root) {
        let Written::OfBundle(entry) = &record.entries[0] else {
            continue;
        };
        if !entry["inclusionProof"].is_object() {
            continue;
        }
        let hashes = entry["inclusionProof"]["hashes"].as_array().unwrap().len();
        let hashes = (0..hashes).map(|at| format!("/inclusionProof/hashes/{at}"));
        for pointer in hashes.chain(["/inclusionProof/rootHash".to_owned()]) {
            for at in [0, 17, 31] {
                let mut mutant = entry.clone();
                let mut bytes = super::decoded(mutant.pointer(&pointer).unwrap());
                bytes[at] ^= 1;
                *mutant.pointer_mut(&pointer).unwrap() = json!(STANDARD.encode(bytes));
                let refused = record.verify(&Written::OfBundle(mutant), &logs).unwrap_err();
                let expected = if pointer.ends_with("rootHash") {
                    LogStep::Checkpoint
                } else {
                    LogStep::Proof
                };
                assert_eq!(refused.step(), expected, "{}: {pointer}", record.name);
            }
        }
    }
}
