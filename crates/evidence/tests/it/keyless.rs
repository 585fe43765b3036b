//! Keyless signatures and attestations of real images and packages, as their makers' registries have them: accepted as what
//! they were signed to be, and refused where they are not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_evidence::{
    Bundle, Content, Evidence, HashRule, Layout, Layouts, LogDemand, Message, PublicKey, Rejected, SctRule,
    SignedArtifact, TimeDemand, TimeSource, TrustRoot, Trusted, VerifyError, attestations, signatures, verify_artifact,
};
use countersign_image::{Algorithm, Blob, Digest, Document, Reference, media};
use serde_json::Value;

use crate::suite::{Refused, public_good, read_root};
use crate::{corpus, records};

#[track_caller]
fn why(rejected: &[Rejected]) -> Refused {
    match &rejected[0].why {
        countersign_evidence::Why::Verify(error) => error.clone().into(),
        other => Refused::new("other", other),
    }
}

#[test]
fn real_signatures_of_real_images_are_by_whom_they_say() {
    let Some(root) = corpus::root() else { return };
    let trusted = Trusted::keyless(public_good(&root).unwrap());
    let (mut judged, mut subjects) = (0, BTreeSet::new());
    for file in [
        "signatures-monorepo-identity.jsonl",
        "signatures-per-repo-identity.jsonl",
    ] {
        for record in records::read(&root, file) {
            let evidence = records::evidence(record.image(), Layout::Tag, record.content());
            let (proofs, rejected) = signatures(&evidence, &trusted, &Layouts::ALL);
            assert!(proofs.len() == 1, "{}: {rejected:?}", record.payload);
            let signer = proofs[0].signer().identity().unwrap();
            assert_eq!(
                signer.issuer.as_deref(),
                Some("https://token.actions.githubusercontent.com")
            );
            subjects.extend(signer.subjects.iter().map(|subject| subject.as_str().to_owned()));
            let times = proofs[0].chain().times();
            let at = times.iter().map(|proved| proved.time.as_second()).collect::<Vec<_>>();
            assert_eq!(at, [record.entry.integrated_time]);
            assert!(matches!(&times[0].by, TimeSource::Log(log) if log.contains("rekor.sigstore.dev")));
            judged += 1;
        }
    }
    assert_eq!(judged, 266);
    let monorepo = "https://github.com/chainguard-images/images/.github/workflows/release.yaml@refs/heads/main";
    assert!(subjects.contains(monorepo), "{subjects:?}");
    for subject in subjects {
        let known = ["chainguard-images/", "distroless/"].map(|of| format!("https://github.com/{of}"));
        assert!(known.iter().any(|known| subject.starts_with(known)), "{subject}");
    }
}

#[test]
fn a_payload_that_is_not_what_was_signed_is_refused() {
    let Some(root) = corpus::root() else { return };
    let trusted = Trusted::keyless(public_good(&root).unwrap());
    let records = records::read(&root, "payload-mismatch.jsonl");
    assert_eq!(records.len(), 2);
    for record in records {
        let evidence = records::evidence(record.image(), Layout::Tag, record.content());
        let (proofs, rejected) = signatures(&evidence, &trusted, &Layouts::ALL);
        assert!(proofs.is_empty());
        assert_eq!(why(&rejected).due_to, "signature");
    }
}

#[test]
fn nothing_of_public_good_is_believed_under_another_root() {
    let Some(root) = corpus::root() else { return };
    let record = &records::read(&root, "signatures-monorepo-identity.jsonl")[0];
    let evidence = records::evidence(record.image(), Layout::Tag, record.content());
    for other in ["staging.json", "github.json"] {
        let trusted = Trusted::keyless(read_root(&root.join("trusted-roots").join(other)).unwrap());
        let (proofs, rejected) = signatures(&evidence, &trusted, &Layouts::ALL);
        assert!(proofs.is_empty(), "{other}");
        assert!(why(&rejected).due_to.starts_with("log"), "{rejected:?}");
    }
    for good in [
        "prod-sigstore-go.json",
        "prod-gh-cli-2024.json",
        "prod-old-sigstore-rs.json",
    ] {
        let trusted = Trusted::keyless(read_root(&root.join("trusted-roots").join(good)).unwrap());
        assert_eq!(signatures(&evidence, &trusted, &Layouts::ALL).0.len(), 1, "{good}");
    }
}

/// The attestations of an image as `cosign save` wrote them: an OCI layout with an index that says what is what.
fn saved_attestations(layout: &Path) -> Evidence {
    let blob = |digest: &Digest| {
        let path = layout.join("blobs").join(digest.algorithm().name()).join(digest.hex());
        Blob::check(corpus::read(&path).into(), digest, None).unwrap()
    };
    let index: Value = serde_json::from_slice(&corpus::read(&layout.join("index.json"))).unwrap();
    let find = |kinds: &[&str]| -> Digest {
        let manifests = index["manifests"].as_array().unwrap();
        let is = |found: &Value| {
            kinds
                .iter()
                .any(|kind| found["annotations"]["kind"] == format!("dev.cosignproject.cosign/{kind}"))
        };
        let found = manifests.iter().find(|found| is(found)).unwrap();
        found["digest"].as_str().unwrap().parse().unwrap()
    };
    let image = Reference::parse("ghcr.io/slsa-framework/example-package").unwrap();
    let image = image.resolved(find(&["imageIndex", "image"]));
    let Document::Manifest(manifest) = Document::parse(&blob(&find(&["atts"])), None, None).unwrap() else {
        panic!("a manifest");
    };
    let layer = &manifest.layers[0];
    assert_eq!(layer.media_type, media::DSSE_ENVELOPE);
    let content = Content::Envelope {
        envelope: blob(&layer.digest),
        annotations: layer.annotations.clone(),
    };
    records::evidence(image, Layout::Tag, content)
}

pub(crate) fn saved(root: &Path) -> Vec<Evidence> {
    ["v1.4.0", "v1.10.0"]
        .map(|version| format!("slsa-verifier/gha_generic_container/{version}/container_workflow_dispatch"))
        .map(|path| saved_attestations(&root.join(path)))
        .into()
}

#[test]
fn provenance_of_real_images_is_by_the_builder_and_about_them() {
    let Some(root) = corpus::root() else { return };
    let trusted = Trusted::keyless(public_good(&root).unwrap());
    for evidence in saved(&root) {
        let (proofs, rejected) = attestations(&evidence, &trusted, &Layouts::ALL);
        assert!(proofs.len() == 1, "{rejected:?}");
        assert_eq!(proofs[0].predicate_type(), "https://slsa.dev/provenance/v0.2");
        let builder =
            "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@";
        let signer = proofs[0].signer().identity().unwrap();
        assert!(signer.subjects[0].as_str().starts_with(builder), "{signer:?}");
        assert_eq!(signatures(&evidence, &trusted, &Layouts::ALL).0.len(), 0);
        // The same attestation beside another image says nothing about that.
        let other = Reference::parse("ghcr.io/slsa-framework/other").unwrap();
        let mut moved = evidence.clone();
        moved.image = other.resolved(Digest::sha256(b"another manifest"));
        assert_eq!(attestations(&moved, &trusted, &Layouts::ALL).0.len(), 0);
    }
}

/// How a bundle of another client is judged.
enum Expected {
    Accepted,
    Refused(&'static str, &'static str),
}
use Expected::{Accepted, Refused as Denied};

/// What a bundle says to be about.
fn artifact(bundle: &[u8], file: Option<&Path>) -> Artifact {
    if let Some(path) = file {
        return Artifact::File(Blob::new(corpus::read(path)));
    }
    let bundle: Value = serde_json::from_slice(bundle).unwrap();
    if let Some(payload) = bundle.pointer("/dsseEnvelope/payload").and_then(Value::as_str) {
        let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).unwrap();
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        let digests = statement["subject"].as_array().unwrap().iter();
        let mut named = digests.filter_map(|subject| {
            let named =
                |algorithm: Algorithm| Some(format!("{algorithm}:{}", subject["digest"][algorithm.name()].as_str()?));
            named(Algorithm::Sha256).or_else(|| named(Algorithm::Sha512))
        });
        let unknown = Digest::sha256(b"an artifact that nobody has");
        return Artifact::Digest(named.next_back().unwrap().parse().unwrap_or(unknown));
    }
    let digest = bundle
        .pointer("/messageSignature/messageDigest/digest")
        .and_then(Value::as_str)
        .unwrap();
    let raw = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, digest).unwrap();
    Artifact::Digest(Digest::from_raw(Algorithm::Sha256, &raw).unwrap())
}

pub(crate) enum Artifact {
    File(Blob),
    Digest(Digest),
}

impl Artifact {
    pub(crate) fn message(&self) -> Message<'_> {
        match self {
            Self::File(blob) => Message::Bytes(blob),
            Self::Digest(digest) => Message::Digest(digest),
        }
    }
}

/// A bundle of another client, with whom to believe.
pub(crate) struct Foreign {
    pub(crate) name: &'static str,
    pub(crate) bundle: Vec<u8>,
    pub(crate) artifact: Artifact,
    pub(crate) trusted: Trusted,
    expected: Expected,
}

/// GitHub's own instance has no log: its timestamps alone prove when something was signed.
fn stamped(root: Arc<TrustRoot>) -> Trusted {
    Trusted::Keyless {
        sct: SctRule::Ignored,
        logs: None,
        times: Some(TimeDemand::of(root.clone(), 1)),
        root,
    }
}

fn by_key(pem: &Path, root: &Arc<TrustRoot>, logs: usize) -> Trusted {
    Trusted::Key {
        key: PublicKey::from_pem(&corpus::text(pem)).unwrap(),
        rule: HashRule::Natural,
        logs: Some(LogDemand::of(root.clone(), logs)),
        times: Some(TimeDemand::of(root.clone(), 0)),
    }
}

type Row = (&'static str, Option<PathBuf>, Trusted, Expected);

/// Bundles of cosign, npm and sigstore-go.
fn of_go(root: &Path) -> Vec<Row> {
    let bundles = root.join("bundles");
    let own = |path: &str| Trusted::keyless(read_root(&bundles.join(path)).unwrap());
    let public_good = public_good(root).unwrap();
    let keyless = || Trusted::keyless(public_good.clone());
    let publisher = by_key(&bundles.join("sigstore-go/publish_key.pub"), &public_good, 1);
    let private = own("sigstore-rust/trusted_roots/scaffolding.json");
    vec![
        (
            "oci/cosign-oci-attestation.sigstore.json",
            None,
            own("oci/cosign-trusted_root_pgi.json"),
            Accepted,
        ),
        (
            "oci/cosign_v3_missing_fields.json",
            None,
            keyless(),
            Denied("certificate", ""),
        ),
        // npm's first bundles repeat the root, which the suite has refused.
        (
            "sigstore-go/bundle-provenance.json",
            None,
            keyless(),
            Denied("certificate", "root"),
        ),
        (
            "sigstore-go/dsse.sigstore.json",
            None,
            keyless(),
            Denied("certificate", "root"),
        ),
        (
            "sigstore-go/dsse-2sigs.sigstore.json",
            None,
            keyless(),
            Denied("form", "2 signatures"),
        ),
        ("sigstore-go/bundle-publish.json", None, publisher, Accepted),
        (
            "sigstore-go/sigstore.js@2.0.0-provenance.sigstore.json",
            None,
            keyless(),
            Accepted,
        ),
        ("sigstore-go/othername.sigstore.json", None, private, Accepted),
    ]
}

/// Bundles of conda, cosign and GitHub, as sigstore-rust collects them.
fn of_rust(root: &Path) -> Vec<Row> {
    let bundles = root.join("bundles/sigstore-rust");
    let own = |path: &str| Trusted::keyless(read_root(&bundles.join(path)).unwrap());
    let known = |path: &str| read_root(&root.join("trusted-roots").join(path)).unwrap();
    let public_good = public_good(root).unwrap();
    let keyless = || Trusted::keyless(public_good.clone());
    let blob = || Some(bundles.join("bundles/cosign-v3-blob.txt"));
    let conda = || Some(bundles.join("bundles/signed-package-2.1.0-hb0f4dca_0.conda"));
    let shared = || Some(root.join("sigstore-conformance/a.txt"));
    let staging = Trusted::keyless(known("staging.json"));
    let managed = by_key(&bundles.join("managed-key/key.pub"), &public_good, 1);
    let ct_key = own("invalid-ct-key_fail/trusted_root.json");
    let intermediates = own("sct-multi-intermediate/staging_trusted_root.json");
    let (github, stamps) = (stamped(known("github.json")), own("timestamps/valid_trusted_root.json"));
    vec![
        (
            "sigstore-rust/bundles/conda-attestation.sigstore.json",
            conda(),
            keyless(),
            Accepted,
        ),
        (
            "sigstore-rust/bundles/conda-attestation-rekor2.sigstore.json",
            conda(),
            staging,
            Accepted,
        ),
        (
            "sigstore-rust/bundles/cosign-v3-blob.sigstore.json",
            blob(),
            keyless(),
            Accepted,
        ),
        (
            "sigstore-rust/managed-key/bundle.sigstore.json",
            shared(),
            managed,
            Accepted,
        ),
        (
            "sigstore-rust/invalid-ct-key_fail/bundle.sigstore.json",
            shared(),
            ct_key,
            Denied("sct", ""),
        ),
        (
            "sigstore-rust/sct-multi-intermediate/staging_bundle.sigstore.json",
            None,
            intermediates,
            Accepted,
        ),
        (
            "sigstore-rust/timestamps/github_sha384_bundle.json",
            None,
            github,
            Accepted,
        ),
        ("sigstore-rust/timestamps/valid_bundle.json", None, stamps, Accepted),
    ]
}

pub(crate) fn foreign(root: &Path) -> Vec<Foreign> {
    let read = |(name, file, trusted, expected): Row| {
        let bundle = corpus::read(&root.join("bundles").join(name));
        Foreign {
            name,
            artifact: artifact(&bundle, file.as_deref()),
            bundle,
            trusted,
            expected,
        }
    };
    of_go(root).into_iter().chain(of_rust(root)).map(read).collect()
}

impl Foreign {
    pub(crate) fn judge(&self, bundle: &[u8]) -> Result<SignedArtifact, Refused> {
        let bundle = Bundle::parse(bundle).map_err(VerifyError::Bundle)?;
        Ok(verify_artifact(&bundle, self.artifact.message(), &self.trusted)?)
    }

    pub(crate) fn accepts(&self) -> bool {
        matches!(self.expected, Accepted)
    }
}

#[test]
fn bundles_of_other_clients_are_judged() {
    let Some(root) = corpus::root() else { return };
    let mut wrong = Vec::new();
    for foreign in foreign(&root) {
        match (foreign.judge(&foreign.bundle), &foreign.expected) {
            (Ok(_), Accepted) => {}
            (Err(found), Denied(due_to, words)) if found.due_to == *due_to && found.error.contains(words) => {}
            (found, _) => wrong.push(format!("{}: {:?}", foreign.name, found.map(drop))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
