//! Entries of logs that we run ourselves, and every way in which one can be wrong.

mod body;
mod checkpoint;
mod proof;
mod reading;

use countersign_mint::rekor::{self as mint, Made, Rekor};
use countersign_mint::{Key, Kind};
use serde_json::{Value, json};

use super::*;
use crate::encoding::encode;
use crate::envelope::{Envelope, pae};
use crate::key::{Hash, PublicKey};

use crate::testing::{TestKey, p256};
use crate::trust::{Log, LogId, Window};

const TIME: u64 = 1_700_000_000;
const PAYLOAD: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const MESSAGE: &[u8] = b"what was signed";
/// No parser of certificates is asked here: an entry and a signature have the same bytes or have not.
const CERTIFICATE: &[u8] = b"a certificate in DER";
const HOST: &str = "rekor.example.org";

/// One signature over a message and one over an envelope, by one key.
struct Signatures {
    key: TestKey,
    message: Vec<u8>,
    envelope: Vec<u8>,
    raw: Vec<u8>,
    parsed: Envelope,
}

impl Signatures {
    fn new() -> Self {
        let key = p256();
        let envelope = key.sign(&pae(PAYLOAD_TYPE, PAYLOAD));
        let raw = json!({
            "payload": encode(PAYLOAD),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": encode(&envelope)}],
        })
        .to_string()
        .into_bytes();
        Self {
            message: key.sign(MESSAGE),
            parsed: Envelope::parse(&raw).unwrap(),
            envelope,
            raw,
            key,
        }
    }

    /// The body that a log writes for a signature of this kind.
    fn body(&self, kind: EntryKind, made: Made<'_>) -> Value {
        let (raw, envelope) = (&self.raw, &self.envelope);
        match kind {
            EntryKind::HashedRekordV001 => mint::hashedrekord_v001(MESSAGE, &self.message, made),
            EntryKind::HashedRekordV002 => mint::hashedrekord_v002(MESSAGE, &self.message, made),
            EntryKind::DsseV001 => mint::dsse_v001(raw, PAYLOAD, envelope, made),
            EntryKind::DsseV002 => mint::dsse_v002(PAYLOAD, envelope, made),
            EntryKind::IntotoV001 => mint::intoto_v001(raw, PAYLOAD, made),
            EntryKind::IntotoV002 => mint::intoto_v002(raw, PAYLOAD_TYPE, PAYLOAD, envelope, made),
        }
    }

    /// What the entry of this kind is about.
    fn submission(&self, kind: EntryKind) -> Submission<'_> {
        let of_message = matches!(kind, EntryKind::HashedRekordV001 | EntryKind::HashedRekordV002);
        let (signed, signature) = if of_message {
            (Signed::Message(MESSAGE), &self.message)
        } else {
            (self.signed_envelope(), &self.envelope)
        };
        Submission {
            signed,
            signature,
            signer: Signer::Certificate(CERTIFICATE),
        }
    }

    fn signed_envelope(&self) -> Signed<'_> {
        Signed::Envelope {
            envelope: &self.parsed,
            raw: Some(&self.raw),
        }
    }
}

const KINDS: [EntryKind; 6] = [
    EntryKind::HashedRekordV001,
    EntryKind::HashedRekordV002,
    EntryKind::DsseV001,
    EntryKind::DsseV002,
    EntryKind::IntotoV001,
    EntryKind::IntotoV002,
];

/// A log of the generation that has this kind, with an entry of it among others.
fn logged(signatures: &Signatures, kind: EntryKind) -> (Rekor, usize) {
    let mut log = if kind.is_v2() { Rekor::v2(HOST) } else { Rekor::v1(HOST) };
    let at = log.take_in(5, &signatures.body(kind, Made::Certificate(CERTIFICATE)));
    log.take_in(2, &json!({}));
    (log, at)
}

fn public(key: &Key) -> PublicKey {
    PublicKey::from_spki_der(&key.spki()).unwrap()
}

/// What a trust root says about a log.
fn known(log: &Rekor) -> Log {
    Log {
        id: LogId::new(log.id()),
        key: public(&log.key),
        window: Window::ALWAYS,
        base_url: log.base_url(),
        operator: None,
    }
}

fn parse(entry: &Value) -> Result<Entry, LogError> {
    Entry::of_bundle(entry.to_string().as_bytes())
}

fn verify(entry: &Value, of: &Submission<'_>, log: &Log, rule: &LogRule) -> Result<Logged, LogError> {
    verify_entry(&parse(entry)?, of, std::slice::from_ref(log), rule)
}

/// The entry with the value at a pointer replaced or added.
fn with(entry: &Value, pointer: &str, value: Value) -> Value {
    let mut entry = entry.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match entry.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        parent => drop(parent.as_object_mut().unwrap().insert(key.to_owned(), value)),
    }
    entry
}

fn without(entry: &Value, pointer: &str) -> Value {
    let mut entry = entry.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = entry.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    assert!(parent.remove(key).is_some(), "{pointer}");
    entry
}

#[test]
fn an_entry_of_every_kind_is_proved_for_certificates_and_keys() {
    let signatures = Signatures::new();
    for kind in KINDS {
        let spki = signatures.key.public.spki_der();
        for (made, signer) in [
            (Made::Certificate(CERTIFICATE), Signer::Certificate(CERTIFICATE)),
            (Made::Key(spki), Signer::Key(&signatures.key.public)),
        ] {
            let mut log = if kind.is_v2() { Rekor::v2(HOST) } else { Rekor::v1(HOST) };
            let at = log.take_in(3, &signatures.body(kind, made));
            let submission = Submission {
                signer,
                ..signatures.submission(kind)
            };
            let proved = verify(&log.entry(at, TIME, &[]), &submission, &known(&log), &LogRule::PROOF).unwrap();
            assert_eq!((proved.kind(), proved.included()), (kind, true));
            assert_eq!(proved.origin(), Some(log.origin().as_str()));
            assert_eq!((proved.tree_size(), proved.index()), (Some(4), log.index(at)));
            // A Rekor v2 promises nothing, and no time.
            assert_eq!(proved.promised(), !kind.is_v2());
            let time = proved.integrated_time().map(jiff::Timestamp::as_second);
            assert_eq!(time, (!kind.is_v2()).then_some(1_700_000_000));
        }
    }
}

#[test]
fn the_annotation_of_cosign_proves_a_promise_and_no_inclusion() {
    let signatures = Signatures::new();
    for kind in KINDS.into_iter().filter(|kind| !kind.is_v2()) {
        let (log, at) = logged(&signatures, kind);
        let entry = Entry::of_annotation(log.annotation(at, TIME).to_string().as_bytes()).unwrap();
        let of = &signatures.submission(kind);
        let proved = verify_entry(&entry, of, &[known(&log)], &LogRule::PROMISE).unwrap();
        assert_eq!((proved.promised(), proved.included()), (true, false));
        let refused = verify_entry(&entry, of, &[known(&log)], &LogRule::PROOF);
        assert_eq!(refused, Err(LogError::NoProof));
    }
}

#[test]
fn the_time_is_proved_by_the_promise_alone() {
    let signatures = Signatures::new();
    let (kind, (log, at)) = (EntryKind::DsseV001, logged(&signatures, EntryKind::DsseV001));
    let unpromised = without(&log.entry(at, TIME, &[]), "/inclusionPromise");
    let of = &signatures.submission(kind);
    let proved = verify(&unpromised, of, &known(&log), &LogRule::EITHER).unwrap();
    assert_eq!((proved.integrated_time(), proved.promised()), (None, false));
    // Nobody has signed the index over all shards either.
    assert_eq!(proved.index(), at as u64);
    let moved = with(&unpromised, "/logIndex", json!("999999"));
    assert_eq!(
        verify(&moved, of, &known(&log), &LogRule::EITHER).map(|logged| logged.index()),
        Ok(at as u64)
    );
    assert_eq!(
        verify(&unpromised, of, &known(&log), &LogRule::PROMISE),
        Err(LogError::NoPromise)
    );
    let unproved = without(&unpromised, "/inclusionProof");
    assert_eq!(
        verify(&unproved, of, &known(&log), &LogRule::EITHER),
        Err(LogError::Empty)
    );
}

#[test]
fn both_ends_of_a_logs_window_are_inside() {
    let signatures = Signatures::new();
    let (kind, (log, at)) = (EntryKind::DsseV001, logged(&signatures, EntryKind::DsseV001));
    let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
    let moment = |more: i64| Some(jiff::Timestamp::from_second(1_700_000_000 + more).unwrap());
    for (start, end, inside) in [
        (moment(0), moment(0), true),
        (moment(0), None, true),
        (None, moment(0), true),
        (moment(1), None, false),
        (None, moment(-1), false),
    ] {
        let mut known = known(&log);
        known.window = Window { start, end };
        let proved = verify(&entry, &of, &known, &LogRule::PROOF);
        assert_eq!(proved.is_ok(), inside);
        assert!(inside || proved.is_err_and(|error| error.step() == LogStep::Log));
        // Without a time of its own, the entry is proved, and the window held by whoever has a time.
        let timeless = without(&entry, "/inclusionPromise");
        let proved = verify(&timeless, &of, &known, &LogRule::PROOF).unwrap();
        assert_eq!(proved.believed_at(moment(0).unwrap()).is_ok(), inside);
    }
    // One log with two windows, as after a change of operator: one of them is enough.
    let windows = [(moment(1), None), (None, moment(0))].map(|(start, end)| Log {
        window: Window { start, end },
        ..known(&log)
    });
    let proved = verify_entry(&parse(&entry).unwrap(), &of, &windows, &LogRule::PROOF).unwrap();
    assert!(proved.believed_at(moment(1).unwrap()).is_ok());
}

#[test]
fn a_log_goes_by_the_id_of_the_trust_root_or_by_one_of_its_key() {
    let signatures = Signatures::new();
    for kind in [EntryKind::DsseV001, EntryKind::DsseV002] {
        let (log, at) = logged(&signatures, kind);
        let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
        let renamed = Log {
            id: LogId::new(b"another id".to_vec()),
            ..known(&log)
        };
        assert!(verify(&entry, &of, &renamed, &LogRule::PROOF).is_ok(), "{kind}");
        let other = if kind.is_v2() { Rekor::v2(HOST) } else { Rekor::v1(HOST) };
        let refused = verify(&entry, &of, &known(&other), &LogRule::PROOF).unwrap_err();
        assert_eq!(refused.step(), LogStep::Log, "{kind}");
        // A root that gives our id to another's key changes nothing.
        let impostor = Log {
            id: known(&log).id,
            ..known(&other)
        };
        assert!(verify(&entry, &of, &impostor, &LogRule::PROOF).is_err(), "{kind}");
        let both = [impostor, known(&log)];
        assert!(
            verify_entry(&parse(&entry).unwrap(), &of, &both, &LogRule::PROOF).is_ok(),
            "{kind}"
        );
    }
}

/// The logs of the private Sigstore that other tests sign with, as its trust root says them.
#[test]
fn a_trust_root_that_was_minted_believes_the_logs_that_were() {
    let signatures = Signatures::new();
    let mut sigstore = countersign_mint::Sigstore::new();
    let root = crate::TrustRoot::parse(&sigstore.trusted_root_with_logs().to_json()).unwrap();
    let made = Made::Certificate(CERTIFICATE);
    for (kind, log) in [
        (EntryKind::DsseV001, &mut sigstore.rekor),
        (EntryKind::HashedRekordV002, &mut sigstore.tiles),
    ] {
        let at = log.take_in(1, &signatures.body(kind, made));
        let entry = parse(&log.entry(at, 1_772_600_767, &[])).unwrap();
        let proved = verify_entry(&entry, &signatures.submission(kind), root.logs(), &LogRule::PROOF);
        assert_eq!(proved.unwrap().log_name(), log.base_url());
    }
}
