//! Entries of transparency logs: one log of ours has taken in one entry, and nothing else that it is turned into is believed.

use std::path::Path;
use std::sync::LazyLock;

use countersign_evidence::log::{Checkpoint, EntryKind, MAX_CHECKPOINT_SIGNATURES};
use countersign_evidence::log::{LogRule, Signed, Signer, Submission};
use countersign_evidence::{Entry, Log, LogError, LogId, PublicKey, Window, verify_entry};
use countersign_mint::rekor::{self, Made, Rekor};
use countersign_mint::{Key, Kind};
use serde_json::Value;

use super::text;
use crate::seeds::Seeds;
use crate::signed::decoded;
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "log_entry",
        run: entry,
        seeds: entries,
        words: ENTRIES,
        mutations: 1_000,
    },
    Target {
        name: "log_annotation",
        run: annotation,
        seeds: annotations,
        words: ANNOTATIONS,
        mutations: 1_000,
    },
    Target {
        name: "checkpoint",
        run: checkpoint,
        seeds: checkpoints,
        words: CHECKPOINTS,
        mutations: 3_000,
    },
];

const ENTRIES: &[&str] = &[
    "\"logIndex\":\"-1\",",
    "\"log_index\":7,",
    "\"integratedTime\":\"0\",",
    "\"integratedTime\":\"9223372036854775807\",",
    "\"inclusionPromise\":{\"signedEntryTimestamp\":\"\"},",
    "\"inclusionPromise\":null,",
    "\"inclusionProof\":null,",
    "\"treeSize\":\"9223372036854775808\",",
    "\"hashes\":[],",
    "\"kindVersion\":{\"kind\":\"dsse\",\"version\":\"0.0.1\"},",
    "hashedrekord",
    "intoto",
    "0.0.2",
    "e30=",
    "\\n\\n\u{2014} ",
];
const ANNOTATIONS: &[&str] = &[
    "\"SignedEntryTimestamp\":\"\",",
    "\"Payload\":{",
    "\"body\":\"e30=\",",
    "\"integratedTime\":1700000001,",
    "\"logIndex\":-1,",
    "\"logID\":\"00\",",
];
const CHECKPOINTS: &[&str] = &[
    "\n\n",
    "\n\u{2014} ",
    "\u{2014}",
    " - 7",
    "0",
    "18446744073709551615",
    "\r\n",
    "=",
    "+",
    "\u{2028}",
];

const MESSAGE: &[u8] = b"what was signed";
const SIGNATURE: &[u8] = b"its signature";
const CERTIFICATE: &[u8] = b"its signer's certificate";
const TIME: u64 = 1_700_000_000;

/// The log, and the one entry of it that is about our signature.
struct Office {
    log: Log,
    body: Vec<u8>,
    /// Its index over all shards; in the tree it is 1, of 2.
    index: u64,
    entry: Value,
    annotation: Value,
}

static OFFICE: LazyLock<Office> = LazyLock::new(|| {
    let mut rekor = Rekor::v1_with("log.example", Key::new(Kind::Fixed(8)));
    let made = Made::Certificate(CERTIFICATE);
    let at = rekor.take_in(1, &rekor::hashedrekord_v001(MESSAGE, SIGNATURE, made));
    let log = Log {
        id: LogId::new(rekor.id()),
        key: PublicKey::from_spki_der(&rekor.key.spki()).unwrap(),
        window: Window::ALWAYS,
        base_url: rekor.base_url(),
        operator: None,
    };
    Office {
        log,
        body: rekor.leaves[at].clone(),
        index: rekor.index(at),
        entry: rekor.entry(at, TIME, &[]),
        annotation: rekor.annotation(at, TIME),
    }
});

/// Entries of bundles, each by itself.
fn entries_of(bytes: &[u8]) -> Option<Value> {
    let bundle: Value = serde_json::from_slice(bytes).ok()?;
    bundle.pointer("/verificationMaterial/tlogEntries/0").cloned()
}

fn entries(seeds: &mut Seeds) {
    seeds.add(OFFICE.entry.to_string());
    for part in ["inclusionPromise", "inclusionProof"] {
        let mut entry = OFFICE.entry.clone();
        entry.as_object_mut().unwrap().remove(part);
        seeds.add(entry.to_string());
    }
    let shape = |_: &Path, bytes: &[u8]| Some(entries_of(bytes)?.to_string().into_bytes());
    seeds.add_corpus(&["bundles", "sigstore-conformance"], shape);
}

/// What is read is what a second reader finds; and what the log has not promised or taken in is not believed.
fn entry(data: &[u8]) {
    let entry = match Entry::of_bundle(data) {
        Ok(entry) => entry,
        Err(error) => return refused(&error),
    };
    let value: Value = serde_json::from_slice(data).unwrap();
    let number = |one: &str, other: &str| number(value.get(one).or_else(|| value.get(other)));
    assert_eq!(entry.unverified_index(), number("logIndex", "log_index"));
    let time = entry.unverified_integrated_time().map_or(0, jiff::Timestamp::as_second);
    assert_eq!(
        time,
        i64::try_from(number("integratedTime", "integrated_time")).unwrap()
    );
    let body = value
        .get("canonicalizedBody")
        .or_else(|| value.get("canonicalized_body"));
    let body = decoded(body.unwrap().as_str().unwrap()).unwrap();
    assert_eq!(kind(&body), entry.unverified_kind().to_string());
    believed(&entry, &body);
}

fn annotations(seeds: &mut Seeds) {
    seeds.add(OFFICE.annotation.to_string());
}

/// The same for the annotation of cosign 2.
fn annotation(data: &[u8]) {
    let entry = match Entry::of_annotation(data) {
        Ok(entry) => entry,
        Err(error) => return refused(&error),
    };
    let value: Value = serde_json::from_slice(data).unwrap();
    let payload = &value["Payload"];
    assert_eq!(entry.unverified_index(), number(payload.get("logIndex")));
    let body = decoded(payload["body"].as_str().unwrap()).unwrap();
    assert_eq!(kind(&body), entry.unverified_kind().to_string());
    believed(&entry, &body);
}

/// What kind a body says that it is, as a lenient reader finds it.
fn kind(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    format!(
        "{} {}",
        body["kind"].as_str().unwrap(),
        body["apiVersion"].as_str().unwrap()
    )
}

/// A number in either spelling, nothing for zero.
fn number(value: Option<&Value>) -> u64 {
    match value {
        None | Some(Value::Null) => 0,
        Some(Value::String(text)) => text.parse().unwrap(),
        Some(number) => number.as_u64().unwrap(),
    }
}

/// Only the one entry is believed, and of it only what the log has signed.
fn believed(entry: &Entry, body: &[u8]) {
    let logs = std::slice::from_ref(&OFFICE.log);
    let of = |signed| Submission {
        signed,
        signature: SIGNATURE,
        signer: Signer::Certificate(CERTIFICATE),
    };
    match verify_entry(entry, &of(Signed::Message(MESSAGE)), logs, &LogRule::EITHER) {
        Err(error) => refused(&error),
        Ok(logged) => {
            assert_eq!(body, OFFICE.body);
            assert_eq!(logged.kind(), EntryKind::HashedRekordV001);
            assert!(logged.promised() || logged.included());
            assert_eq!(logged.index(), if logged.promised() { OFFICE.index } else { 1 });
            let time = logged.integrated_time().map(jiff::Timestamp::as_second);
            assert_eq!(time, logged.promised().then_some(1_700_000_000));
            assert_eq!(logged.tree_size(), logged.included().then_some(2));
            let proof = verify_entry(entry, &of(Signed::Message(MESSAGE)), logs, &LogRule::PROOF);
            assert_eq!(proof.is_ok(), logged.included());
            let promise = verify_entry(entry, &of(Signed::Message(MESSAGE)), logs, &LogRule::PROMISE);
            assert_eq!(promise.is_ok(), logged.promised());
        }
    }
    assert!(verify_entry(entry, &of(Signed::Message(b"another")), logs, &LogRule::EITHER).is_err());
    assert!(verify_entry(entry, &of(Signed::Message(MESSAGE)), &[], &LogRule::EITHER).is_err());
}

fn refused(error: &LogError) {
    assert!(!error.step().to_string().is_empty());
    spoken::refusal(error);
}

fn checkpoints(seeds: &mut Seeds) {
    let note = |entry: &Value| {
        let note = entry.pointer("/inclusionProof/checkpoint/envelope")?.as_str()?;
        Some(note.as_bytes().to_vec())
    };
    seeds.add(note(&OFFICE.entry).unwrap());
    seeds.add_corpus(&["bundles", "sigstore-conformance"], |_, bytes| {
        note(&entries_of(bytes)?)
    });
}

/// What is read stands in the first three lines, and every line below the last empty one is a signature.
fn checkpoint(data: &[u8]) {
    let Some(note) = text(data) else { return };
    let checkpoint = match Checkpoint::parse(note) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return refused(&error),
    };
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(lines[0], checkpoint.unverified_origin());
    assert_eq!(lines[1], checkpoint.unverified_size().to_string());
    assert_eq!(decoded(lines[2]).as_deref(), Some(&checkpoint.unverified_root()[..]));
    let empty: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].is_empty()).collect();
    assert_eq!(empty.len(), 1);
    let below = &lines[empty[0] + 1..];
    assert_eq!(below.len(), checkpoint.signature_count());
    assert!(below.len() <= MAX_CHECKPOINT_SIGNATURES && below.iter().all(|line| line.starts_with('\u{2014}')));
}
