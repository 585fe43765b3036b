//! What a key proves about an image, and that nothing hides behind or in front of anything else.

use std::collections::BTreeMap;

use countersign_image::{Digest, Reference, media};
use serde_json::{Value, json};

use super::*;
use crate::encoding::encode;
use crate::envelope::pae;
use crate::key::{Hash, HashRule, SignatureError};
use crate::seal::{Sealed, ToBeSigned};
use crate::simple::SimpleError;
use crate::testing::{self, TestKey, evidence, image, image_of, item};

const RULE: HashRule = HashRule::Natural;
const MANIFEST: &[u8] = b"the manifest";

/// What an operator signs, in the layout, as it is stored.
fn sealed(to_be_signed: ToBeSigned, layout: Layout, key: &TestKey) -> Item {
    let signature = key.sign(to_be_signed.message());
    let content = match to_be_signed.seal(layout, &signature, &key.public).unwrap() {
        Sealed::Simple { payload, signature_b64 } => Content::Simple {
            payload: Blob::new(payload),
            signature: signature_b64,
            annotations: BTreeMap::new(),
        },
        Sealed::Envelope(bytes) => Content::envelope(Blob::new(bytes)),
        Sealed::Bundle(bytes) => Content::Bundle(Blob::new(bytes)),
    };
    item(layout, content)
}

fn simple(image: &Pinned, key: &TestKey) -> Item {
    sealed(ToBeSigned::simple(image, &BTreeMap::new()), Layout::Tag, key)
}

fn sign_bundle(image: &Pinned, key: &TestKey) -> Item {
    sealed(ToBeSigned::cosign_sign(image, &BTreeMap::new()), Layout::Bundle, key)
}

fn attested(image: &Pinned, predicate_type: &str, layout: Layout, key: &TestKey) -> Item {
    sealed(
        ToBeSigned::statement(image, predicate_type, &json!({"a": 1})),
        layout,
        key,
    )
}

fn message_bundle(message: &[u8], claimed: &[u8], key: &TestKey) -> Item {
    let bundle = json!({
        "mediaType": media::SIGSTORE_BUNDLE_V03,
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": encode(Digest::sha256(claimed).raw())},
            "signature": encode(&key.sign(message)),
        },
    });
    item(Layout::Bundle, Content::Bundle(Blob::new(bundle.to_string())))
}

fn envelope(payload_type: &str, payload: &[u8], signatures: &[Vec<u8>]) -> Item {
    let signatures: Vec<_> = signatures
        .iter()
        .map(|signature| json!({"sig": encode(signature)}))
        .collect();
    let envelope = json!({"payloadType": payload_type, "payload": encode(payload), "signatures": signatures});
    item(Layout::Tag, Content::envelope(Blob::new(envelope.to_string())))
}

fn statement(predicate_type: &str, image: &Pinned) -> Vec<u8> {
    let subject = json!([{"digest": {"sha256": image.digest().hex()}}]);
    let version = "https://in-toto.io/Statement/v1";
    json!({"_type": version, "subject": subject, "predicateType": predicate_type})
        .to_string()
        .into_bytes()
}

/// How many signatures count, and why the other items do not.
fn judged(items: Vec<Item>, key: &TestKey) -> (usize, Vec<Why>) {
    let (proved, rejected) = signatures(
        &evidence(&image(), items),
        &Trusted::key(key.public.clone(), RULE),
        &Layouts::ALL,
    );
    (
        proved.len(),
        rejected.into_iter().map(|rejected| rejected.why).collect(),
    )
}

fn not_by(key: &TestKey) -> Why {
    Why::Verify(VerifyError::Signature(SignatureError::NotByThisKey {
        kind: key.public.kind(),
    }))
}

#[test]
fn a_signature_counts_in_every_layout() {
    let key = testing::p256();
    let mut all = evidence(
        &image(),
        vec![
            simple(&image(), &key),
            sealed(ToBeSigned::simple(&image(), &BTreeMap::new()), Layout::Referrer, &key),
            sign_bundle(&image(), &key),
            message_bundle(MANIFEST, MANIFEST, &key),
        ],
    );
    all.manifest = Some(Blob::new(MANIFEST));
    let (proved, rejected) = signatures(&all, &Trusted::key(key.public.clone(), RULE), &Layouts::ALL);
    assert_eq!(rejected, []);
    let layouts: Vec<_> = proved.iter().map(|signature| signature.origin().layout).collect();
    assert_eq!(layouts, [Layout::Tag, Layout::Referrer, Layout::Bundle, Layout::Bundle]);
    assert!(
        proved
            .iter()
            .all(|signature| signature.image() == &image() && signature.key() == &key.public)
    );
}

#[test]
fn no_layout_hides_another_and_a_policy_may_accept_some() {
    let key = testing::p256();
    let all = evidence(&image(), vec![simple(&image(), &key), sign_bundle(&image(), &key)]);
    for (accepted, refused, layouts) in [
        (Layout::Tag, Layout::Bundle, Layouts::LEGACY),
        (Layout::Bundle, Layout::Tag, Layouts::BUNDLE),
        (Layout::Tag, Layout::Bundle, Layouts::of(&[Layout::Tag])),
    ] {
        let (proved, rejected) = signatures(&all, &Trusted::key(key.public.clone(), RULE), &layouts);
        assert_eq!(
            proved
                .iter()
                .map(|signature| signature.origin().layout)
                .collect::<Vec<_>>(),
            [accepted]
        );
        let why: Vec<_> = rejected.into_iter().map(|rejected| rejected.why).collect();
        assert_eq!(why, [Why::LayoutNotAccepted { found: refused }]);
    }
}

#[test]
fn a_broken_item_hides_no_other() {
    let (key, stranger) = (testing::p256(), testing::p256());
    let other = image_of(b"another manifest");
    let garbage = || Content::Bundle(Blob::new("not a bundle"));
    let items = vec![
        item(Layout::Bundle, garbage()),
        item(Layout::Tag, Content::envelope(Blob::new("{}"))),
        simple(&image(), &stranger),
        sign_bundle(&image(), &stranger),
        simple(&other, &key),
        sign_bundle(&other, &key),
        simple(&image(), &key),
        item(Layout::Bundle, garbage()),
        sign_bundle(&image(), &key),
    ];
    let (proved, why) = judged(items, &key);
    assert_eq!(proved, 2);
    let other_digest = || {
        let expected = Box::new(*image().digest());
        Why::NotThisImage(NotThisImage::OtherDigest {
            expected,
            found: vec![other.digest().to_string()],
        })
    };
    assert!(matches!(&why[0], Why::Verify(VerifyError::Bundle(_))));
    assert!(matches!(&why[1], Why::Verify(VerifyError::Envelope(_))));
    assert_eq!(why[2..4], [not_by(&key), not_by(&key)]);
    assert_eq!(why[4..6], [other_digest(), other_digest()]);
    assert!(matches!(&why[6], Why::Verify(VerifyError::Bundle(_))));
}

#[test]
fn a_rejection_says_where_and_why() {
    let (key, other) = (testing::p256(), image_of(b"another manifest"));
    let stored = simple(&other, &key);
    let (_, rejected) = signatures(
        &evidence(&image(), vec![stored.clone()]),
        &Trusted::key(key.public.clone(), RULE),
        &Layouts::ALL,
    );
    assert_eq!(rejected[0].origin, stored.origin);
    let expected = format!("signed for `{}`, not for `{}`", other.digest(), image().digest());
    assert_eq!(rejected[0].why.to_string(), expected);
}

#[test]
fn an_attestation_signs_nothing_and_a_signature_attests_nothing() {
    let key = testing::p256();
    let vuln = predicate::uri_of("vuln");
    let items = vec![
        attested(&image(), vuln, Layout::Tag, &key),
        attested(&image(), vuln, Layout::Bundle, &key),
        simple(&image(), &key),
    ];
    let all = evidence(&image(), items);
    let (signed, rejected) = signatures(&all, &Trusted::key(key.public.clone(), RULE), &Layouts::ALL);
    assert_eq!(signed.len(), 1);
    let not_a_signature = Why::NotASignature {
        unverified_predicate_type: vuln.to_owned(),
    };
    assert!(rejected.iter().all(|rejected| rejected.why == not_a_signature) && rejected.len() == 2);

    let (attested, rejected) = attestations(&all, &Trusted::key(key.public.clone(), RULE), &Layouts::ALL);
    assert_eq!(
        attested.iter().map(Attestation::predicate_type).collect::<Vec<_>>(),
        [vuln, vuln]
    );
    assert_eq!(attested[0].predicate().get(), r#"{"a":1}"#);
    assert_eq!(
        rejected.into_iter().map(|rejected| rejected.why).collect::<Vec<_>>(),
        [Why::NotAnAttestation]
    );
}

#[test]
fn the_signed_statement_decides_what_it_is_and_not_where_it_is_stored() {
    let key = testing::p256();
    let payload = statement(predicate::COSIGN_SIGN, &image());
    let signature = key.sign(&pae(media::IN_TOTO, &payload));
    assert_eq!(
        judged(vec![envelope(media::IN_TOTO, &payload, &[signature])], &key),
        (1, vec![])
    );
}

#[test]
fn an_attestation_is_about_one_of_its_subjects() {
    let (key, other) = (testing::p256(), image_of(b"another manifest"));
    let all = evidence(
        &image(),
        vec![attested(&other, "https://example.com/x", Layout::Tag, &key)],
    );
    let (attested, rejected) = attestations(&all, &Trusted::key(key.public.clone(), RULE), &Layouts::ALL);
    assert!(attested.is_empty());
    assert!(matches!(
        &rejected[0].why,
        Why::NotThisImage(NotThisImage::OtherDigest { .. })
    ));
}

#[test]
fn one_signature_of_several_is_enough_wherever_it_stands() {
    let (key, stranger) = (testing::p256(), testing::p256());
    let payload = statement(predicate::COSIGN_SIGN, &image());
    let message = pae(media::IN_TOTO, &payload);
    let (mine, foreign) = (key.sign(&message), stranger.sign(&message));
    for signatures in [
        vec![mine.clone()],
        vec![foreign.clone(), mine.clone()],
        vec![vec![], b"x".to_vec(), mine.clone(), foreign.clone()],
        vec![mine.clone(), mine.clone()],
    ] {
        assert_eq!(
            judged(vec![envelope(media::IN_TOTO, &payload, &signatures)], &key),
            (1, vec![])
        );
    }
    let (proved, why) = judged(
        vec![envelope(media::IN_TOTO, &payload, &[foreign.clone(), foreign])],
        &key,
    );
    assert_eq!((proved, why), (0, vec![not_by(&key)]));
}

#[test]
fn a_payload_is_opened_only_if_its_type_is_a_statement_s() {
    let key = testing::p256();
    let payload = statement(predicate::COSIGN_SIGN, &image());
    let found = "application/vnd.other+json";
    let signature = key.sign(&pae(found, &payload));
    let (proved, why) = judged(vec![envelope(found, &payload, &[signature])], &key);
    assert_eq!(
        (proved, why),
        (
            0,
            vec![Why::Verify(VerifyError::PayloadType {
                found: found.to_owned()
            })]
        )
    );
    // The type is covered by the signature.
    let signature = key.sign(&pae(found, &payload));
    let (proved, why) = judged(vec![envelope(media::IN_TOTO, &payload, &[signature])], &key);
    assert_eq!((proved, why), (0, vec![not_by(&key)]));
}

#[test]
fn what_is_signed_but_unreadable_proves_nothing() {
    let key = testing::p256();
    for payload in [
        &b"not json"[..],
        b"{}",
        br#"{"_type":"x","predicateType":"y","predicateType":"z"}"#,
    ] {
        let signature = key.sign(&pae(media::IN_TOTO, payload));
        let (proved, why) = judged(vec![envelope(media::IN_TOTO, payload, &[signature])], &key);
        assert_eq!(proved, 0);
        assert!(matches!(&why[0], Why::Verify(VerifyError::Statement(_))), "{why:?}");
    }
    let payload = json!({"critical": {"type": "x", "image": {"docker-manifest-digest": image().digest()}}}).to_string();
    let content = testing::simple(payload.clone(), &key.sign(payload.as_bytes()));
    let (proved, why) = judged(vec![item(Layout::Tag, content)], &key);
    assert_eq!(proved, 0);
    assert_eq!(
        why,
        [Why::Verify(VerifyError::Simple(SimpleError::Type {
            found: "x".into()
        }))]
    );
}

#[test]
fn a_changed_payload_is_not_what_was_signed() {
    let key = testing::p256();
    let Content::Simple {
        payload,
        signature,
        annotations,
    } = simple(&image_of(b"another"), &key).content
    else {
        panic!("a payload")
    };
    let text = String::from_utf8(payload.bytes().to_vec()).unwrap();
    let forged = text.replace(&Digest::sha256(b"another").hex(), &image().digest().hex());
    let content = Content::Simple {
        payload: Blob::new(forged),
        signature,
        annotations,
    };
    assert_eq!(judged(vec![item(Layout::Tag, content)], &key), (0, vec![not_by(&key)]));
}

#[test]
fn a_message_signature_is_over_the_manifest_and_nothing_else_will_do() {
    let key = testing::p256();
    let judged = |item: Item, manifest: Option<&'static [u8]>| {
        let mut all = evidence(&image(), vec![item]);
        all.manifest = manifest.map(Blob::new);
        let (proved, rejected) = signatures(&all, &Trusted::key(key.public.clone(), RULE), &Layouts::ALL);
        assert_eq!(proved.len() + rejected.len(), 1);
        rejected.into_iter().next().map(|rejected| rejected.why)
    };
    let mine = || message_bundle(MANIFEST, MANIFEST, &key);
    assert_eq!(judged(mine(), Some(MANIFEST)), None);
    assert_eq!(judged(mine(), None), None, "the image's digest is the manifest's");
    assert!(matches!(
        judged(message_bundle(b"other bytes", MANIFEST, &key), None),
        Some(Why::Verify(VerifyError::Signature(SignatureError::NotByThisKey { .. })))
    ));
    let message = Box::new(Digest::sha256(MANIFEST));
    let other = Some(Why::Verify(VerifyError::OtherMessage { message }));
    assert_eq!(
        judged(message_bundle(MANIFEST, b"claimed", &key), Some(MANIFEST)),
        other
    );
    assert_eq!(
        judged(message_bundle(b"other bytes", MANIFEST, &key), Some(MANIFEST)),
        Some(not_by(&key))
    );
    // Whoever handed in a manifest that is not the image's does not get a signature out of it.
    let blob = message_bundle(b"a blob", b"a blob", &key);
    assert!(matches!(
        judged(blob, Some(b"a blob")),
        Some(Why::NotThisImage(NotThisImage::OtherDigest { .. }))
    ));
}

#[test]
fn ten_thousand_bad_signatures_cost_what_the_limit_costs() {
    let (key, stranger) = (testing::p256(), testing::p256());
    let mut items = vec![simple(&image(), &stranger); MAX_SIGNATURES - 1];
    items.push(simple(&image(), &key));
    items.extend(vec![simple(&image(), &key); 10_000]);
    let (proved, why) = judged(items, &key);
    assert_eq!(proved, 1);
    let too_many = Why::TooMany { limit: MAX_SIGNATURES };
    assert_eq!(why.iter().filter(|why| **why == too_many).count(), 10_000);

    // Every signature of an envelope is counted.
    let payload = statement(predicate::COSIGN_SIGN, &image());
    let full = envelope(media::IN_TOTO, &payload, &vec![b"x".to_vec(); 16]);
    let (_, why) = judged(vec![full; 33], &key);
    assert_eq!(why.iter().filter(|why| **why == too_many).count(), 1);
}

#[test]
fn the_rule_holds_for_signatures_and_attestations() {
    let key = testing::p256();
    let rule = HashRule::Exactly(Hash::Sha224);
    let unsupported = SignatureError::Unsupported {
        kind: key.public.kind(),
        hash: Hash::Sha224,
    };
    let all = evidence(
        &image(),
        vec![simple(&image(), &key), attested(&image(), "x", Layout::Tag, &key)],
    );
    let (_, rejected) = signatures(&all, &Trusted::key(key.public.clone(), rule), &Layouts::ALL);
    assert_eq!(
        rejected[0].why,
        Why::Verify(VerifyError::Signature(unsupported.clone()))
    );
    let (_, rejected) = attestations(&all, &Trusted::key(key.public.clone(), rule), &Layouts::ALL);
    assert_eq!(rejected[1].why, Why::Verify(VerifyError::Signature(unsupported)));
}

#[test]
fn every_kind_of_key_signs_and_attests() {
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature as aws;
    for key in [
        testing::ecdsa(&aws::ECDSA_P384_SHA384_ASN1_SIGNING),
        testing::ecdsa(&aws::ECDSA_P521_SHA512_ASN1_SIGNING),
        testing::ed25519(),
        testing::ed25519ph(),
        testing::rsa(KeySize::Rsa3072, &aws::RSA_PKCS1_SHA256),
        testing::rsa(KeySize::Rsa2048, &aws::RSA_PSS_SHA256),
    ] {
        let items = vec![simple(&image(), &key), sign_bundle(&image(), &key)];
        assert_eq!(judged(items, &key), (2, vec![]), "{:?}", key.public);
    }
}

#[test]
fn an_image_named_by_sha512_is_signed_by_sha512() {
    use countersign_image::Algorithm;
    let key = testing::p256();
    let image = Reference::parse("ghcr.io/acme/app")
        .unwrap()
        .resolved(Digest::of(Algorithm::Sha512, MANIFEST));
    let all = evidence(&image, vec![simple(&image, &key), sign_bundle(&image, &key)]);
    assert_eq!(
        signatures(&all, &Trusted::key(key.public.clone(), RULE), &Layouts::ALL)
            .0
            .len(),
        2
    );
}

#[test]
fn a_signer_s_annotations_are_carried_along() {
    let key = testing::p256();
    let annotations = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    for item in [
        sealed(ToBeSigned::simple(&image(), &annotations), Layout::Tag, &key),
        sealed(ToBeSigned::cosign_sign(&image(), &annotations), Layout::Bundle, &key),
    ] {
        let (proved, _) = signatures(
            &evidence(&image(), vec![item]),
            &Trusted::key(key.public.clone(), RULE),
            &Layouts::ALL,
        );
        assert_eq!(proved[0].annotations(), &annotations);
    }
}

#[test]
fn an_unverified_type_is_fit_to_be_shown() {
    let payload = json!({"predicateType": "\u{1b}[2Jx"}).to_string();
    let Content::Envelope { envelope: blob, .. } = envelope(media::IN_TOTO, payload.as_bytes(), &[vec![1]]).content
    else {
        panic!("an envelope")
    };
    let envelope = Envelope::parse(blob.bytes()).unwrap();
    assert_eq!(unverified_predicate_type(&envelope).as_deref(), Some("\u{fffd}[2Jx"));
    assert_eq!(Value::from(unverified_predicate_type(&envelope)), json!("\u{fffd}[2Jx"));
}
