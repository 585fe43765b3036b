//! Each part of a body, changed alone in an entry that the log has signed and proved: refused, as another signature's.

use super::*;

/// What each kind of body says about its signature, and what it says of another.
fn foreign(kind: EntryKind) -> Vec<(&'static str, Value)> {
    let hex = json!("00".repeat(32));
    let digest = json!(encode(&[0; 32]));
    let signature = json!(encode(b"another signature"));
    let pem = |label: &str| {
        let body = encode(b"another");
        json!(encode(
            format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").as_bytes()
        ))
    };
    match kind {
        EntryKind::HashedRekordV001 => vec![
            ("/spec/data/hash/value", hex),
            ("/spec/data/hash/algorithm", json!("sha512")),
            ("/spec/signature/content", signature),
            ("/spec/signature/publicKey/content", pem("CERTIFICATE")),
            ("/spec/signature/publicKey/content", pem("PUBLIC KEY")),
        ],
        EntryKind::HashedRekordV002 => vec![
            ("/spec/hashedRekordV002/data/digest", digest.clone()),
            ("/spec/hashedRekordV002/data/algorithm", json!("SHA2_384")),
            ("/spec/hashedRekordV002/signature/content", signature),
            (
                "/spec/hashedRekordV002/signature/verifier/x509Certificate/rawBytes",
                digest,
            ),
            (
                "/spec/hashedRekordV002/signature/verifier",
                json!({"publicKey": {"rawBytes": encode(CERTIFICATE)}}),
            ),
        ],
        EntryKind::DsseV001 => vec![
            ("/spec/payloadHash/value", hex),
            ("/spec/signatures/0/signature", signature),
            ("/spec/signatures/0/verifier", pem("CERTIFICATE")),
            ("/spec/signatures", json!([])),
        ],
        EntryKind::DsseV002 => vec![
            ("/spec/dsseV002/payloadHash/digest", digest.clone()),
            ("/spec/dsseV002/signatures/0/content", signature),
            ("/spec/dsseV002/signatures/0/verifier/x509Certificate/rawBytes", digest),
            ("/spec/dsseV002/signatures", json!([])),
        ],
        EntryKind::IntotoV001 => vec![
            ("/spec/content/hash/value", hex.clone()),
            ("/spec/content/payloadHash/value", hex),
            ("/spec/publicKey", pem("CERTIFICATE")),
        ],
        EntryKind::IntotoV002 => vec![
            ("/spec/content/payloadHash/value", hex),
            ("/spec/content/envelope/payloadType", json!("text/plain")),
            (
                "/spec/content/envelope/signatures/0/sig",
                json!(encode(encode(b"another signature").as_bytes())),
            ),
            ("/spec/content/envelope/signatures/0/publicKey", pem("CERTIFICATE")),
            ("/spec/content/envelope/signatures", json!([])),
        ],
    }
}

/// A log that has taken in one body alone, and the entry.
fn alone(kind: EntryKind, body: &Value) -> (Rekor, Value) {
    let mut log = if kind.is_v2() { Rekor::v2(HOST) } else { Rekor::v1(HOST) };
    let at = log.take_in(1, body);
    let entry = log.entry(at, TIME, &[]);
    (log, entry)
}

#[test]
fn each_part_of_a_body_is_this_signatures() {
    let signatures = Signatures::new();
    for kind in KINDS {
        let body = signatures.body(kind, Made::Certificate(CERTIFICATE));
        for (pointer, value) in foreign(kind) {
            assert!(body.pointer(pointer).is_some(), "{pointer}");
            let (log, entry) = alone(kind, &with(&body, pointer, value));
            let refused = verify(&entry, &signatures.submission(kind), &known(&log), &LogRule::EITHER);
            let step = refused.as_ref().map_err(LogError::step).err();
            assert_eq!(step, Some(LogStep::Body), "{kind}: {pointer}: {refused:?}");
        }
    }
}

#[test]
fn each_part_of_a_body_must_be_there() {
    let signatures = Signatures::new();
    for kind in KINDS {
        let body = signatures.body(kind, Made::Certificate(CERTIFICATE));
        for (pointer, _) in foreign(kind) {
            let (log, entry) = alone(kind, &without(&body, pointer));
            let refused = verify(&entry, &signatures.submission(kind), &known(&log), &LogRule::EITHER);
            assert_eq!(
                refused.map_err(|error| error.step()),
                Err(LogStep::Body),
                "{kind}: {pointer}"
            );
        }
    }
    // Entries of the first days have no hash of the payload.
    let body = signatures.body(EntryKind::IntotoV001, Made::Certificate(CERTIFICATE));
    let (log, entry) = alone(EntryKind::IntotoV001, &without(&body, "/spec/content/payloadHash"));
    let of = signatures.submission(EntryKind::IntotoV001);
    assert!(verify(&entry, &of, &known(&log), &LogRule::EITHER).is_ok());
}

#[test]
fn each_part_of_a_submission_is_the_entrys() {
    let (signatures, others) = (Signatures::new(), Signatures::new());
    for kind in KINDS {
        let (log, at) = logged(&signatures, kind);
        let entry = log.entry(at, TIME, &[]);
        let (of, other) = (signatures.submission(kind), others.submission(kind));
        let of_envelope = matches!(of.signed, Signed::Envelope { .. });
        let mut wrong = vec![
            Submission {
                signature: other.signature,
                ..of
            },
            Submission {
                signer: Signer::Certificate(b"another certificate"),
                ..of
            },
            Submission {
                signer: Signer::Key(&signatures.key.public),
                ..of
            },
        ];
        if of_envelope {
            wrong.extend(
                [Signed::Message(PAYLOAD), Signed::Message(&signatures.raw)].map(|signed| Submission { signed, ..of }),
            );
        } else {
            wrong.extend([Signed::Message(b"another"), Signed::Message(b"")].map(|signed| Submission { signed, ..of }));
        }
        for wrong in wrong {
            let refused = verify(&entry, &wrong, &known(&log), &LogRule::EITHER);
            let step = refused.as_ref().map_err(LogError::step).err();
            assert_eq!(step, Some(LogStep::Body), "{kind}: {wrong:?}: {refused:?}");
        }
    }
}

#[test]
fn a_message_is_known_by_one_hash_where_that_is_the_entrys() {
    let signatures = Signatures::new();
    for kind in [EntryKind::HashedRekordV001, EntryKind::HashedRekordV002] {
        let (log, at) = logged(&signatures, kind);
        let digest = countersign_image::Digest::sha256(MESSAGE);
        for (hash, value, expected) in [
            (Hash::Sha256, digest.raw(), None),
            (
                Hash::Sha512,
                digest.raw(),
                Some(LogError::OtherHash {
                    known: Hash::Sha512,
                    found: Hash::Sha256,
                }),
            ),
            (
                Hash::Sha256,
                &digest.raw()[..31],
                Some(LogError::OtherData { what: "message" }),
            ),
            (Hash::Sha256, &[0; 32], Some(LogError::OtherData { what: "message" })),
        ] {
            let of = Submission {
                signed: Signed::Digest { hash, value },
                ..signatures.submission(kind)
            };
            let refused = verify(&log.entry(at, TIME, &[]), &of, &known(&log), &LogRule::PROOF).err();
            assert_eq!(refused, expected, "{kind}");
        }
    }
}

#[test]
fn a_rekor_v2_takes_an_envelope_for_the_message_that_is_signed_of_it() {
    let signatures = Signatures::new();
    let message = pae(PAYLOAD_TYPE, PAYLOAD);
    let made = Made::Certificate(CERTIFICATE);
    let of = Submission {
        signed: signatures.signed_envelope(),
        ..signatures.submission(EntryKind::DsseV001)
    };
    let (log, entry) = alone(
        EntryKind::HashedRekordV002,
        &mint::hashedrekord_v002(&message, &signatures.envelope, made),
    );
    assert!(verify(&entry, &of, &known(&log), &LogRule::PROOF).is_ok());
    for other in [PAYLOAD, &signatures.raw] {
        let body = mint::hashedrekord_v002(other, &signatures.envelope, made);
        let (log, entry) = alone(EntryKind::HashedRekordV002, &body);
        let refused = verify(&entry, &of, &known(&log), &LogRule::PROOF);
        assert_eq!(refused, Err(LogError::OtherData { what: "envelope" }));
    }
    // A Rekor v1 has kinds of its own for envelopes.
    let body = mint::hashedrekord_v001(&message, &signatures.envelope, made);
    let (log, entry) = alone(EntryKind::HashedRekordV001, &body);
    let refused = verify(&entry, &of, &known(&log), &LogRule::PROOF);
    assert_eq!(
        refused,
        Err(LogError::KindCannot {
            kind: EntryKind::HashedRekordV001,
            what: "an envelope"
        })
    );
}

#[test]
fn every_signature_that_an_entry_records_is_on_the_envelope() {
    let (first, second) = (Signatures::new(), Signatures::new());
    let raw = json!({
        "payload": encode(PAYLOAD),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": encode(&first.envelope)}, {"sig": encode(&second.envelope)}],
    })
    .to_string()
    .into_bytes();
    let both = Envelope::parse(&raw).unwrap();
    let made = Made::Certificate(CERTIFICATE);
    let mut body = mint::dsse_v001(&raw, PAYLOAD, &first.envelope, made);
    let one = body["spec"]["signatures"][0].clone();
    let mut two = mint::dsse_v001(&raw, PAYLOAD, &second.envelope, Made::Certificate(b"another"));
    body["spec"]["signatures"] = json!([one, two["spec"]["signatures"][0].take()]);
    let (log, entry) = alone(EntryKind::DsseV001, &body);
    let of = |envelope| Submission {
        signed: Signed::Envelope { envelope, raw: None },
        ..first.submission(EntryKind::DsseV001)
    };
    assert!(verify(&entry, &of(&both), &known(&log), &LogRule::PROOF).is_ok());
    let refused = verify(&entry, &of(&first.parsed), &known(&log), &LogRule::PROOF);
    assert_eq!(refused, Err(LogError::OtherSignature));
    // The second signature is by somebody else, whoever made the first.
    let of_second = Submission {
        signature: &second.envelope,
        ..of(&both)
    };
    let refused = verify(&entry, &of_second, &known(&log), &LogRule::PROOF).unwrap_err();
    assert!(matches!(refused, LogError::OtherSigner { .. }), "{refused:?}");
}

/// The oldest kind knows the envelope's bytes and nobody's signature.
#[test]
fn the_bytes_of_an_envelope_are_those_that_it_was_read_from() {
    let (signatures, others) = (Signatures::new(), Signatures::new());
    let kind = EntryKind::IntotoV001;
    let (log, at) = logged(&signatures, kind);
    let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
    for (envelope, raw, signature, expected) in [
        (
            &others.parsed,
            Some(&signatures.raw),
            &others.envelope,
            LogError::OtherData { what: "envelope" },
        ),
        (
            &others.parsed,
            Some(&others.raw),
            &others.envelope,
            LogError::OtherData { what: "envelope" },
        ),
        (
            &signatures.parsed,
            Some(&signatures.raw),
            &others.envelope,
            LogError::OtherSignature,
        ),
        (&signatures.parsed, None, &signatures.envelope, LogError::NoRawEnvelope),
    ] {
        let raw = raw.map(Vec::as_slice);
        let of = Submission {
            signed: Signed::Envelope { envelope, raw },
            signature,
            ..of
        };
        assert_eq!(verify(&entry, &of, &known(&log), &LogRule::EITHER), Err(expected));
    }
}

#[test]
fn the_kind_is_the_bodys_and_one_that_is_known() {
    let signatures = Signatures::new();
    let body = signatures.body(EntryKind::DsseV001, Made::Certificate(CERTIFICATE));
    let (_, entry) = alone(EntryKind::DsseV001, &body);
    for kind in KINDS.into_iter().filter(|kind| *kind != EntryKind::DsseV001) {
        let said = kind.to_string();
        let (name, version) = said.split_once(' ').unwrap();
        let entry = with(&entry, "/kindVersion", json!({"kind": name, "version": version}));
        let found = EntryKind::DsseV001;
        assert_eq!(parse(&entry), Err(LogError::OtherKind { said: kind, found }));
    }
    for (kind, version) in [
        ("rekord", "0.0.1"),
        ("dsse", "0.0.3"),
        ("dsse", ""),
        ("", ""),
        ("DSSE", "0.0.1"),
    ] {
        let unknown = LogError::UnknownKind {
            kind: kind.into(),
            version: version.into(),
        };
        let said = with(&entry, "/kindVersion", json!({"kind": kind, "version": version}));
        assert_eq!(parse(&said), Err(unknown.clone()));
        let mut log = Rekor::v1(HOST);
        let body = with(&with(&body, "/kind", json!(kind)), "/apiVersion", json!(version));
        let at = log.take_in(0, &body);
        let annotation = log.annotation(at, TIME).to_string();
        assert_eq!(Entry::of_annotation(annotation.as_bytes()), Err(unknown));
    }
}

#[test]
fn a_body_says_everything_once() {
    let signatures = Signatures::new();
    let body = signatures.body(EntryKind::HashedRekordV001, Made::Certificate(CERTIFICATE));
    let (_, entry) = alone(EntryKind::HashedRekordV001, &body);
    let text = body.to_string();
    let twice = text.replacen("\"data\":", "\"data\":{},\"data\":", 1);
    let trailing = format!("{text} {{}}");
    for bytes in [twice.as_bytes(), trailing.as_bytes(), b"", b"null", b"\xff"] {
        let entry = with(&entry, "/canonicalizedBody", json!(encode(bytes)));
        let refused = parse(&entry).unwrap_err();
        let expected = if bytes.is_empty() {
            LogStep::Entry
        } else {
            LogStep::Body
        };
        assert_eq!(refused.step(), expected, "{refused:?}");
    }
}

#[test]
fn hashes_that_are_not_trusted_are_refused() {
    let signatures = Signatures::new();
    for (kind, pointer) in [
        (EntryKind::HashedRekordV001, "/spec/data/hash/algorithm"),
        (EntryKind::HashedRekordV002, "/spec/hashedRekordV002/data/algorithm"),
        (EntryKind::DsseV001, "/spec/payloadHash/algorithm"),
        (EntryKind::DsseV002, "/spec/dsseV002/payloadHash/algorithm"),
        (EntryKind::IntotoV001, "/spec/content/hash/algorithm"),
        (EntryKind::IntotoV002, "/spec/content/payloadHash/algorithm"),
    ] {
        let body = signatures.body(kind, Made::Certificate(CERTIFICATE));
        for algorithm in ["sha1", "md5", "SHA1", "HASH_ALGORITHM_UNSPECIFIED", ""] {
            let (_, entry) = alone(kind, &with(&body, pointer, json!(algorithm)));
            let found = algorithm.to_owned();
            assert_eq!(parse(&entry), Err(LogError::UnknownHash { found }), "{kind}");
        }
    }
}
