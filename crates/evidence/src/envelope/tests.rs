//! What an envelope is, and that its encoding for signatures can be read in one way only.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::encoding::encode;

fn envelope() -> Value {
    json!({
        "payloadType": "application/vnd.in-toto+json",
        "payload": encode(b"{}"),
        "signatures": [{"keyid": "", "sig": encode(b"signature")}],
    })
}

fn with(fields: Value) -> Value {
    let mut envelope = envelope();
    envelope
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    envelope
}

fn parse(value: &Value) -> Result<Envelope, EnvelopeError> {
    Envelope::parse(value.to_string().as_bytes())
}

#[test]
fn an_envelope_is_read_and_stays_closed() {
    let signatures = json!([{"sig": encode(b"one"), "keyid": "k"}, {"sig": "-_8", "cert": "…"}]);
    let read = parse(&with(json!({"signatures": signatures, "more": 1}))).unwrap();
    assert_eq!(read.payload_type(), "application/vnd.in-toto+json");
    assert_eq!((read.signature_count(), read.unverified_payload()), (2, &b"{}"[..]));
    assert_eq!(read.unverified_key_ids().collect::<Vec<_>>(), ["k"]);
    assert_eq!(read.signatures().collect::<Vec<_>>(), [&b"one"[..], &[0xfb, 0xff]]);
    let printed = format!("{read:?}");
    assert!(
        printed.contains("payload_bytes: 2") && !printed.contains("[123, 125]"),
        "{printed}"
    );
}

#[test]
fn what_is_no_envelope_is_refused_by_name() {
    let signature = json!({"sig": encode(b"x")});
    let many = |n: usize| Value::from(vec![signature.clone(); n]);
    let count = |found| EnvelopeError::SignatureCount {
        limit: MAX_SIGNATURES,
        found,
    };
    let payload_type = |found| EnvelopeError::PayloadType {
        limit: MAX_PAYLOAD_TYPE_BYTES,
        found,
    };
    assert_eq!(
        parse(&with(json!({"signatures": many(16)}))).map(|e| e.signature_count()),
        Ok(16)
    );
    for (value, expected) in [
        (with(json!({"signatures": []})), count(0)),
        (with(json!({"signatures": null})), count(0)),
        (with(json!({"signatures": many(17)})), count(17)),
        (with(json!({"payloadType": ""})), payload_type(0)),
        (with(json!({"payloadType": "x".repeat(257)})), payload_type(257)),
    ] {
        assert_eq!(parse(&value), Err(expected));
    }
    let field = |value| match parse(&value) {
        Err(EnvelopeError::Base64 { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(with(json!({"payload": "{}"}))), "payload");
    assert_eq!(
        field(with(json!({"signatures": [signature, {"sig": "?"}]}))),
        "signatures.sig"
    );
    for value in [
        json!({}),
        json!([]),
        with(json!({"payload": 1})),
        with(json!({"signatures": [{"keyid": "x"}]})),
    ] {
        assert!(
            matches!(parse(&value), Err(EnvelopeError::Json(JsonError::Malformed { .. }))),
            "{value}"
        );
    }
    let large = vec![b' '; MAX_ENVELOPE_BYTES + 1];
    let expected = EnvelopeError::TooLarge {
        limit: MAX_ENVELOPE_BYTES,
        found: large.len(),
    };
    assert_eq!(Envelope::parse(&large), Err(expected));
}

#[test]
fn an_envelope_with_two_payloads_is_refused() {
    let text = envelope().to_string();
    for twice in [
        text.replacen('{', r#"{"payload":"","#, 1),
        text.replacen('{', r#"{"payload_type":"x","#, 1),
        text.replace(r#""sig":"#, r#""sig":"","sig":"#),
    ] {
        assert!(
            matches!(Envelope::parse(twice.as_bytes()), Err(EnvelopeError::Json(_))),
            "{twice}"
        );
    }
}

proptest! {
    /// Two messages with the same encoding would let a signature over one stand for the other.
    #[test]
    fn the_encoding_is_injective(
        a in ("[ -~]{0,12}", prop::collection::vec(any::<u8>(), 0..12)),
        b in ("[ -~]{0,12}", prop::collection::vec(any::<u8>(), 0..12)),
    ) {
        prop_assert_eq!(pae(&a.0, &a.1) == pae(&b.0, &b.1), a == b);
    }

    /// The same, where type and payload share one text that is cut at two places.
    #[test]
    fn no_shift_between_type_and_payload_goes_unseen(text in "[0-9 ]{2,24}", one: prop::sample::Index, two: prop::sample::Index) {
        let (one, two) = (one.index(text.len() + 1), two.index(text.len() + 1));
        let encoded = |at: usize| pae(&text[..at], &text.as_bytes()[at..]);
        prop_assert_eq!(encoded(one) == encoded(two), one == two);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), at: prop::sample::Index, byte: u8) {
        let _ = Envelope::parse(&bytes);
        let mut mutated = envelope().to_string().into_bytes();
        let at = at.index(mutated.len());
        mutated[at] = byte;
        let _ = Envelope::parse(&mutated);
    }
}
