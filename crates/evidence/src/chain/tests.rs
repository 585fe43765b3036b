//! The chain of trust in cosign's older layouts, link by link, with a private Sigstore: what holds, and what does not hold
//! with one link changed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use countersign_image::{Blob, annotation, media};
use countersign_mint::{Key, Kind, San, Sigstore};
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::*;
use crate::certificate::{DetachedSct, SctRule};
use crate::encoding::encode;
use crate::envelope::pae;
use crate::examine::{Why, attestations, signatures};
use crate::gathered::Content;
use crate::key::PublicKey;
use crate::layout::{Layout, Layouts};
use crate::material::MaterialError;
use crate::predicate;
use crate::refusal::Step;
use crate::simple;
use crate::testing::{evidence, image, item};
use crate::trust::TrustRoot;

mod crowded;
mod thresholds;

const LOG: &str = "https://rekor.mint.example";

/// A Sigstore with a log of signatures besides.
struct Private {
    sigstore: Sigstore,
    log: Key,
    root: Arc<TrustRoot>,
}

static PRIVATE: LazyLock<Private> = LazyLock::new(|| {
    let (sigstore, log) = (Sigstore::new(), Key::new(Kind::P256));
    let mut root = sigstore.trusted_root();
    root.log(LOG, &log, &log.id(), sigstore.now - 1000.hours(), None);
    let root = Arc::new(TrustRoot::parse(&root.to_json()).unwrap());
    Private { sigstore, log, root }
});

fn now() -> Timestamp {
    PRIVATE.sigstore.now
}

fn pem(der: &[u8]) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        encode(der)
    )
}

/// Somebody with a certificate, who signs as cosign does.
struct Person {
    key: Key,
    certificate: Vec<u8>,
}

impl Person {
    fn new(kind: Kind) -> Self {
        let key = Key::new(kind);
        let certificate = PRIVATE
            .sigstore
            .certify(PRIVATE.sigstore.leaf(&key, &[San::Email("jane@example.com")]));
        Self { key, certificate }
    }

    fn public(&self) -> PublicKey {
        PublicKey::from_spki_der(&self.key.spki()).unwrap()
    }

    fn certified(&self) -> Annotations {
        Annotations::default().with(annotation::COSIGN_CERTIFICATE, &pem(&self.certificate))
    }
}

/// What is put beside a signature.
#[derive(Clone, Default)]
struct Annotations(BTreeMap<String, String>);

impl Annotations {
    fn with(mut self, name: &str, text: &str) -> Self {
        self.0.insert(name.to_owned(), text.to_owned());
        self
    }

    fn stamped(self, over: &[u8], time: Timestamp) -> Self {
        let token = encode(&PRIVATE.sigstore.time.stamp(over, time));
        self.with(
            annotation::COSIGN_RFC3161,
            &json!({"SignedRFC3161Timestamp": token}).to_string(),
        )
    }

    /// An entry of kind hashedrekord, promised at a time.
    fn promised(self, message: &[u8], signature: &[u8], verifier: &str, time: Timestamp) -> Self {
        let hash = hex::encode(countersign_mint::Hash::Sha256.of(message));
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": hash}},
                "signature": {"content": encode(signature), "publicKey": {"content": encode(verifier.as_bytes())}},
            },
        });
        let (body, time, id) = (
            encode(body.to_string().as_bytes()),
            time.as_second(),
            hex::encode(PRIVATE.log.id()),
        );
        let promised = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":7}}"#);
        let promise = encode(&PRIVATE.log.sign(promised.as_bytes()));
        let payload = json!({"body": body, "integratedTime": time, "logID": id, "logIndex": 7});
        self.with(
            annotation::COSIGN_BUNDLE,
            &json!({"SignedEntryTimestamp": promise, "Payload": payload}).to_string(),
        )
    }
}

fn payload() -> Vec<u8> {
    let digest = image().digest().to_string();
    json!({"critical": {"image": {"docker-manifest-digest": digest}, "type": simple::TYPE}})
        .to_string()
        .into_bytes()
}

fn signed(signature: &[u8], annotations: Annotations) -> Content {
    Content::Simple {
        payload: Blob::new(payload()),
        signature: encode(signature),
        annotations: annotations.0,
    }
}

/// The first proof's chain, or why the first item proves nothing.
fn judge_signature(content: Content, trusted: &Trusted) -> Result<Chain, Why> {
    let all = evidence(&image(), vec![item(Layout::Tag, content)]);
    let (proofs, rejected) = signatures(&all, trusted, &Layouts::ALL);
    proofs
        .first()
        .map(|proof| proof.chain().clone())
        .ok_or_else(|| rejected[0].why.clone())
}

fn statement(predicate_type: &str) -> Vec<u8> {
    let subject = json!([{"digest": {"sha256": image().digest().hex()}}]);
    json!({"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": predicate_type})
        .to_string()
        .into_bytes()
}

fn enveloped(signatures: &[Vec<u8>]) -> Vec<u8> {
    let signatures: Vec<_> = signatures
        .iter()
        .map(|signature| json!({"sig": encode(signature)}))
        .collect();
    let payload = encode(&statement(predicate::uri_of("vuln")));
    json!({"payloadType": media::IN_TOTO, "payload": payload, "signatures": signatures})
        .to_string()
        .into_bytes()
}

fn judge_attestation(envelope: Vec<u8>, annotations: Annotations, trusted: &Trusted) -> Result<Chain, Why> {
    let content = Content::Envelope {
        envelope: Blob::new(envelope),
        annotations: annotations.0,
    };
    let all = evidence(&image(), vec![item(Layout::Tag, content)]);
    let (proofs, rejected) = attestations(&all, trusted, &Layouts::ALL);
    proofs
        .first()
        .map(|proof| proof.chain().clone())
        .ok_or_else(|| rejected[0].why.clone())
}

/// Believes timestamps alone.
fn by_time() -> Trusted {
    Trusted::Keyless {
        root: PRIVATE.root.clone(),
        sct: SctRule::Required,
        logs: None,
        times: Some(TimeDemand::of(PRIVATE.root.clone(), 1)),
    }
}

fn keyless() -> Trusted {
    Trusted::keyless(PRIVATE.root.clone())
}

#[track_caller]
fn broke(found: Result<Chain, Why>, step: Step) -> VerifyError {
    match found {
        Err(Why::Verify(error)) if error.step() == step => error,
        found => panic!("{step} should have broken, and this came: {found:?}"),
    }
}

#[test]
fn a_signature_with_a_certificate_and_a_timestamp_counts_with_every_kind_of_key() {
    for kind in Kind::ALL {
        let person = Person::new(kind);
        let signature = person.key.sign(&payload());
        let stamped = person.certified().stamped(&signature, now());
        let chain = judge_signature(signed(&signature, stamped), &by_time()).unwrap();
        assert_eq!(
            chain.signer().identity().unwrap().subjects[0].as_str(),
            "jane@example.com"
        );
        assert_eq!(chain.signer().key(), &person.public());
        let by = TimeSource::Authority("https://time.mint.example".into());
        assert_eq!(chain.times(), [ProvedTime { time: now(), by }], "{kind:?}");
        assert_eq!(chain.logs(), []);
    }
}

/// cosign 2 signs over SHA-256 whatever the curve.
#[test]
fn a_signature_over_sha_256_counts_with_the_certificate_of_a_larger_curve() {
    let key = crate::testing::ecdsa(&aws_lc_rs::signature::ECDSA_P521_SHA256_ASN1_SIGNING);
    let signature = key.sign(&payload());
    let person = Person::new(Kind::P521);
    let certified = {
        let mut spec = PRIVATE.sigstore.leaf(&person.key, &[San::Email("jane@example.com")]);
        spec.spki = key.public.spki_der().to_vec();
        Annotations::default().with(annotation::COSIGN_CERTIFICATE, &pem(&PRIVATE.sigstore.certify(spec)))
    };
    let chain = judge_signature(signed(&signature, certified.stamped(&signature, now())), &by_time()).unwrap();
    assert_eq!(chain.scheme(), Scheme::Ecdsa(crate::key::Hash::Sha256));
}

#[test]
fn each_link_of_a_signature_is_needed_and_each_is_told() {
    let (person, other) = (Person::new(Kind::P256), Person::new(Kind::P256));
    let signature = person.key.sign(&payload());
    let judge = |annotations: Annotations, trusted: &Trusted| judge_signature(signed(&signature, annotations), trusted);
    let promised =
        |annotations: Annotations, time| annotations.promised(&payload(), &signature, &pem(&person.certificate), time);
    // All of it.
    let chain = judge(
        promised(person.certified(), now()).stamped(&signature, now()),
        &keyless(),
    )
    .unwrap();
    assert_eq!((chain.times().len(), chain.logs().len()), (2, 1));
    assert_eq!((chain.logs()[0].index(), chain.logs()[0].log_name()), (7, LOG));

    let nothing = broke(judge(Annotations::default(), &keyless()), Step::Certificate);
    assert_eq!(nothing, VerifyError::Material(MaterialError::NoCertificate));
    broke(
        judge(other.certified().stamped(&signature, now()), &by_time()),
        Step::Signature,
    );
    let none = broke(judge(person.certified(), &keyless()), Step::Log);
    assert_eq!(none, VerifyError::TooFewLogs { wanted: 1, found: 0 });
    let none = broke(judge(person.certified(), &by_time()), Step::Timestamp);
    assert_eq!(none, VerifyError::TooFewTimes { wanted: 1, found: 0 });
    // Nobody looks at the log, and so it proves no time.
    let unseen = Trusted::Keyless {
        root: PRIVATE.root.clone(),
        sct: SctRule::Required,
        logs: None,
        times: None,
    };
    assert_eq!(
        broke(judge(promised(person.certified(), now()), &unseen), Step::Timestamp),
        VerifyError::NoTime
    );
    // An entry about somebody else, a timestamp over something else.
    let foreign = person
        .certified()
        .promised(&payload(), &signature, &pem(&other.certificate), now());
    broke(judge(foreign, &keyless()), Step::Log);
    broke(
        judge(person.certified().stamped(b"something else", now()), &by_time()),
        Step::Timestamp,
    );
    // Valid at one of two proved times is not valid.
    let late = now() + 1.hour();
    broke(judge(promised(person.certified(), late), &keyless()), Step::Certificate);
    broke(
        judge(
            promised(person.certified(), now()).stamped(&signature, late),
            &keyless(),
        ),
        Step::Certificate,
    );
    broke(
        judge(
            promised(person.certified(), late).stamped(&signature, now()),
            &keyless(),
        ),
        Step::Certificate,
    );
    // In no log of certificates.
    let spec = PRIVATE.sigstore.leaf(&person.key, &[San::Email("jane@example.com")]);
    let unlogged = pem(&PRIVATE.sigstore.authority.issue(&spec));
    let unlogged = Annotations::default().with(annotation::COSIGN_CERTIFICATE, &unlogged);
    broke(judge(unlogged.stamped(&signature, now()), &by_time()), Step::Sct);
}

#[test]
fn a_timestamp_of_a_stored_envelope_is_over_the_envelope() {
    let person = Person::new(Kind::P256);
    let signature = person
        .key
        .sign(&pae(media::IN_TOTO, &statement(predicate::uri_of("vuln"))));
    let envelope = enveloped(std::slice::from_ref(&signature));
    let right = person.certified().stamped(&envelope, now());
    let chain = judge_attestation(envelope.clone(), right.clone(), &by_time()).unwrap();
    assert_eq!(
        chain.signer().identity().unwrap().subjects[0].as_str(),
        "jane@example.com"
    );
    // cosign stamps what it stores: neither the signature in it, nor the same envelope written in another way.
    let over_signature = person.certified().stamped(&signature, now());
    broke(
        judge_attestation(envelope.clone(), over_signature, &by_time()),
        Step::Timestamp,
    );
    let rewritten = [envelope.as_slice(), b" "].concat();
    broke(judge_attestation(rewritten, right, &by_time()), Step::Timestamp);
}

#[test]
fn one_signature_of_several_in_a_stored_envelope_is_enough_if_the_certificate_is_its_signers() {
    let (person, other) = (Person::new(Kind::P256), Person::new(Kind::P256));
    let message = pae(media::IN_TOTO, &statement(predicate::uri_of("vuln")));
    let (mine, foreign) = (person.key.sign(&message), other.key.sign(&message));
    for signatures in [vec![mine.clone(), foreign.clone()], vec![foreign.clone(), mine]] {
        let envelope = enveloped(&signatures);
        let stamped = person.certified().stamped(&envelope, now());
        judge_attestation(envelope, stamped, &by_time()).unwrap();
    }
    let envelope = enveloped(&[foreign.clone(), foreign]);
    let stamped = person.certified().stamped(&envelope, now());
    broke(judge_attestation(envelope, stamped, &by_time()), Step::Signature);
}

#[test]
fn a_key_needs_nothing_beside_it_unless_it_is_demanded() {
    let person = Person::new(Kind::P256);
    let key = person.public();
    let signature = person.key.sign(&payload());
    let judge = |annotations: Annotations, trusted: &Trusted| judge_signature(signed(&signature, annotations), trusted);
    let broken = Annotations::default()
        .with(annotation::COSIGN_CERTIFICATE, "not PEM")
        .with(annotation::COSIGN_CHAIN, "-----BEGIN CERTIFICATE-----")
        .with(annotation::COSIGN_BUNDLE, "{")
        .with(annotation::COSIGN_RFC3161, "{");
    let alone = Trusted::key(key.clone(), HashRule::Natural);
    let chain = judge(broken.clone(), &alone).unwrap();
    assert!(chain.signer().identity().is_none() && chain.times().is_empty() && chain.logs().is_empty());

    let demanding = |logs: Option<usize>, times: Option<usize>| Trusted::Key {
        key: key.clone(),
        rule: HashRule::Natural,
        logs: logs.map(|least| LogDemand::of(PRIVATE.root.clone(), least)),
        times: times.map(|least| TimeDemand::of(PRIVATE.root.clone(), least)),
    };
    let in_log = |annotations: Annotations| annotations.promised(&payload(), &signature, &key.to_pem(), now());
    let nothing = Annotations::default;
    broke(judge(broken.clone(), &demanding(Some(0), None)), Step::Log);
    broke(judge(broken, &demanding(None, Some(0))), Step::Timestamp);
    judge(nothing(), &demanding(Some(0), Some(0))).unwrap();
    broke(judge(nothing(), &demanding(Some(1), None)), Step::Log);
    broke(judge(nothing(), &demanding(None, Some(1))), Step::Timestamp);
    let chain = judge(
        in_log(nothing()).stamped(&signature, now()),
        &demanding(Some(1), Some(1)),
    )
    .unwrap();
    assert_eq!((chain.logs().len(), chain.times().len()), (1, 2));
    broke(judge(in_log(nothing()), &demanding(Some(2), None)), Step::Log);
    // An entry that names the certificate of the key is about the certificate.
    let certified = nothing().promised(&payload(), &signature, &pem(&person.certificate), now());
    broke(judge(certified, &demanding(Some(1), None)), Step::Log);
}

#[test]
fn annotations_that_cannot_be_read_are_told_by_name() {
    let person = Person::new(Kind::P256);
    let signature = person.key.sign(&payload());
    let good = || person.certified().stamped(&signature, now());
    let long = "x".repeat(300 * 1024);
    let many = pem(&person.certificate).repeat(17);
    let (certificate, chain, stamp) = (
        annotation::COSIGN_CERTIFICATE,
        annotation::COSIGN_CHAIN,
        annotation::COSIGN_RFC3161,
    );
    judge_signature(signed(&signature, good()), &by_time()).unwrap();
    // What stands around the blocks is read over, and an empty annotation is none.
    let around = format!("subject=jane\n{}\n", pem(&person.certificate));
    judge_signature(
        signed(&signature, good().with(certificate, &around).with(chain, "")),
        &by_time(),
    )
    .unwrap();
    for (name, text, step, words) in [
        (certificate, "", Step::Certificate, "no certificate"),
        (certificate, "not PEM", Step::Certificate, "no certificate"),
        (
            certificate,
            "-----BEGIN CERTIFICATE-----\nAAAA",
            Step::Certificate,
            "does not end",
        ),
        (
            certificate,
            "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----",
            Step::Certificate,
            "not readable",
        ),
        (
            certificate,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            Step::Certificate,
            "",
        ),
        (certificate, &long, Step::Certificate, "262144 are the most"),
        (chain, &many, Step::Certificate, "more than 16"),
        (chain, &long, Step::Certificate, "262144 are the most"),
        (stamp, "{", Step::Timestamp, "not readable"),
        (
            stamp,
            r#"{"SignedRFC3161Timestamp":"?"}"#,
            Step::Timestamp,
            "not readable",
        ),
        (
            stamp,
            r#"{"SignedRFC3161Timestamp":"","SignedRFC3161Timestamp":""}"#,
            Step::Timestamp,
            "not readable",
        ),
        (stamp, &long, Step::Timestamp, "262144 are the most"),
    ] {
        let found = judge_signature(signed(&signature, good().with(name, text)), &by_time());
        let error = broke(found, step);
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// Some authorities answer with the promise beside the certificate. No layout keeps it, so that whoever judges brings it.
#[test]
fn a_promise_that_is_brought_along_counts_for_its_certificate_and_no_other() {
    let (sigstore, log) = (&PRIVATE.sigstore, &PRIVATE.sigstore.ct_log);
    let issue = || {
        let key = Key::new(Kind::P256);
        let spec = sigstore.leaf(&key, &[San::Email("jane@example.com")]);
        let certificate = sigstore.authority.issue(&spec);
        Person { key, certificate }
    };
    let (person, other) = (issue(), issue());
    let judge = |sct: SctRule| {
        let signature = person.key.sign(&payload());
        let trusted = Trusted::Keyless {
            root: PRIVATE.root.clone(),
            sct,
            logs: None,
            times: Some(TimeDemand::of(PRIVATE.root.clone(), 1)),
        };
        judge_signature(
            signed(&signature, person.certified().stamped(&signature, now())),
            &trusted,
        )
    };
    let detached = |answer: &[u8]| SctRule::RequiredOr(DetachedSct::parse(answer).unwrap());
    broke(judge(SctRule::Required), Step::Sct);
    let answer = log.answer(&person.certificate, now());
    let chain = judge(detached(answer.as_bytes())).unwrap();
    let promised = chain.signer().vouched().unwrap().logged().unwrap().time;
    assert_eq!(promised.as_millisecond(), now().as_millisecond());
    judge(detached(&log.promise_of_issued(&person.certificate, now()))).unwrap();
    let others = log.answer(&other.certificate, now());
    broke(judge(detached(others.as_bytes())), Step::Sct);
    let stranger = countersign_mint::CtLog::new("https://ct.example", Kind::P256, now());
    let strangers = stranger.answer(&person.certificate, now());
    broke(judge(detached(strangers.as_bytes())), Step::Sct);
}

/// Two authorities that ask the same share an answer, and two that do not, do not.
#[test]
fn what_is_trusted_is_the_same_only_if_all_of_it_is() {
    let other = {
        let mut root = PRIVATE.sigstore.trusted_root();
        root.log(LOG, &PRIVATE.log, &PRIVATE.log.id(), now(), None);
        Arc::new(TrustRoot::parse(&root.to_json()).unwrap())
    };
    let (root, key) = (PRIVATE.root.clone(), Person::new(Kind::P256).public());
    let of = |root: &Arc<TrustRoot>, sct, logs: Option<usize>, times: Option<usize>| Trusted::Keyless {
        root: root.clone(),
        sct,
        logs: logs.map(|least| LogDemand::of(root.clone(), least)),
        times: times.map(|least| TimeDemand::of(root.clone(), least)),
    };
    let all = [
        keyless(),
        Trusted::keyless(other.clone()),
        of(&root, SctRule::Ignored, Some(1), Some(0)),
        of(&root, SctRule::Required, Some(2), Some(0)),
        of(&root, SctRule::Required, None, Some(0)),
        of(&root, SctRule::Required, Some(1), Some(1)),
        of(&root, SctRule::Required, Some(1), None),
        Trusted::key(key.clone(), HashRule::Natural),
        Trusted::key(key, HashRule::Exactly(crate::key::Hash::Sha256)),
        Trusted::key(Person::new(Kind::P256).public(), HashRule::Natural),
    ];
    for (one, left) in all.iter().enumerate() {
        for (another, right) in all.iter().enumerate() {
            assert_eq!(left == right, one == another, "{one} and {another}");
        }
    }
    let again = Arc::new(root.as_ref().clone());
    assert_eq!(keyless(), Trusted::keyless(again), "the same root, read again");
}
