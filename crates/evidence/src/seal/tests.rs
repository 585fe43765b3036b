//! What is sealed is what was meant, in a layout that can hold it, and is never handed out unverified.

use serde_json::json;

use super::*;
use crate::key::SignatureError;
use crate::simple::SimplePayload;
use crate::statement::{Statement, StatementError};
use crate::testing::{self, image};

fn annotations() -> BTreeMap<String, String> {
    BTreeMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())])
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_bytes_that_are_signed_are_a_function_of_what_is_meant() {
    let digest = image().digest().hex();
    assert_eq!(
        text(ToBeSigned::simple(&image(), &annotations()).message()),
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"ghcr.io/acme/app"}},"image":{{"docker-manifest-digest":"sha256:{digest}"}},"type":"cosign container image signature"}},"optional":{{"a":"1","b":"2"}}}}"#
        )
    );
    let sign = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{digest}"}},"annotations":{{}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#
    );
    let expected = format!("DSSEv1 28 application/vnd.in-toto+json {} {sign}", sign.len());
    assert_eq!(
        text(ToBeSigned::cosign_sign(&image(), &BTreeMap::new()).message()),
        expected
    );
}

#[test]
fn docker_hub_is_named_as_cosign_names_it() {
    let nginx = countersign_image::Reference::parse("nginx")
        .unwrap()
        .resolved(*image().digest());
    let payload = SimplePayload::parse(ToBeSigned::simple(&nginx, &BTreeMap::new()).message()).unwrap();
    assert_eq!(payload.docker_reference, "index.docker.io/library/nginx");
    let statement = ToBeSigned::statement(&nginx, "https://example.com/x", &json!(null));
    let statement = Statement::parse(&statement.payload).unwrap();
    assert_eq!(
        statement.subjects[0].name.as_deref(),
        Some("index.docker.io/library/nginx")
    );
}

#[test]
fn each_layout_holds_what_it_can() {
    let key = testing::p256();
    let sealed = |to_be_signed: ToBeSigned, layout| {
        let signature = key.sign(to_be_signed.message());
        to_be_signed
            .seal(layout, &signature, &key.public)
            .map(|sealed| sealed.media_type())
    };
    let simple = || ToBeSigned::simple(&image(), &BTreeMap::new());
    let sign = || ToBeSigned::cosign_sign(&image(), &BTreeMap::new());
    let attestation = || ToBeSigned::statement(&image(), "https://example.com/x", &json!({}));
    for layout in [Layout::Tag, Layout::Referrer] {
        assert_eq!(sealed(simple(), layout), Ok(media::SIMPLE_SIGNING));
        assert_eq!(sealed(attestation(), layout), Ok(media::DSSE_ENVELOPE));
        assert!(matches!(sealed(sign(), layout), Err(SealError::Layout { .. })));
    }
    assert_eq!(sealed(sign(), Layout::Bundle), Ok(media::SIGSTORE_BUNDLE_V03));
    assert_eq!(sealed(attestation(), Layout::Bundle), Ok(media::SIGSTORE_BUNDLE_V03));
    let error = sealed(simple(), Layout::Bundle).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the layout `bundle` cannot hold a simple-signing payload"
    );
}

#[test]
fn a_signature_that_does_not_verify_is_not_handed_out() {
    let (key, other) = (testing::p256(), testing::p256());
    let expected = SealError::Unverified(VerifyError::Signature(SignatureError::NotByThisKey {
        kind: key.public.kind(),
    }));
    for (to_be_signed, layout) in [
        (ToBeSigned::simple(&image(), &BTreeMap::new()), Layout::Tag),
        (ToBeSigned::cosign_sign(&image(), &BTreeMap::new()), Layout::Bundle),
        (
            ToBeSigned::statement(&image(), "https://example.com/x", &json!({})),
            Layout::Tag,
        ),
    ] {
        let signature = other.sign(to_be_signed.message());
        assert_eq!(
            to_be_signed.clone().seal(layout, &signature, &key.public),
            Err(expected.clone())
        );
        assert_eq!(to_be_signed.seal(layout, b"", &key.public), Err(expected.clone()));
    }
}

#[test]
fn what_nobody_would_read_is_not_handed_out() {
    let key = testing::p256();
    let to_be_signed = ToBeSigned::statement(&image(), "", &json!({}));
    let signature = key.sign(to_be_signed.message());
    let reason = StatementError::PredicateType { limit: 1024, found: 0 };
    let expected = SealError::Unverified(VerifyError::Statement(reason));
    assert_eq!(to_be_signed.seal(Layout::Tag, &signature, &key.public), Err(expected));
}

#[test]
fn the_predicate_type_is_told_for_the_annotation() {
    let key = testing::p256();
    for (layout, to_be_signed, expected) in [
        (Layout::Tag, ToBeSigned::simple(&image(), &annotations()), None),
        (
            Layout::Bundle,
            ToBeSigned::cosign_sign(&image(), &annotations()),
            Some(predicate::COSIGN_SIGN),
        ),
        (
            Layout::Tag,
            ToBeSigned::statement(&image(), "https://example.com/x", &json!(1)),
            Some("https://example.com/x"),
        ),
    ] {
        let signature = key.sign(to_be_signed.message());
        let sealed = to_be_signed.seal(layout, &signature, &key.public).unwrap();
        assert_eq!(sealed.predicate_type().as_deref(), expected);
    }
}
