//! Sigstore bundles: the official suite and those of several clients are read or refused by name; those with a managed
//! key, and the signatures of the others, are judged.

use std::path::{Path, PathBuf};

use countersign_evidence::bundle::BundleVersion;
use countersign_evidence::{
    Bundle, BundleContent, BundleError, HashRule, Material, Message, PublicKey, Trusted, VerifyError, verify_envelope,
    verify_message,
};
use countersign_image::{Blob, JsonError};

use crate::{certificate, corpus};

fn cases(root: &Path) -> Vec<PathBuf> {
    let directory = root.join("sigstore-conformance/bundle-verify");
    corpus::list(&directory)
        .into_iter()
        .filter(|path| path.is_dir())
        .collect()
}

fn bundle_of(case: &Path) -> Result<Bundle, BundleError> {
    Bundle::parse(&corpus::read(&case.join("bundle.sigstore.json")))
}

/// The artifact of a case: its own, or the one that most cases share.
fn artifact(case: &Path) -> Blob {
    let own = case.join("artifact");
    Blob::new(corpus::read(&if own.exists() {
        own
    } else {
        case.with_file_name("a.txt")
    }))
}

/// Whether the bundle is a signature over the artifact by the key: over its bytes, or over a statement that names it.
fn verify(bundle: &Bundle, artifact: &Blob, key: &PublicKey) -> Result<bool, VerifyError> {
    let key = Trusted::key(key.clone(), HashRule::Natural);
    match bundle.content() {
        BundleContent::Message(message) => {
            let verified = verify_message(message, Message::Bytes(artifact), Material::Nothing, &key)?;
            Ok(verified.value().digest() == artifact.digest())
        }
        BundleContent::Envelope(envelope) => Ok(verify_envelope(envelope, None, Material::Nothing, &key)?
            .value()
            .names(artifact.digest())),
    }
}

#[test]
fn the_official_suite_is_read_or_refused_by_name() {
    let Some(root) = corpus::root() else { return };
    let cases = cases(&root);
    assert_eq!(cases.len(), 70);
    for case in cases {
        let name = corpus::name(&case);
        let bundle = bundle_of(&case);
        match name {
            "bundle-unknown-version_fail" => {
                assert!(
                    matches!(bundle, Err(BundleError::UnknownVersion { .. })),
                    "{name}: {bundle:?}"
                );
            }
            "bundle-malformed-json_fail" => {
                assert!(
                    matches!(bundle, Err(BundleError::Json(JsonError::Malformed { .. }))),
                    "{name}: {bundle:?}"
                );
            }
            "bundle-negative-log-index_fail" => {
                assert!(matches!(bundle, Err(BundleError::LogEntry(_))), "{name}: {bundle:?}");
            }
            // The second has line ends inside a timestamp.
            "bundle-invalid-base64-signature_fail" | "rekor2-timestamp-with-incorrect-time_fail" => {
                assert!(matches!(bundle, Err(BundleError::Base64 { .. })), "{name}: {bundle:?}");
            }
            "bundle-empty-certificate-chain_fail" => {
                assert!(matches!(bundle, Err(BundleError::NoCertificate)), "{name}: {bundle:?}");
            }
            _ => assert!(bundle.is_ok(), "{name}: {bundle:?}"),
        }
    }
}

#[test]
fn managed_keys_of_the_official_suite_are_judged_as_it_says() {
    let Some(root) = corpus::root() else { return };
    let mut judged = 0;
    for case in cases(&root) {
        let name = corpus::name(&case);
        if !name.starts_with("managed-key") {
            continue;
        }
        let bundle = bundle_of(&case).unwrap();
        assert!(!bundle.has_certificate());
        let (path, artifact) = (case.join("key.pub"), artifact(&case));
        // Without a key there is nothing to verify with, and so no way to a proof.
        let accepted = path.exists()
            && PublicKey::from_pem(&corpus::text(&path)).is_ok_and(|key| {
                assert_eq!(bundle.unverified_hint(), Some(key.hint().as_str()), "{name}");
                assert!(verify(&bundle, &Blob::new("other bytes"), &key).is_err());
                verify(&bundle, &artifact, &key) == Ok(true)
            });
        assert_eq!(accepted, !name.ends_with("_fail"), "{name}");
        judged += 1;
    }
    assert_eq!(judged, 4);
}

/// Cases that fail by their signature or their subject; the others fail by their log, timestamp or certificate.
const WRONG_SIGNATURES: [&str; 5] = [
    "dsse-invalid-sig_fail",
    "message-digest-mismatch_fail",
    "rekor2-dsse-invalid-sig_fail",
    "signature-mismatch_fail",
    "wrong-material_fail",
];

#[test]
fn signatures_of_the_official_suite_verify_with_the_key_in_their_certificate() {
    let Some(root) = corpus::root() else { return };
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for case in cases(&root) {
        let name = corpus::name(&case).to_owned();
        let Ok(bundle) = bundle_of(&case) else { continue };
        let Some(key) = bundle
            .unverified_certificates()
            .first()
            .and_then(|leaf| certificate::key(leaf))
        else {
            continue;
        };
        let list = if verify(&bundle, &artifact(&case), &key) == Ok(true) {
            &mut right
        } else {
            &mut wrong
        };
        list.push(name);
    }
    assert_eq!(wrong, WRONG_SIGNATURES);
    assert_eq!(right.len(), 55, "{right:?}");
}

#[test]
fn bundles_of_other_clients_are_read() {
    let Some(root) = corpus::root() else { return };
    let root = root.join("bundles");
    for (path, version, certificate) in [
        ("oci/cosign-oci-attestation.sigstore.json", BundleVersion::V03, true),
        ("oci/cosign_v3_missing_fields.json", BundleVersion::V03, true),
        ("sigstore-go/dsse.sigstore.json", BundleVersion::V01, true),
        ("sigstore-go/othername.sigstore.json", BundleVersion::V03, true),
        (
            "sigstore-go/public-key-validity.sigstore.json",
            BundleVersion::V03,
            false,
        ),
        (
            "sigstore-go/sigstore.js@2.0.0-provenance.sigstore.json",
            BundleVersion::V01,
            true,
        ),
        ("sigstore-go/bundle-provenance.json", BundleVersion::V01, true),
        ("sigstore-go/bundle-publish.json", BundleVersion::V01, false),
        (
            "sigstore-rust/bundles/conda-attestation.sigstore.json",
            BundleVersion::V03,
            true,
        ),
        (
            "sigstore-rust/bundles/conda-attestation-rekor2.sigstore.json",
            BundleVersion::V03,
            true,
        ),
        (
            "sigstore-rust/bundles/cosign-v3-blob.sigstore.json",
            BundleVersion::V03,
            true,
        ),
        ("sigstore-rust/timestamps/valid_bundle.json", BundleVersion::V03, true),
        (
            "sigstore-rust/timestamps/github_sha384_bundle.json",
            BundleVersion::V03,
            true,
        ),
    ] {
        let bundle = Bundle::parse(&corpus::read(&root.join(path))).unwrap_or_else(|error| panic!("{path}: {error:?}"));
        assert_eq!(
            (bundle.version(), bundle.has_certificate()),
            (version, certificate),
            "{path}"
        );
    }
    let two = Bundle::parse(&corpus::read(&root.join("sigstore-go/dsse-2sigs.sigstore.json")));
    assert!(matches!(two, Err(BundleError::SignatureCount { found: 2 })), "{two:?}");
}

#[test]
fn a_managed_key_bundle_of_another_client_is_a_signature_over_its_artifact() {
    let Some(root) = corpus::root() else { return };
    let directory = root.join("bundles/sigstore-rust/managed-key");
    let bundle = Bundle::parse(&corpus::read(&directory.join("bundle.sigstore.json"))).unwrap();
    let key = PublicKey::from_pem(&corpus::text(&directory.join("key.pub"))).unwrap();
    let artifact = Blob::new(corpus::read(&root.join("sigstore-conformance/bundle-verify/a.txt")));
    assert_eq!(verify(&bundle, &artifact, &key), Ok(true));
}

#[test]
fn npm_s_own_statement_is_signed_with_npm_s_key() {
    let Some(root) = corpus::root() else { return };
    let directory = root.join("bundles/sigstore-go");
    let bundle = Bundle::parse(&corpus::read(&directory.join("bundle-publish.json"))).unwrap();
    let key = PublicKey::from_pem(&corpus::text(&directory.join("publish_key.pub"))).unwrap();
    let BundleContent::Envelope(envelope) = bundle.content() else {
        panic!("an envelope")
    };
    let key = Trusted::key(key, HashRule::Natural);
    let statement = verify_envelope(envelope, None, Material::Nothing, &key).unwrap();
    assert_eq!(
        statement.value().predicate_type,
        "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"
    );
}
