//! Identities instead of keys, in cosign's words: over evidence that a private Sigstore made, which lies in `cases/`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Content, Evidence, Item, Layout, Origin};
use countersign_image::{Blob, Digest, Reference, annotation};
use countersign_mint::{Extension, Key, Kind, San, Sigstore, pem};
use countersign_registry::archive;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::rig::{Folder, Ran};

const SUBJECT: &str = "https://github.com/acme/shop/.github/workflows/release.yaml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn cases(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases").join(path);
    path.canonicalize().unwrap().display().to_string()
}

/// A folder with the evidence of a case as `saved`, and the trust root of its Sigstore as `root.json`.
fn folder(case: &str) -> Folder {
    let folder = Folder::new();
    folder.redact(&cases(&format!("data/{case}/evidence")), "[evidence]");
    let root = std::fs::read(cases("data/keyless-standing-trust-root-admit/trusted_root.json")).unwrap();
    folder.write("root.json", root);
    folder
}

fn judge(folder: &Folder, command: &str, case: &str, words: &[&str]) -> Ran {
    let evidence = cases(&format!("data/{case}/evidence"));
    let mut arguments = vec![command, &evidence, "--trusted-root", "root.json"];
    arguments.extend(words);
    folder.run(&arguments)
}

const OURS: [&str; 4] = ["--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER];

#[test]
fn the_chain_of_trust_is_told_link_by_link() {
    let case = "keyless-identity-admit";
    let folder = folder(case);
    folder.tell(&judge(&folder, "replay", case, &OURS));
    assert_snapshot!(folder.told());
    let mut as_json = vec!["-o", "json"];
    as_json.extend(OURS);
    let ran = judge(&folder, "replay", case, &as_json).with_code(0);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let proof = &document["images"][0]["rulings"][0]["grounds"][0]["proofs"][0];
    assert_eq!(proof["certificate"]["issuer"], ISSUER, "{document:#}");
    assert_eq!(proof["certificate"]["subjects"][0]["name"], SUBJECT);
    assert_eq!(proof["certificate"]["sct"]["log"], "https://ctfe.mint.example");
    assert_eq!(proof["logEntries"][0]["index"], 7);
    assert_eq!(proof["times"][0]["source"], "log");
}

#[test]
fn a_denial_says_who_was_expected_and_which_link_broke() {
    let stranger = "keyless-longer-name-deny";
    let folder = folder(stranger);
    folder.tell(&judge(&folder, "replay", stranger, &OURS));
    let late = "keyless-expired-at-proved-time-deny";
    folder.redact(&cases(&format!("data/{late}/evidence")), "[evidence]");
    folder.tell(&judge(&folder, "replay", late, &OURS));
    assert_snapshot!(folder.told());
}

/// Each row: a case, what is given beside the trust root, and the exit code.
#[test]
fn flags_mean_what_cosign_means_by_them() {
    let folder = folder("keyless-identity-admit");
    let subject = |pattern: &'static str| {
        [
            "--certificate-identity-regexp",
            pattern,
            "--certificate-oidc-issuer",
            ISSUER,
        ]
    };
    let ours = |more: &[&'static str]| [OURS.as_slice(), more].concat();
    for (case, words, code) in [
        ("keyless-identity-admit", ours(&[]), 0),
        ("keyless-identity-admit", ours(&["--type", "slsaprovenance1"]), 1),
        ("keyless-attestation-admit", ours(&["--type", "slsaprovenance1"]), 0),
        (
            "keyless-attestation-by-a-stranger-deny",
            ours(&["--type", "slsaprovenance1"]),
            1,
        ),
        // An expression is held against the whole name.
        (
            "keyless-identity-admit",
            subject(r"https://github\.com/acme/shop/.+").to_vec(),
            0,
        ),
        ("keyless-identity-admit", subject("acme/shop").to_vec(), 1),
        (
            "keyless-longer-name-deny",
            subject(r"https://github\.com/acme/shop/.+").to_vec(),
            1,
        ),
        (
            "keyless-identity-admit",
            vec![
                "--certificate-identity",
                SUBJECT,
                "--certificate-oidc-issuer-regexp",
                r"https://.+\.githubusercontent\.com",
            ],
            0,
        ),
        (
            "keyless-identity-admit",
            vec![
                "--certificate-identity",
                SUBJECT,
                "--certificate-oidc-issuer",
                "https://evil.example",
            ],
            1,
        ),
        ("keyless-no-sct-deny", ours(&[]), 1),
        ("keyless-no-sct-deny", ours(&["--insecure-ignore-sct"]), 0),
        ("keyless-no-sct-deny", ours(&["--insecure-ignore-sct=true"]), 0),
        ("keyless-no-sct-deny", ours(&["--insecure-ignore-sct=false"]), 1),
        // Without a log, a timestamp has to say when.
        ("keyless-timestamp-instead-of-log-admit", ours(&[]), 1),
        ("keyless-no-proved-time-deny", ours(&["--insecure-ignore-tlog"]), 1),
        ("keyless-no-proved-time-deny", ours(&["--insecure-ignore-tlog=true"]), 1),
        ("keyless-identity-admit", ours(&["--insecure-ignore-tlog=false"]), 0),
    ] {
        let ran = judge(&folder, "replay", case, &words);
        assert_eq!(ran.code, Some(code), "{case} {words:?}\n{ran}");
    }
    // The trust root that this binary brings along knows nothing of a private Sigstore.
    let evidence = cases("data/keyless-identity-admit/evidence");
    folder
        .run(&[["replay", &evidence].as_slice(), OURS.as_slice()].concat())
        .with_code(1);
}

#[test]
fn a_key_needs_a_log_entry_only_where_that_is_asked_for() {
    let folder = folder("key-log-entry-admit");
    let ran = folder
        .run(&["key", "public", "--key", &cases("keys/alice.pem")])
        .with_code(0);
    folder.write("alice.pub", &ran.stdout);
    let evidence = cases("data/key-no-log-entry-deny/evidence");
    folder.run(&["replay", &evidence, "--key", "alice.pub"]).with_code(0);
    for (case, words, code) in [
        // A trust root that nothing would be held against is not passed over.
        ("key-no-log-entry-deny", vec!["--key", "alice.pub"], 2),
        (
            "key-no-log-entry-deny",
            vec!["--key", "alice.pub", "--insecure-ignore-tlog"],
            2,
        ),
        (
            "key-no-log-entry-deny",
            vec!["--key", "alice.pub", "--insecure-ignore-tlog=false"],
            1,
        ),
        (
            "key-log-entry-admit",
            vec!["--key", "alice.pub", "--insecure-ignore-tlog=false"],
            0,
        ),
        (
            "key-log-not-asked-for-admit",
            vec!["--key", "alice.pub", "--insecure-ignore-tlog=false"],
            1,
        ),
    ] {
        let ran = judge(&folder, "replay", case, &words);
        assert_eq!(ran.code, Some(code), "{case} {words:?}\n{ran}");
    }
}

#[test]
fn half_an_identity_is_misuse() {
    let folder = folder("keyless-identity-admit");
    folder.redact(&cases("data"), "[cases]");
    for words in [
        vec!["--certificate-identity", SUBJECT],
        vec!["--certificate-oidc-issuer", ISSUER],
        vec!["--certificate-identity", "", "--certificate-oidc-issuer", ISSUER],
        vec![
            "--certificate-identity-regexp",
            "(",
            "--certificate-oidc-issuer",
            ISSUER,
        ],
        vec![
            "--certificate-identity",
            SUBJECT,
            "--certificate-oidc-issuer",
            ISSUER,
            "--key",
            "x.pub",
        ],
        vec![
            "--certificate-identity",
            SUBJECT,
            "--certificate-oidc-issuer",
            ISSUER,
            "--policy",
            "x.yaml",
        ],
    ] {
        let ran = judge(&folder, "replay", "keyless-identity-admit", &words).with_code(2);
        folder.tell(&ran);
    }
    folder.write("none.json", "{}");
    let evidence = cases("data/keyless-identity-admit/evidence");
    let none = [
        ["replay", &evidence, "--trusted-root", "none.json"].as_slice(),
        OURS.as_slice(),
    ]
    .concat();
    folder.tell(&folder.run(&none).with_code(2));
    assert_snapshot!(folder.told());
}

/// Evidence of an image signed with a certificate that has no promise of a log in it, and that promise by itself.
fn with_a_detached_promise(folder: &Folder) {
    let sigstore = Sigstore::new();
    let key = Key::new(Kind::P256);
    let spec = |name| {
        sigstore
            .leaf(&key, &[San::Uri(name)])
            .with(Extension::fulcio(8, ISSUER))
    };
    let certificate = sigstore.authority.issue(&spec(SUBJECT));
    let image = Reference::parse("registry.example/shop/web:1").unwrap();
    let image = image.resolved(Digest::sha256(b"the manifest"));
    let digest = image.digest().to_string();
    let payload = json!({"critical": {
        "identity": {"docker-reference": ""}, "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }});
    let payload = Blob::new(payload.to_string());
    let signature = key.sign(payload.bytes());
    let stamp = json!({"SignedRFC3161Timestamp": encode(&sigstore.time.stamp(&signature, sigstore.now))});
    let annotations = [
        (annotation::COSIGN_SIGNATURE, encode(&signature)),
        (annotation::COSIGN_CERTIFICATE, pem(&certificate)),
        (annotation::COSIGN_RFC3161, stamp.to_string()),
    ];
    let origin = Origin {
        repository: image.repository().clone(),
        layout: Layout::Tag,
        tag_prefix: None,
        manifest: Digest::sha256(b"holder"),
        blob: *payload.digest(),
    };
    let content = Content::Simple {
        payload,
        signature: encode(&signature),
        annotations: annotations.map(|(name, text)| (name.to_owned(), text)).into(),
    };
    let evidence = Evidence {
        image,
        items: vec![Item { origin, content }],
        gaps: Vec::new(),
        looked: Vec::new(),
        manifest: None,
        as_of: sigstore.now,
        stale: false,
    };
    archive::save(&evidence, &folder.path("saved")).unwrap();
    folder.write("root.json", sigstore.trusted_root().to_json());
    folder.write("sct.json", sigstore.ct_log.answer(&certificate, sigstore.now));
    let other = sigstore.authority.issue(&spec("https://other.example"));
    folder.write("other.json", sigstore.ct_log.answer(&other, sigstore.now));
    folder.write("none.json", "{}");
}

/// cosign keeps no detached promise beside a signature, and takes it from a file; so do we.
#[test]
fn a_detached_promise_is_taken_from_a_file() {
    let folder = Folder::new();
    with_a_detached_promise(&folder);
    let ours = [
        "replay",
        "saved",
        "--trusted-root",
        "root.json",
        "--insecure-ignore-tlog",
    ];
    for (words, code, said) in [
        (&[][..], 1, "no signed certificate timestamp"),
        (&["--sct", "sct.json"], 0, "sct"),
        (&["--sct", "other.json"], 1, "over this certificate"),
        (&["--sct", "none.json"], 2, "holds no signed certificate timestamp"),
        (&["--sct", "gone.json"], 2, "gone.json"),
        (&["--insecure-ignore-sct"], 0, ""),
        (&["--sct", "sct.json", "--insecure-ignore-sct=false"], 0, ""),
        (&["--sct", "sct.json", "--insecure-ignore-sct"], 2, "would say nothing"),
    ] {
        let ran = folder.run(&[&ours[..], &OURS, words].concat()).with_code(code);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(said), "{ran}");
    }
}
