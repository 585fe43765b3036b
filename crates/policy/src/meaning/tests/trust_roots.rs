//! What a TrustRoot may say: the checks of policy-controller, one row each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_mint::{Key, Kind, Sigstore, pem, pem_of_key};

use crate::document::{Document, Parsed, parse};
use crate::trust::TrustRootContent;

/// Parts to fill into a document.
struct Parts {
    chain: String,
    key: String,
    ed25519: String,
}

fn parts() -> Parts {
    let sigstore = Sigstore::new();
    let chain: String = sigstore.authority.chain().iter().map(|der| pem(der)).collect();
    let key = |kind| STANDARD.encode(pem_of_key(&Key::new(kind).spki()));
    Parts {
        chain: STANDARD.encode(chain),
        key: key(Kind::P256),
        ed25519: key(Kind::Ed25519),
    }
}

/// A TrustRoot with this `spec`; `@chain`, `@key` and `@ed25519` stand for good ones, `@root` for TUF root metadata, `@gzip`
/// for an archive, `@ca` for a certificate authority.
fn read(spec: &str, parts: &Parts) -> Parsed {
    let spec = spec
        .replace(
            "@ca",
            "{subject: {organization: o, commonName: n}, uri: 'https://ca.example', certChain: @chain}",
        )
        .replace("@chain", &parts.chain)
        .replace("@key", &parts.key)
        .replace("@ed25519", &parts.ed25519)
        .replace("@root", &STANDARD.encode(br#"{"signed": {}, "signatures": []}"#))
        .replace("@gzip", &STANDARD.encode([0x1f, 0x8b, 0x08, 0x00]));
    let text =
        format!("apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {{name: r}}\nspec: {spec}\n");
    parse("r.yaml", &text)
}

const KEYS: &str = "{sigstoreKeys: {certificateAuthorities: [@ca], tLogs: [{baseURL: 'https://l.example', hashAlgorithm: sha-256, publicKey: @key}]}}";

/// Each row: what is written, and what policy-controller says to it. `K` stands for `spec.sigstoreKeys`.
const REFUSED: &[(&str, &str)] = &[
    (
        "{}",
        "expected exactly one, got neither: spec.repository, spec.remote, spec.sigstoreKeys",
    ),
    (
        "{remote: {mirror: 'https://m.example', root: @root}, sigstoreKeys: {certificateAuthorities: [@ca]}}",
        "expected exactly one, got both: spec.repository, spec.remote, spec.sigstoreKeys",
    ),
    ("{remote: {root: @root}}", "missing field(s): spec.remote.mirror"),
    (
        "{remote: {mirror: 'https://m.example'}}",
        "missing field(s): spec.remote.root",
    ),
    (
        "{remote: {mirror: 'ftp://m.example', root: @root}}",
        "invalid value: ftp://m.example: spec.remote.mirror",
    ),
    (
        "{remote: {mirror: 'https://somebody:secret@m.example', root: @root}}",
        "invalid value: : spec.remote.mirror; it must hold neither a user nor a password",
    ),
    (
        "{remote: {mirror: 'ftp://somebody:secret@m.example', root: @root}}",
        "invalid value: : spec.remote.mirror; it must begin with",
    ),
    (
        "{remote: {mirror: 'https://', root: @root}}",
        "invalid value: https://: spec.remote.mirror",
    ),
    (
        "{remote: {mirror: 'https://m.example', root: e30K}}",
        "spec.remote.root; it is not the base64 of TUF root metadata",
    ),
    (
        "{remote: {mirror: 'https://m.example', root: '%%'}}",
        "invalid value: %%: spec.remote.root; it is not base64",
    ),
    (
        "{repository: {root: @root}}",
        "missing field(s): spec.repository.repository",
    ),
    (
        "{repository: {mirrorFS: @gzip}}",
        "missing field(s): spec.repository.root",
    ),
    (
        "{repository: {mirrorFS: e30K, root: @root}}",
        "spec.repository.mirrorFS; it is not the base64 of a tar archive",
    ),
    (
        "{remote: {mirror: 'https://m.example', root: @root, surprise: 1}}",
        "unknown field: spec.remote.surprise",
    ),
    (
        "{sigstoreKeys: {}}",
        "missing field(s): K.certificateAuthorities, K.tLogs, K.ctLogs, K.timestampAuthorities",
    ),
    (
        "{sigstoreKeys: {certificateAuthorities: [{subject: {commonName: n}, uri: u, certChain: @chain}]}}",
        "missing field(s): K.certificateAuthorities[0].subject.organization",
    ),
    (
        "{sigstoreKeys: {certificateAuthorities: [{subject: {organization: o}, uri: u, certChain: @chain}]}}",
        "missing field(s): K.certificateAuthorities[0].subject.commonName",
    ),
    (
        "{sigstoreKeys: {certificateAuthorities: [{subject: {organization: o, commonName: n}, certChain: @chain}]}}",
        "missing field(s): K.certificateAuthorities[0].uri",
    ),
    (
        "{sigstoreKeys: {certificateAuthorities: [{subject: {organization: o, commonName: n}, uri: u}]}}",
        "missing field(s): K.certificateAuthorities[0].certChain",
    ),
    (
        "{sigstoreKeys: {certificateAuthorities: [{subject: {organization: o, commonName: n}, uri: u, certChain: e30K}]}}",
        ": K.certificateAuthorities[0].certChain; there is no PEM certificate in it",
    ),
    (
        "{sigstoreKeys: {tLogs: [{hashAlgorithm: sha-256, publicKey: @key}]}}",
        "missing field(s): K.tLogs[0].baseURL",
    ),
    (
        "{sigstoreKeys: {tLogs: [{baseURL: u, publicKey: @key}]}}",
        "missing field(s): K.tLogs[0].hashAlgorithm",
    ),
    (
        "{sigstoreKeys: {ctLogs: [{baseURL: u, hashAlgorithm: sha-256}]}}",
        "missing field(s): K.ctLogs[0].publicKey",
    ),
    (
        "{sigstoreKeys: {ctLogs: [{baseURL: u, hashAlgorithm: sha-256, publicKey: e30K}]}}",
        ": K.ctLogs[0].publicKey",
    ),
    // A bad one before a good one is not passed over, as it is with policy-controller.
    (
        "{sigstoreKeys: {certificateAuthorities: [{}], tLogs: [{baseURL: u, hashAlgorithm: sha-256, publicKey: @key}]}}",
        "missing field(s): K.certificateAuthorities[0].certChain",
    ),
    // A certificate authority signs no times.
    (
        "{sigstoreKeys: {certificateAuthorities: [@ca], timestampAuthorities: [@ca]}}",
        ": K.timestampAuthorities[0]",
    ),
];

#[test]
fn trust_roots_are_refused_in_policy_controllers_words() {
    let parts = parts();
    assert_eq!(read(KEYS, &parts).errors, []);
    for (spec, expected) in REFUSED {
        let parsed = read(spec, &parts);
        let found: Vec<String> = parsed.errors.iter().map(ToString::to_string).collect();
        let expected = expected.replace(" K.", " spec.sigstoreKeys.");
        assert!(
            found.iter().any(|error| error.contains(&expected)),
            "{spec}\nexpected: {expected}\nfound: {found:#?}"
        );
        assert!(
            matches!(&parsed.documents[..], [Document::BrokenTrustRoot(broken)] if broken.name.as_deref() == Some("r"))
        );
    }
}

#[test]
fn a_trust_root_holds_what_it_says() {
    let parts = parts();
    let content = |spec: &str| match &read(spec, &parts).documents[..] {
        [Document::TrustRoot(root)] => root.content().clone(),
        other => panic!("{spec}: {other:?}"),
    };
    let TrustRootContent::Keys(keys) = content(KEYS) else {
        panic!("{KEYS}")
    };
    assert_eq!((keys.authorities().len(), keys.logs().len()), (1, 1));
    // Rekor v2, which policy-controller refuses as a whole.
    let ed25519 =
        "{sigstoreKeys: {tLogs: [{baseURL: 'https://l.example', hashAlgorithm: sha-256, publicKey: @ed25519}]}}";
    assert!(matches!(content(ed25519), TrustRootContent::Keys(keys) if !keys.logs().is_empty()));
    let TrustRootContent::Remote(remote) = content("{remote: {mirror: 'https://m.example', root: @root}}") else {
        panic!("a remote one")
    };
    assert_eq!(
        (&*remote.mirror, &*remote.targets, &*remote.target),
        ("https://m.example", "targets", "trusted_root.json")
    );
    let named = "{repository: {mirrorFS: @gzip, root: @root, targets: t, trustedRootTarget: r.json}}";
    let TrustRootContent::Repository(repository) = content(named) else {
        panic!("a packed one")
    };
    assert_eq!((&*repository.targets, &*repository.target), ("t", "r.json"));
    assert_eq!(repository.archive[..2], [0x1f, 0x8b]);
}
