//! What a bundle is, in every version and spelling, and everything that it is not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::encoding::encode;
use crate::envelope::EnvelopeError;

const V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn bundle() -> Value {
    json!({
        "mediaType": V03,
        "verificationMaterial": {
            "publicKey": {"hint": "the hint"},
            "tlogEntries": [{"logIndex": "7", "inclusionProof": {"logIndex": "7", "treeSize": 8}}],
            "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": encode(b"stamp")}]},
        },
        "dsseEnvelope": envelope(1),
    })
}

fn envelope(signatures: usize) -> Value {
    let signatures = vec![json!({"sig": encode(b"x")}); signatures];
    json!({"payload": encode(b"{}"), "payloadType": "application/vnd.in-toto+json", "signatures": signatures})
}

fn message() -> Value {
    json!({"messageDigest": {"algorithm": "SHA2_256", "digest": encode(b"hash")}, "signature": encode(b"x")})
}

/// The bundle with the value at a pointer replaced or added.
fn with(pointer: &str, value: Value) -> Value {
    let mut bundle = bundle();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    bundle
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .insert(key.to_owned(), value);
    bundle
}

fn material(value: Value) -> Value {
    with("/verificationMaterial", value)
}

fn of_message(value: Value) -> Value {
    let mut bundle = with("/messageSignature", value);
    bundle.as_object_mut().unwrap().remove("dsseEnvelope");
    bundle
}

fn parse(value: &Value) -> Result<Bundle, BundleError> {
    Bundle::parse(value.to_string().as_bytes())
}

#[test]
fn every_version_is_read_in_both_spellings() {
    for (name, version) in [
        ("0.1", BundleVersion::V01),
        ("0.2", BundleVersion::V02),
        ("0.3", BundleVersion::V03),
    ] {
        for media_type in [
            format!("application/vnd.dev.sigstore.bundle+json;version={name}"),
            format!("application/vnd.dev.sigstore.bundle.v{name}+json"),
        ] {
            assert_eq!(
                parse(&with("/mediaType", json!(media_type))).unwrap().version(),
                version
            );
        }
    }
    for unknown in [
        "application/vnd.dev.sigstore.bundle.v0.4+json",
        "application/json",
        "",
        &V03.to_uppercase(),
    ] {
        let expected = BundleError::UnknownVersion {
            found: unknown.to_owned(),
        };
        assert_eq!(parse(&with("/mediaType", json!(unknown))).err(), Some(expected));
    }
}

#[test]
fn what_a_bundle_holds_is_kept() {
    let read = parse(&bundle()).unwrap();
    assert!(matches!(read.content(), BundleContent::Envelope(envelope) if envelope.signature_count() == 1));
    assert_eq!(
        (read.has_certificate(), read.unverified_hint()),
        (false, Some("the hint"))
    );
    assert_eq!(read.unverified_log_entries().len(), 1);
    assert_eq!(read.unverified_timestamps(), [b"stamp"]);

    let read = parse(&of_message(message())).unwrap();
    let BundleContent::Message(signature) = read.content() else {
        panic!("a message signature")
    };
    assert_eq!(signature.signature, b"x");
    assert_eq!(signature.claimed, Some((Hash::Sha256, b"hash".to_vec())));
}

#[test]
fn the_signer_is_named_in_one_way() {
    let certificate = json!({"rawBytes": encode(b"leaf")});
    let chain = |n: usize| json!({"x509CertificateChain": {"certificates": vec![certificate.clone(); n]}});
    for signer in [json!({"certificate": certificate}), chain(1), chain(MAX_CERTIFICATES)] {
        let read = parse(&material(signer)).unwrap();
        assert!(read.has_certificate() && read.unverified_hint().is_none());
        assert_eq!(read.unverified_certificates()[0], b"leaf");
    }
    assert_eq!(
        parse(&material(json!({"publicKey": {}}))).unwrap().unverified_hint(),
        None
    );
    let list = "x509CertificateChain.certificates";
    for (signer, expected) in [
        (json!({}), BundleError::NoSigner),
        (
            json!({"publicKey": {}, "certificate": certificate}),
            BundleError::TwoSigners,
        ),
        (
            json!({"publicKey": {}, "x509CertificateChain": {}}),
            BundleError::TwoSigners,
        ),
        (chain(0), BundleError::NoCertificate),
        (
            chain(17),
            BundleError::TooMany {
                list,
                limit: MAX_CERTIFICATES,
                found: 17,
            },
        ),
    ] {
        assert_eq!(parse(&material(signer)).err(), Some(expected));
    }
    assert_eq!(
        parse(&with("/verificationMaterial", Value::Null)).err(),
        Some(BundleError::NoSigner)
    );
}

#[test]
fn a_bundle_holds_one_thing_with_one_signature() {
    let none = with("/dsseEnvelope", Value::Null);
    assert_eq!(parse(&none).err(), Some(BundleError::NoContent));
    assert_eq!(
        parse(&with("/messageSignature", message())).err(),
        Some(BundleError::TwoContents)
    );
    let two = with("/dsseEnvelope", envelope(2));
    assert_eq!(parse(&two).err(), Some(BundleError::SignatureCount { found: 2 }));
    let expected = BundleError::Envelope(EnvelopeError::SignatureCount { limit: 16, found: 0 });
    assert_eq!(parse(&with("/dsseEnvelope", envelope(0))).err(), Some(expected));
}

#[test]
fn lists_have_limits() {
    let entries = |n: usize| {
        with(
            "/verificationMaterial/tlogEntries",
            Value::from(vec![json!({"logIndex": "1"}); n]),
        )
    };
    assert_eq!(parse(&entries(32)).unwrap().unverified_log_entries().len(), 32);
    let expected = BundleError::TooMany {
        list: "tlogEntries",
        limit: MAX_LOG_ENTRIES,
        found: 100_000,
    };
    assert_eq!(parse(&entries(100_000)).err(), Some(expected));
    let stamps = json!({"rfc3161Timestamps": vec![json!({"signedTimestamp": ""}); 33]});
    let expected = BundleError::TooMany {
        list: "rfc3161Timestamps",
        limit: MAX_TIMESTAMPS,
        found: 33,
    };
    assert_eq!(
        parse(&with("/verificationMaterial/timestampVerificationData", stamps)).err(),
        Some(expected)
    );
    let large = vec![b' '; MAX_BUNDLE_BYTES + 1];
    let expected = BundleError::TooLarge {
        limit: MAX_BUNDLE_BYTES,
        found: large.len(),
    };
    assert_eq!(Bundle::parse(&large).err(), Some(expected));
}

#[test]
fn numbers_of_log_entries_are_read_as_protobuf_writes_them() {
    let entry = |entry: Value| parse(&with("/verificationMaterial/tlogEntries", json!([entry])));
    for fine in [
        json!({}),
        json!({"logIndex": 5}),
        json!({"logIndex": "9223372036854775807"}),
        json!({"logIndex": null}),
    ] {
        assert!(entry(fine.clone()).is_ok(), "{fine}");
    }
    for wrong in [
        json!({"logIndex": -1}),
        json!({"logIndex": "-1"}),
        json!({"logIndex": "+1"}),
        json!({"logIndex": "9223372036854775808"}),
        json!({"logIndex": 1.5}),
        json!({"integratedTime": "-5"}),
        json!({"inclusionProof": {"logIndex": "-1"}}),
        json!({"inclusionProof": {"treeSize": "-1"}}),
        json!("text"),
    ] {
        assert!(matches!(entry(wrong.clone()), Err(BundleError::LogEntry(_))), "{wrong}");
    }
}

#[test]
fn the_hash_of_a_message_is_one_we_know_or_not_said() {
    for (algorithm, hash) in [
        (json!("SHA2_256"), Hash::Sha256),
        (json!("SHA2_384"), Hash::Sha384),
        (json!("SHA2_512"), Hash::Sha512),
        (json!(1), Hash::Sha256),
    ] {
        let read = parse(&of_message(
            json!({"messageDigest": {"algorithm": algorithm, "digest": ""}, "signature": ""}),
        ));
        let BundleContent::Message(signature) = read.unwrap().into_content() else {
            panic!("a message signature")
        };
        assert_eq!(signature.claimed, Some((hash, Vec::new())));
    }
    for silent in [json!({"signature": ""}), json!({"messageDigest": {}, "signature": ""})] {
        assert!(parse(&of_message(silent)).is_ok());
    }
    for (digest, found) in [
        (json!({"algorithm": "SHA3_256", "digest": ""}), "SHA3_256"),
        (json!({"algorithm": 0, "digest": ""}), "0"),
        (json!({"digest": "AA=="}), "HASH_ALGORITHM_UNSPECIFIED"),
    ] {
        let expected = BundleError::UnknownHash {
            found: found.to_owned(),
        };
        assert_eq!(
            parse(&of_message(json!({"messageDigest": digest, "signature": ""}))).err(),
            Some(expected)
        );
    }
}

#[test]
fn names_of_fields_are_read_in_protobuf_s_other_spelling_but_not_in_both() {
    let snake = bundle().to_string();
    let snake = [
        ("mediaType", "media_type"),
        ("verificationMaterial", "verification_material"),
        ("publicKey", "public_key"),
        ("dsseEnvelope", "dsse_envelope"),
        ("payloadType", "payload_type"),
        ("tlogEntries", "tlog_entries"),
        ("rfc3161Timestamps", "rfc3161_timestamps"),
    ]
    .iter()
    .fold(snake, |text, (camel, snake)| text.replace(camel, snake));
    let read = Bundle::parse(snake.as_bytes()).unwrap();
    assert_eq!(
        (read.unverified_log_entries().len(), read.unverified_timestamps().len()),
        (1, 1)
    );

    for (pointer, value) in [
        ("/media_type", json!(V03)),
        ("/dsse_envelope", envelope(1)),
        ("/dsseEnvelope/payload_type", json!("x")),
    ] {
        assert!(
            matches!(parse(&with(pointer, value)), Err(BundleError::Json(_))),
            "{pointer}"
        );
    }
    let twice = bundle()
        .to_string()
        .replacen(r#""dsseEnvelope":"#, r#""dsseEnvelope":null,"dsseEnvelope":"#, 1);
    assert!(matches!(Bundle::parse(twice.as_bytes()), Err(BundleError::Json(_))));
}

#[test]
fn what_is_not_base64_is_named() {
    let field = |value: Value| match parse(&value) {
        Err(BundleError::Base64 { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        field(of_message(json!({"signature": "?"}))),
        "messageSignature.signature"
    );
    assert_eq!(field(material(json!({"certificate": {"rawBytes": "?"}}))), "rawBytes");
    let digest = json!({"messageDigest": {"algorithm": "SHA2_256", "digest": "?"}, "signature": ""});
    assert_eq!(field(of_message(digest)), "messageSignature.messageDigest.digest");
}

proptest! {
    #[test]
    fn a_mutated_bundle_is_read_or_refused(at: prop::sample::Index, insert in "[\\x00-\\x7f]{0,3}", remove in 0_usize..4, of_a_message: bool) {
        let original = if of_a_message { of_message(message()) } else { bundle() }.to_string();
        let at = at.index(original.len());
        let end = (at + remove).min(original.len());
        let mutated = format!("{}{insert}{}", &original[..at], &original[end..]);
        let _ = Bundle::parse(mutated.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Bundle::parse(&bytes);
    }
}
