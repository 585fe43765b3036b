//! How entries are written, and what is read as one.

use proptest::prelude::*;

use super::*;

fn entry() -> Value {
    let signatures = Signatures::new();
    let (log, at) = logged(&signatures, EntryKind::HashedRekordV001);
    log.entry(at, TIME, &[])
}

/// The entry with protobuf's own names for fields.
fn respelled(value: &Value) -> Value {
    let name = |name: &str| {
        let parts = name.chars().map(|letter| {
            if letter.is_ascii_uppercase() {
                format!("_{}", letter.to_ascii_lowercase())
            } else {
                letter.to_string()
            }
        });
        parts.collect::<String>()
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (name(key), respelled(value)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn both_spellings_of_names_and_numbers_are_one_entry() {
    let entry = entry();
    let read = parse(&entry).unwrap();
    assert_eq!(read.unverified_kind(), EntryKind::HashedRekordV001);
    assert_eq!(read.unverified_index(), 1_005);
    assert_eq!(read.unverified_integrated_time().unwrap().as_second(), 1_700_000_000);
    assert_eq!(parse(&respelled(&entry)), Ok(read.clone()));
    let mut numbers = entry.clone();
    for pointer in [
        "/logIndex",
        "/integratedTime",
        "/inclusionProof/logIndex",
        "/inclusionProof/treeSize",
    ] {
        let number: u64 = numbers.pointer(pointer).unwrap().as_str().unwrap().parse().unwrap();
        numbers = with(&numbers, pointer, json!(number));
    }
    assert_eq!(parse(&numbers), Ok(read.clone()));
    assert_eq!(parse(&with(&entry, "/more", json!({"a": [1]}))), Ok(read));
    let twice = with(&entry, "/log_index", json!("1005"));
    assert!(matches!(parse(&twice), Err(LogError::Json(_))));
}

/// Protobuf's JSON leaves out what is zero or empty.
#[test]
fn what_is_zero_may_be_left_out() {
    let signatures = Signatures::new();
    let mut log = Rekor::v2(HOST);
    let at = log.take_in(
        0,
        &signatures.body(EntryKind::HashedRekordV002, Made::Certificate(CERTIFICATE)),
    );
    let whole = log.entry(at, TIME, &[]);
    let read = parse(&whole).unwrap();
    for (pointer, zero) in [
        ("/logIndex", json!(null)),
        ("/integratedTime", json!("0")),
        ("/integratedTime", json!(0)),
        ("/integratedTime", json!(null)),
        ("/inclusionPromise", json!(null)),
        ("/inclusionPromise", json!({})),
        ("/inclusionPromise", json!({"signedEntryTimestamp": ""})),
        ("/inclusionProof/logIndex", json!(null)),
        ("/inclusionProof/hashes", json!(null)),
    ] {
        assert_eq!(parse(&with(&whole, pointer, zero)), Ok(read.clone()), "{pointer}");
    }
    let left_out = without(
        &without(&without(&whole, "/logIndex"), "/inclusionProof/logIndex"),
        "/inclusionProof/hashes",
    );
    assert_eq!(parse(&left_out), Ok(read));
    let of = signatures.submission(EntryKind::HashedRekordV002);
    assert!(verify(&left_out, &of, &known(&log), &LogRule::PROOF).is_ok());
}

#[test]
fn what_is_needed_is_there_and_of_its_shape() {
    let entry = entry();
    for (pointer, step) in [
        ("/logId", LogStep::Entry),
        ("/logId/keyId", LogStep::Entry),
        ("/kindVersion", LogStep::Entry),
        ("/kindVersion/kind", LogStep::Entry),
        ("/kindVersion/version", LogStep::Entry),
        ("/canonicalizedBody", LogStep::Entry),
        ("/inclusionProof/rootHash", LogStep::Entry),
        ("/inclusionProof/checkpoint", LogStep::Checkpoint),
        ("/inclusionProof/checkpoint/envelope", LogStep::Checkpoint),
        // There is a promise, and it is over a time.
        ("/integratedTime", LogStep::Promise),
    ] {
        let refused = parse(&without(&entry, pointer)).unwrap_err();
        assert_eq!(refused.step(), step, "{pointer}: {refused:?}");
    }
    let negative = [
        json!("-1"),
        json!(-1),
        json!("9223372036854775808"),
        json!(u64::MAX),
        json!("1e3"),
        json!(1.5),
        json!(""),
    ];
    for pointer in [
        "/logIndex",
        "/integratedTime",
        "/inclusionProof/logIndex",
        "/inclusionProof/treeSize",
    ] {
        for number in &negative {
            let refused = parse(&with(&entry, pointer, number.clone()));
            assert!(
                matches!(refused, Err(LogError::Json(_))),
                "{pointer}: {number}: {refused:?}"
            );
        }
    }
    let late = parse(&with(&entry, "/integratedTime", json!(i64::MAX)));
    assert_eq!(
        late,
        Err(LogError::Time {
            seconds: i64::MAX.unsigned_abs()
        })
    );
    for pointer in [
        "/logId/keyId",
        "/inclusionPromise/signedEntryTimestamp",
        "/canonicalizedBody",
        "/inclusionProof/rootHash",
        "/inclusionProof/hashes/0",
    ] {
        let refused = parse(&with(&entry, pointer, json!("!")));
        assert!(
            matches!(refused, Err(LogError::Base64 { .. })),
            "{pointer}: {refused:?}"
        );
        let refused = parse(&with(&entry, pointer, json!([1])));
        assert!(matches!(refused, Err(LogError::Json(_))), "{pointer}: {refused:?}");
    }
    let long = with(&entry, "/logId/keyId", json!(encode(&[0; 65])));
    assert_eq!(parse(&long), Err(LogError::LogIdLength { limit: 64, found: 65 }));
}

#[test]
fn an_entry_is_strict_json_within_its_limit() {
    let text = entry().to_string();
    for wrong in [
        text.replacen('{', "{\"logIndex\":\"1\",", 1),
        format!("{text}{text}"),
        text[..text.len() - 1].to_owned(),
        "[]".to_owned(),
    ] {
        assert!(matches!(Entry::of_bundle(wrong.as_bytes()), Err(LogError::Json(_))));
    }
    let spaces = " ".repeat(MAX_ENTRY_BYTES + 1 - text.len());
    let long = format!("{text}{spaces}");
    let too_large = LogError::TooLarge {
        limit: MAX_ENTRY_BYTES,
        found: MAX_ENTRY_BYTES + 1,
    };
    assert_eq!(Entry::of_bundle(long.as_bytes()), Err(too_large.clone()));
    assert_eq!(Entry::of_annotation(long.as_bytes()), Err(too_large));
    assert!(Entry::of_bundle(&long.as_bytes()[..MAX_ENTRY_BYTES]).is_ok());
}

#[test]
fn an_index_over_all_shards_is_not_less_than_the_one_in_a_shard() {
    let entry = entry();
    let refused = parse(&with(&entry, "/logIndex", json!("4")));
    assert_eq!(refused, Err(LogError::OtherIndex { entry: 4, proof: 5 }));
    let signatures = Signatures::new();
    let (log, at) = logged(&signatures, EntryKind::HashedRekordV002);
    let refused = parse(&with(&log.entry(at, TIME, &[]), "/logIndex", json!("6")));
    assert_eq!(refused, Err(LogError::OtherIndex { entry: 6, proof: 5 }));
}

#[test]
fn each_part_of_an_annotation_is_there_and_of_its_shape() {
    let signatures = Signatures::new();
    let (log, at) = logged(&signatures, EntryKind::HashedRekordV001);
    let annotation = log.annotation(at, TIME);
    let parse = |value: &Value| Entry::of_annotation(value.to_string().as_bytes());
    assert!(parse(&annotation).is_ok());
    let parts = [
        "/SignedEntryTimestamp",
        "/Payload",
        "/Payload/body",
        "/Payload/integratedTime",
        "/Payload/logIndex",
        "/Payload/logID",
    ];
    for pointer in parts {
        assert!(
            matches!(parse(&without(&annotation, pointer)), Err(LogError::Json(_))),
            "{pointer}"
        );
        assert!(
            matches!(parse(&with(&annotation, pointer, json!(false))), Err(LogError::Json(_))),
            "{pointer}"
        );
    }
    for (pointer, value, expected) in [
        (
            "/Payload/logID",
            json!("xy"),
            LogError::NotHex { field: "Payload.logID" },
        ),
        (
            "/Payload/logID",
            json!("abc"),
            LogError::NotHex { field: "Payload.logID" },
        ),
        (
            "/Payload/logID",
            json!(""),
            LogError::LogIdLength { limit: 64, found: 0 },
        ),
        ("/Payload/body", json!(""), LogError::Missing { field: "Payload.body" }),
        (
            "/SignedEntryTimestamp",
            json!(""),
            LogError::Missing {
                field: "SignedEntryTimestamp",
            },
        ),
        ("/Payload/integratedTime", json!(0), LogError::NoTime),
    ] {
        assert_eq!(parse(&with(&annotation, pointer, value)), Err(expected), "{pointer}");
    }
}

#[test]
fn what_a_promise_is_over_cannot_be_changed() {
    let signatures = Signatures::new();
    let kind = EntryKind::HashedRekordV001;
    let (log, at) = logged(&signatures, kind);
    let entry = without(&log.entry(at, TIME, &[]), "/inclusionProof");
    let spaced = [log.leaves[at].as_slice(), b"\n"].concat();
    for (pointer, value) in [
        ("/integratedTime", json!("1700000001")),
        ("/logIndex", json!("1006")),
        ("/canonicalizedBody", json!(encode(&spaced))),
        (
            "/inclusionPromise/signedEntryTimestamp",
            json!(encode(&log.promise(at, TIME + 1))),
        ),
        (
            "/inclusionPromise/signedEntryTimestamp",
            json!(encode(&log.promise(0, TIME))),
        ),
        ("/inclusionPromise/signedEntryTimestamp", json!(encode(b"none"))),
    ] {
        let refused = verify(
            &with(&entry, pointer, value),
            &signatures.submission(kind),
            &known(&log),
            &LogRule::EITHER,
        );
        assert!(matches!(refused, Err(LogError::Promise(_))), "{pointer}: {refused:?}");
    }
    // A promise that is wrong refuses where a proof would be enough.
    let both = with(&log.entry(at, TIME, &[]), "/integratedTime", json!("1700000001"));
    let refused = verify(&both, &signatures.submission(kind), &known(&log), &LogRule::PROOF);
    assert!(matches!(refused, Err(LogError::Promise(_))), "{refused:?}");
}

proptest! {
    #[test]
    fn mutated_bytes_are_read_or_refused(at: prop::sample::Index, byte: u8, end: prop::sample::Index) {
        let mut mutated = entry().to_string().into_bytes();
        let at = at.index(mutated.len());
        mutated[at] = byte;
        let _ = Entry::of_bundle(&mutated);
        mutated.truncate(end.index(mutated.len()));
        let _ = Entry::of_bundle(&mutated);
    }
}
