//! Whose a key is, and when it was used: trust roots, certificates, the promises of logs, timestamps.
//!
//! A private Sigstore has issued two certificates, promised to log one, and signed a time over one signature. Whatever
//! those are turned into, nothing else is vouched for and no other time is proved.

use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::certificate::{Claim, DetachedSct, MAX_CERTIFICATE_BYTES};
use countersign_evidence::trust::{CertificateAuthority, MAX_ENTRIES, TimeAuthority};
use countersign_evidence::{Leaf, SctRule, Subject, TrustRoot, verify_timestamp, vouch};
use countersign_mint::{Extension, Key, Kind, San, Sigstore, Stamp};
use jiff::Timestamp;
use serde_json::Value;

use crate::seeds::Seeds;
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "trust_root",
        run: trust_root,
        seeds: trust_roots,
        words: WORDS,
        mutations: 150,
    },
    Target {
        name: "certificate",
        run: certificate,
        seeds: certificates,
        words: &[],
        mutations: 2_000,
    },
    Target {
        name: "detached_promise",
        run: detached_promise,
        seeds: promises,
        words: &[
            "\"sct_version\":0,",
            "\"id\":\"\",",
            "\"timestamp\":1,",
            "\"extensions\":\"\",",
            "null",
        ],
        mutations: 1_000,
    },
    Target {
        name: "timestamp",
        run: timestamp,
        seeds: timestamps,
        words: &[],
        mutations: 2_000,
    },
];

const WORDS: &[&str] = &[
    "\"mediaType\":\"application/vnd.dev.sigstore.trustedroot+json;version=0.1\",",
    "\"media_type\":\"application/vnd.dev.sigstore.trustedroot.v0.2+json\",",
    "\"tlogs\":[],",
    "\"ctlogs\":null,",
    "\"certificateAuthorities\":[],",
    "\"timestampAuthorities\":[],",
    "\"validFor\":{\"start\":\"2021-01-12T11:53:27Z\"},",
    "\"end\":null,",
    "\"rawBytes\":\"\",",
    "\"keyDetails\":\"PKCS1_RSA_PKCS1V5\",",
    "\"keyDetails\":1,",
    "\"keyId\":\"\",",
    "null",
];

const SIGNATURE: &[u8] = b"the one signature";

/// What was made, once and always the same.
struct Made {
    root: TrustRoot,
    document: Vec<u8>,
    now: Timestamp,
    logged: Vec<u8>,
    /// Without a promise in it.
    bare: Vec<u8>,
    promise: Vec<u8>,
    answer: String,
    stamps: [Vec<u8>; 2],
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let sigstore = Sigstore::fixed(7);
    let key = Key::new(Kind::Fixed(99));
    let names = [
        San::Uri("https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main"),
        San::Email("jane@example.com"),
        San::Dns("example.com"),
        San::Other("1.3.6.1.4.1.57264.1.7", "jane"),
    ];
    let mut spec = sigstore.leaf(&key, &names);
    for number in [1, 8].into_iter().chain(Claim::all().map(Claim::number)) {
        spec = spec.with(Extension::fulcio(number, "https://issuer.example"));
    }
    let bare = sigstore.authority.issue(&spec);
    let document = sigstore.trusted_root().to_json();
    let stamp = Stamp::new(&sigstore.time, SIGNATURE, sigstore.now);
    let token = Stamp {
        status: None,
        certificates: sigstore.time.chain.clone(),
        ..stamp.clone()
    };
    Made {
        root: TrustRoot::parse(&document).unwrap(),
        document,
        now: sigstore.now,
        logged: sigstore.certify(spec),
        promise: sigstore.ct_log.promise_of_issued(&bare, sigstore.now),
        answer: sigstore.ct_log.answer(&bare, sigstore.now),
        bare,
        stamps: [stamp.sealed_by(&sigstore.time), token.sealed_by(&sigstore.time)],
    }
});

fn trust_roots(seeds: &mut Seeds) {
    seeds.add(MADE.document.clone());
    seeds.add_corpus(&["trusted-roots", "bundles/sigstore-rust"], |_: &Path, bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        value.get("certificateAuthorities")?;
        Some(bytes.to_vec())
    });
}

fn trust_root(data: &[u8]) {
    let root = match TrustRoot::parse(data) {
        Ok(root) => root,
        Err(error) => return spoken::refusal(&error),
    };
    let lengths = [
        root.authorities().len(),
        root.logs().len(),
        root.ct_logs().len(),
        root.time_authorities().len(),
    ];
    assert!(lengths.iter().any(|length| *length > 0), "it believes nobody");
    assert!(lengths.iter().sum::<usize>() + root.unusable().len() <= 4 * MAX_ENTRIES);
    for unusable in root.unusable() {
        spoken::line(&unusable.part);
        spoken::line(&unusable.why);
    }
    let windows = (root.logs().iter().chain(root.ct_logs()).map(|log| log.window))
        .chain(root.authorities().iter().map(CertificateAuthority::window))
        .chain(root.time_authorities().iter().map(TimeAuthority::window));
    for window in windows {
        assert!(window.start.is_some(), "a window has no beginning");
    }
    assert_eq!(
        TrustRoot::parse(data).map(|again| *again.generation()).as_ref(),
        Ok(root.generation())
    );
}

/// Where a certificate is in the bundles of others.
fn recorded(bytes: &[u8], pointers: &[&str]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let text = pointers.iter().find_map(|pointer| value.pointer(pointer)?.as_str())?;
    STANDARD.decode(text).ok()
}

fn certificates(seeds: &mut Seeds) {
    seeds.add(MADE.logged.clone());
    seeds.add(MADE.bare.clone());
    seeds.add_corpus(&["sigstore-conformance", "bundles"], |_: &Path, bytes: &[u8]| {
        let material = "/verificationMaterial";
        let single = format!("{material}/certificate/rawBytes");
        let chain = format!("{material}/x509CertificateChain/certificates/0/rawBytes");
        recorded(bytes, &[&single, &chain])
    });
}

fn certificate(data: &[u8]) {
    let leaf = match Leaf::parse(data) {
        Ok(leaf) => leaf,
        Err(error) => return spoken::refusal(&error),
    };
    assert_eq!(leaf.der(), data);
    assert!(data.len() <= MAX_CERTIFICATE_BYTES);
    let identity = leaf.unverified_identity();
    let names = identity.subjects.iter().map(Subject::as_str);
    for name in names.chain(identity.issuer.as_deref()) {
        assert!(
            !name.is_empty() && !name.chars().any(char::is_control),
            "{name:?} names nobody"
        );
    }
    for rule in [SctRule::Required, SctRule::Ignored] {
        match vouch(&leaf, &[], &[MADE.now], &MADE.root, &rule) {
            Ok(vouched) => {
                assert!(
                    data == MADE.logged || (data == MADE.bare && rule == SctRule::Ignored),
                    "nobody issued this"
                );
                assert_eq!(vouched.logged().is_some(), rule == SctRule::Required);
            }
            Err(error) => spoken::refusal(&error),
        }
    }
}

fn promises(seeds: &mut Seeds) {
    seeds.add(MADE.promise.clone());
    seeds.add(MADE.answer.clone());
}

fn detached_promise(data: &[u8]) {
    let leaf = Leaf::parse(&MADE.bare).unwrap();
    let detached = match DetachedSct::parse(data) {
        Ok(detached) => detached,
        Err(error) => return spoken::refusal(&error),
    };
    match vouch(&leaf, &[], &[MADE.now], &MADE.root, &SctRule::RequiredOr(detached)) {
        Ok(vouched) => {
            let logged = vouched.logged().unwrap();
            assert_eq!(logged.time, MADE.now, "the log has promised at another time");
            assert!(
                data == MADE.promise || data.starts_with(b"{"),
                "the log has not promised this"
            );
        }
        Err(error) => spoken::refusal(&error),
    }
}

fn timestamps(seeds: &mut Seeds) {
    for stamp in &MADE.stamps {
        seeds.add(stamp.clone());
    }
    seeds.add_corpus(&["sigstore-conformance", "bundles"], |_: &Path, bytes: &[u8]| {
        recorded(
            bytes,
            &["/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp"],
        )
    });
}

fn timestamp(data: &[u8]) {
    match verify_timestamp(data, SIGNATURE, &MADE.root) {
        Ok(stamped) => assert_eq!(stamped.time(), MADE.now, "the authority has signed another time"),
        Err(error) => spoken::refusal(&error),
    }
}
