//! Trust roots as documents and as parts, whole and broken.

use countersign_mint::{
    Authority, CtLog, Extension, Key, Kind, Sigstore, Spec, TimeAuthority, TrustedRoot, oid, sequence,
};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::*;
use crate::key::PublicKey;

fn now() -> Timestamp {
    "2026-03-04T05:06:07Z".parse().unwrap()
}

fn parse(value: &Value) -> Result<TrustRoot, TrustRootError> {
    TrustRoot::parse(value.to_string().as_bytes())
}

/// The trust root of a new private Sigstore, with a transparency log.
fn document() -> Value {
    let sigstore = Sigstore::new();
    let mut root = sigstore.trusted_root();
    let key = Key::new(Kind::Ed25519);
    root.log("https://rekor.mint.example/", &key, &key.id(), now(), None);
    root.0
}

#[test]
fn a_trusted_root_is_read() {
    let document = document();
    let root = parse(&document).unwrap();
    assert_eq!(root.generation(), &Digest::sha256(document.to_string().as_bytes()));
    assert_eq!(root.unusable(), []);
    let lengths = (
        root.authorities().len(),
        root.logs().len(),
        root.ct_logs().len(),
        root.time_authorities().len(),
    );
    assert_eq!(lengths, (1, 1, 1, 1));
    let log = &root.logs()[0];
    assert_eq!(
        (log.origin(), log.counts_as()),
        ("rekor.mint.example", "rekor.mint.example".to_owned())
    );
    assert_eq!(log.id.bytes(), log.key.fingerprint().raw());
    assert_eq!(
        log.window,
        Window {
            start: Some(now()),
            end: None
        }
    );
    let authority = &root.authorities()[0];
    assert_eq!(authority.counts_as(), "fulcio.mint.example");
}

#[test]
fn protobufs_other_spellings_are_read_too() {
    let document = document();
    let snake = document
        .to_string()
        .replace("mediaType", "media_type")
        .replace("certificateAuthorities", "certificate_authorities")
        .replace("timestampAuthorities", "timestamp_authorities")
        .replace("baseUrl", "base_url")
        .replace("hashAlgorithm", "hash_algorithm")
        .replace("publicKey", "public_key")
        .replace("rawBytes", "raw_bytes")
        .replace("keyDetails", "key_details")
        .replace("validFor", "valid_for")
        .replace("logId", "log_id")
        .replace("keyId", "key_id")
        .replace("certChain", "cert_chain")
        .replace("\"SHA2_256\"", "1")
        .replace("\"PKIX_ED25519\"", "7");
    let root = TrustRoot::parse(snake.as_bytes()).unwrap();
    assert_eq!(root.unusable(), []);
    assert_eq!((root.logs().len(), root.time_authorities().len()), (1, 1));
    for media_type in [
        "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    ] {
        let mut document = document.clone();
        document["mediaType"] = json!(media_type);
        document["tlogs"][0]["operator"] = json!("mint.example");
        document["timestampAuthorities"][0]["operator"] = json!("mint.example");
        document["ctlogs"] = Value::Null;
        let root = parse(&document).unwrap();
        assert_eq!(root.logs()[0].counts_as(), "mint.example");
        assert_eq!(root.time_authorities()[0].counts_as(), "mint.example");
    }
}

#[test]
fn what_is_no_trust_root_is_refused() {
    let with = |pointer: &str, value: Value| {
        let mut document = document();
        *document.pointer_mut(pointer).unwrap() = value;
        parse(&document)
    };
    let json = |outcome| matches!(outcome, Err(TrustRootError::Json(_)));
    assert!(json(TrustRoot::parse(b"")));
    assert!(json(TrustRoot::parse(b"{}")));
    assert!(json(TrustRoot::parse(b"{\"mediaType\":\"a\",\"mediaType\":\"b\"}")));
    assert!(json(with("/tlogs/0/publicKey/validFor", json!("yesterday"))));
    assert!(json(with(
        "/certificateAuthorities/0/certChain/certificates/0",
        json!({})
    )));
    let media_type = with(
        "/mediaType",
        json!("application/vnd.dev.sigstore.trustedroot+json;version=0.3"),
    );
    assert!(matches!(media_type, Err(TrustRootError::MediaType { .. })));
    let entries = vec![document()["tlogs"][0].clone(); MAX_ENTRIES + 1];
    assert!(matches!(
        with("/tlogs", json!(entries)),
        Err(TrustRootError::TooMany { list: "tlogs", .. })
    ));
    let long = vec![b' '; MAX_TRUST_ROOT_BYTES + 1];
    assert!(matches!(TrustRoot::parse(&long), Err(TrustRootError::TooLong { .. })));
}

#[test]
fn a_part_that_cannot_be_used_is_kept_with_its_reason_and_never_believed() {
    let cases: &[(&str, &str, Value)] = &[
        ("/tlogs/0/publicKey/validFor", "from when it is believed", json!({})),
        ("/tlogs/0/publicKey/validFor", "from when it is believed", Value::Null),
        (
            "/ctlogs/0/publicKey/validFor/start",
            "from when it is believed",
            Value::Null,
        ),
        (
            "/certificateAuthorities/0/validFor",
            "from when it is believed",
            Value::Null,
        ),
        (
            "/timestampAuthorities/0/validFor/start",
            "from when it is believed",
            Value::Null,
        ),
        ("/tlogs/0/hashAlgorithm", "not hashed with SHA-256", json!("SHA2_512")),
        ("/tlogs/0/hashAlgorithm", "not hashed with SHA-256", json!(3)),
        ("/tlogs/0/publicKey", "no key", Value::Null),
        ("/tlogs/0/publicKey/rawBytes", "no key", Value::Null),
        ("/tlogs/0/publicKey/rawBytes", "not base64", json!("!")),
        ("/tlogs/0/publicKey/rawBytes", "not DER", json!("AAAA")),
        ("/tlogs/0/publicKey/keyDetails", "not DER", json!("PKCS1_RSA_PKCS1V5")),
        (
            "/tlogs/0/logId/keyId",
            "identity has 66 bytes",
            json!("AAAA".repeat(22)),
        ),
        (
            "/certificateAuthorities/0/certChain",
            "0 certificates",
            json!({ "certificates": [] }),
        ),
        (
            "/certificateAuthorities/0/certChain/certificates/0/rawBytes",
            "certificate 0",
            json!("AAAA"),
        ),
    ];
    for (pointer, why, value) in cases {
        let mut document = document();
        *document.pointer_mut(pointer).unwrap() = value.clone();
        let root = parse(&document).unwrap();
        let [unusable] = root.unusable() else {
            panic!("{pointer}: {:?}", root.unusable())
        };
        assert!(unusable.why.contains(why), "{pointer}: {}", unusable.why);
        assert!(
            pointer.starts_with(&format!("/{}", unusable.part.replace('[', "/").replace(']', ""))),
            "{}",
            unusable.part
        );
        let left = root.logs().len() + root.ct_logs().len() + root.authorities().len() + root.time_authorities().len();
        assert_eq!(left, 3, "{pointer}");
    }
}

#[test]
fn a_trust_root_that_believes_nobody_is_refused() {
    let empty = parse(&TrustedRoot::new().0).unwrap_err();
    assert_eq!(
        empty,
        TrustRootError::Empty {
            first: "it is empty".into()
        }
    );
    let mut root = TrustedRoot::new();
    root.ct_log("https://ct.example", &Key::new(Kind::P256), now(), None);
    root.0["ctlogs"][0]["publicKey"]["validFor"] = json!({});
    let says = parse(&root.0).unwrap_err().to_string();
    assert!(says.contains("`ctlogs[0]`: it does not say from when"), "{says}");
}

/// Why an authority with this chain cannot be used.
fn flaw(list: &str, chain: &[Vec<u8>]) -> String {
    let mut root = TrustedRoot::new();
    root.ct_log("https://ct.example", &Key::new(Kind::P256), now(), None);
    match list {
        "certificateAuthorities" => root.authority("https://x.example", chain, now(), None),
        _ => root.time_authority("https://x.example", chain, now(), None),
    }
    let root = parse(&root.0).unwrap();
    root.unusable()
        .first()
        .map(|unusable| unusable.why.clone())
        .unwrap_or_default()
}

#[test]
fn an_authoritys_own_certificates_are_checked_before_it_is_believed() {
    let root = Authority::root("root", Kind::P256, now());
    let with = |change: &dyn Fn(Spec) -> Spec| {
        let key = Key::new(Kind::P256);
        let spec = change(root.below_spec("below", &key, oid::CODE_SIGNING, now()));
        root.certified(key, spec)
    };
    assert_eq!(flaw("certificateAuthorities", &with(&|spec| spec).chain()), "");
    let cases: &[(&str, &dyn Fn(Spec) -> Spec)] = &[
        ("certificate 0 of its chain: it is not an authority's", &|spec| {
            spec.without(oid::BASIC_CONSTRAINTS)
        }),
        ("not for signing certificates", &|spec| {
            spec.with(Extension::key_usage(0x80))
        }),
        ("may not issue certificates for this purpose", &|spec| {
            spec.with(Extension::extended_key_usage(&[oid::TIME_STAMPING]))
        }),
        ("name constraints", &|spec| {
            spec.with(Extension::new("2.5.29.30", sequence(&[])))
        }),
        ("critical extension", &|spec| {
            spec.with(Extension::new("1.2.3.4", vec![5, 0]).critical())
        }),
        ("the next one is not its issuer's", &|spec| Spec {
            issuer: countersign_mint::name("another"),
            ..spec
        }),
    ];
    for (why, change) in cases {
        let says = flaw("certificateAuthorities", &with(change).chain());
        assert!(says.contains(why), "{says}");
    }
    let impostor = Authority::root("root", Kind::P256, now());
    let chain = [with(&|spec| spec).certificate, impostor.certificate];
    assert!(flaw("certificateAuthorities", &chain).contains("its signature is not by the next one's key"));
    let turned: Vec<Vec<u8>> = with(&|spec| spec).chain().into_iter().rev().collect();
    assert!(flaw("certificateAuthorities", &turned).contains("not its issuer's"));
    let below = with(&|spec| spec);
    let lower = below.below("lower", Kind::P256, oid::CODE_SIGNING, now());
    assert!(flaw("certificateAuthorities", &lower.chain()).contains("allows no authority below it"));
    let long = vec![root.certificate.clone(); 9];
    assert!(flaw("certificateAuthorities", &long).contains("9 certificates, and 1 to 8"));
}

#[test]
fn a_time_authoritys_certificate_is_for_times_alone() {
    let root = Authority::root("root", Kind::P384, now());
    let with = |change: &dyn Fn(Spec) -> Spec| {
        let key = Key::new(Kind::P384);
        let spec = change(TimeAuthority::spec(&root, &key, now()));
        flaw(
            "timestampAuthorities",
            &TimeAuthority::certified(&root, "", key, spec).chain,
        )
    };
    assert_eq!(with(&|spec| spec), "");
    let purposes = |purposes: &[&str]| Extension::extended_key_usage(purposes);
    let alone = "not time stamping alone, and critical";
    assert!(with(&|spec| spec.with(purposes(&[oid::TIME_STAMPING]))).contains(alone));
    assert!(with(&|spec| spec.without(oid::EXTENDED_KEY_USAGE)).contains(alone));
    for others in [&[oid::CODE_SIGNING][..], &[oid::TIME_STAMPING, oid::CODE_SIGNING], &[]] {
        assert!(with(&|spec| spec.with(purposes(others).critical())).contains(alone));
    }
    assert!(with(&|spec| spec.with(Extension::key_usage(0x04))).contains("not for signing"));
    assert!(with(&|spec| spec.with(Extension::new("1.2.3.4", vec![5, 0]).critical())).contains("critical extension"));
    // Without a certificate for times in it, it is an authority above such certificates.
    assert_eq!(flaw("timestampAuthorities", &root.chain()), "");
}

#[test]
fn parts_make_the_same_trust_root_and_each_has_a_generation_of_its_own() {
    let sigstore = Sigstore::new();
    let window = Window {
        start: Some(now()),
        end: None,
    };
    let log = |log: &CtLog| LogParts {
        base_url: log.base_url.clone(),
        operator: None,
        key: PublicKey::from_spki_der(&log.key.spki()).unwrap(),
        id: None,
        window,
    };
    let authority = |chain: &[Vec<u8>]| AuthorityParts {
        uri: String::new(),
        operator: Some("mint.example".into()),
        chain: chain.to_vec(),
        window: Window::ALWAYS,
    };
    let parts = TrustRootParts {
        authorities: vec![authority(&sigstore.authority.chain())],
        logs: vec![log(&sigstore.ct_log)],
        ct_logs: vec![log(&sigstore.ct_log)],
        time_authorities: vec![authority(&sigstore.time.chain)],
    };
    let root = TrustRoot::of(parts.clone()).unwrap();
    assert_eq!(root.unusable(), []);
    assert_eq!(root.logs()[0].id.bytes(), sigstore.ct_log.key.id());
    assert_eq!(
        root.authorities()[0].name().as_str(),
        "mint root",
        "the root's name where there is no address"
    );
    assert_eq!(root.generation(), TrustRoot::of(parts.clone()).unwrap().generation());
    let changes: &[&dyn Fn(&mut TrustRootParts)] = &[
        &|parts| parts.logs.clear(),
        &|parts| parts.logs[0].base_url.push('x'),
        &|parts| parts.logs[0].operator = Some(String::new()),
        &|parts| parts.logs[0].id = Some(vec![1]),
        &|parts| parts.ct_logs[0].window.end = Some(now()),
        &|parts| parts.authorities[0].window.start = Some(now()),
        &|parts| parts.authorities[0].chain.truncate(1),
        &|parts| parts.time_authorities[0].uri.push('x'),
        &|parts| std::mem::swap(&mut parts.authorities, &mut parts.time_authorities),
    ];
    for (at, change) in changes.iter().enumerate() {
        let mut other = parts.clone();
        change(&mut other);
        assert_ne!(other.generation(), parts.generation(), "change {at}");
    }
    assert!(matches!(
        TrustRoot::of(TrustRootParts::default()),
        Err(TrustRootError::Empty { .. })
    ));
}

#[test]
fn a_window_may_end_with_the_calendar_and_one_that_is_unreadable_is_its_parts_flaw() {
    let with = |field: &str, value: Value| {
        let mut root = document();
        root["tlogs"][0]["publicKey"]["validFor"][field] = value;
        parse(&root).unwrap()
    };
    for forever in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999Z"] {
        let root = with("end", json!(forever));
        assert_eq!(root.unusable(), []);
        assert_eq!(root.logs()[0].window.end, Some(Timestamp::MAX));
    }
    for (field, value, says) in [
        ("end", json!("some day"), "the end of"),
        ("end", json!(""), "the end of"),
        ("end", json!(17), "the end of"),
        ("end", json!("9999-13-31T23:59:59Z"), "the end of"),
        ("start", json!("yesterday"), "the start of"),
        ("start", Value::Null, "from when"),
    ] {
        let root = with(field, value);
        assert!(root.logs().is_empty() && !root.authorities().is_empty());
        let [unusable] = root.unusable() else {
            panic!("{:?}", root.unusable())
        };
        assert_eq!(unusable.part, "tlogs[0]");
        assert!(unusable.why.contains(says), "{}", unusable.why);
    }
}

#[test]
fn a_window_is_closed_at_both_ends() {
    let window = Window {
        start: Some(now()),
        end: Some(now() + 1.second()),
    };
    for (time, inside) in [
        (now() - 1.nanosecond(), false),
        (now(), true),
        (now() + 1.second(), true),
        (now() + 1.second() + 1.nanosecond(), false),
    ] {
        assert_eq!(window.contains(time), inside, "{time}");
    }
    assert!(Window::ALWAYS.contains(Timestamp::MIN) && Window::ALWAYS.contains(Timestamp::MAX));
}
