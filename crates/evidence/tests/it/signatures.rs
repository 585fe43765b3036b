//! Signatures and attestations with keys, as cosign and others have stored them: judged with the right key and the wrong.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{
    Content, Envelope, Evidence, HashRule, Item, KeyError, Layout, Layouts, Material, NotThisImage, Origin, PublicKey,
    SeenKind, SignatureError, Trusted, VerifyError, Why, attestations, predicate, signatures, unverified_summary,
    verify_envelope,
};
use countersign_image::{Blob, Digest, Document, Manifest, Pinned, Reference, annotation, media};
use jiff::Timestamp;
use serde_json::Value;

use crate::corpus;

fn key(path: &Path) -> PublicKey {
    PublicKey::from_pem(&corpus::text(path)).unwrap()
}

fn evidence(image: Pinned, items: Vec<Item>) -> Evidence {
    let as_of = Timestamp::UNIX_EPOCH;
    Evidence {
        image,
        items,
        gaps: Vec::new(),
        looked: Vec::new(),
        manifest: None,
        as_of,
        stale: false,
    }
}

fn image(name: &str, digest: &Digest) -> Pinned {
    Reference::parse(name).unwrap().resolved(*digest)
}

fn manifest(bytes: Vec<u8>) -> (Blob, Manifest) {
    let blob = Blob::new(bytes);
    match Document::parse(&blob, None, None).unwrap() {
        Document::Manifest(manifest) => (blob, manifest),
        Document::Index(_) => panic!("a manifest"),
    }
}

/// What a manifest of signatures or attestations holds.
fn items(
    image: &Pinned,
    layout: Layout,
    (holder, manifest): &(Blob, Manifest),
    blob: impl Fn(&Digest) -> Vec<u8>,
) -> Vec<Item> {
    let item = |layer: &countersign_image::Descriptor| {
        let blob = Blob::check(blob(&layer.digest).into(), &layer.digest, Some(layer.size)).unwrap();
        let (repository, manifest) = (image.repository().clone(), *holder.digest());
        let origin = Origin {
            repository,
            layout,
            tag_prefix: None,
            manifest,
            blob: *blob.digest(),
        };
        let content = match layer.media_type.as_str() {
            media::SIMPLE_SIGNING => Content::Simple {
                payload: blob,
                signature: layer.annotations[annotation::COSIGN_SIGNATURE].clone(),
                annotations: layer.annotations.clone(),
            },
            media::DSSE_ENVELOPE => Content::Envelope {
                envelope: blob,
                annotations: layer.annotations.clone(),
            },
            _ => Content::Bundle(blob),
        };
        Item { origin, content }
    };
    manifest.layers.iter().map(item).collect()
}

fn not_by_this_key(why: &Why) -> bool {
    matches!(
        why,
        Why::Verify(VerifyError::Signature(SignatureError::NotByThisKey { .. }))
    )
}

/// An image that cosign 3 has signed and attested in every layout: the `.sig` tag, the `.att` tag, two bundles.
fn cosign_evidence(root: &Path, repository: &str) -> Evidence {
    let directory = root.join("cosign-3.1.3-generated/demo").join(repository);
    let tags: Value = serde_json::from_slice(&corpus::read(&directory.join("tags.json"))).unwrap();
    let load = |digest: &str| {
        let file = format!("manifests/{}.json", digest.trim_start_matches("sha256:"));
        corpus::read(&directory.join(file))
    };
    let blob = |digest: &Digest| corpus::read(&directory.join("blobs").join(digest.hex()));
    let digest: Digest = tags["v1"].as_str().unwrap().parse().unwrap();
    let image = image(&format!("127.0.0.1:5058/demo/{repository}:v1"), &digest);
    let mut found = Vec::new();
    for suffix in [".sig", ".att"] {
        if let Some(tagged) = tags[format!("{}{suffix}", digest.tag_form())].as_str() {
            found.extend(items(&image, Layout::Tag, &manifest(load(tagged)), blob));
        }
    }
    if let Some(fallback) = tags[digest.tag_form()].as_str() {
        let Document::Index(index) = Document::parse(&Blob::new(load(fallback)), None, None).unwrap() else {
            panic!("an index");
        };
        for referrer in index.manifests {
            let referrer = manifest(load(&referrer.digest.to_string()));
            assert_eq!(referrer.1.subject.as_ref().unwrap().digest, digest);
            found.extend(items(&image, Layout::Bundle, &referrer, blob));
        }
    }
    evidence(image, found)
}

#[test]
fn what_cosign_3_wrote_is_judged_in_every_layout() {
    let Some(root) = corpus::root() else { return };
    let keys = root.join("cosign-3.1.3-generated");
    let (right, wrong) = (key(&keys.join("k1.pub")), key(&keys.join("k2.pub")));
    let evidence = cosign_evidence(&root, "app");
    assert_eq!(evidence.items.len(), 4);

    let (signed, rejected) = signatures(
        &evidence,
        &Trusted::key(right.clone(), HashRule::Natural),
        &Layouts::ALL,
    );
    assert_eq!(
        signed.iter().map(|s| s.origin().layout).collect::<Vec<_>>(),
        [Layout::Tag, Layout::Bundle]
    );
    let why: Vec<_> = rejected.iter().map(|rejected| rejected.why.to_string()).collect();
    let vuln = predicate::uri_of("vuln");
    assert_eq!(
        why,
        vec![format!("a statement of type `{vuln}` is an attestation, not a signature"); 2]
    );

    let (attested, rejected) = attestations(
        &evidence,
        &Trusted::key(right.clone(), HashRule::Natural),
        &Layouts::ALL,
    );
    let types: Vec<_> = attested
        .iter()
        .map(|a| (a.origin().layout, a.predicate_type()))
        .collect();
    let expected = [
        (Layout::Tag, vuln),
        (Layout::Bundle, predicate::COSIGN_SIGN),
        (Layout::Bundle, vuln),
    ];
    assert_eq!(types, expected);
    assert_eq!(
        rejected.iter().map(|r| &r.why).collect::<Vec<_>>(),
        [&Why::NotAnAttestation]
    );

    let (signed, rejected) = signatures(
        &evidence,
        &Trusted::key(wrong.clone(), HashRule::Natural),
        &Layouts::ALL,
    );
    assert!(signed.is_empty());
    assert_eq!(
        rejected
            .iter()
            .filter(|rejected| not_by_this_key(&rejected.why))
            .count(),
        2
    );
    let (attested, rejected) = attestations(
        &evidence,
        &Trusted::key(wrong.clone(), HashRule::Natural),
        &Layouts::ALL,
    );
    assert!(attested.is_empty());
    assert_eq!(
        rejected
            .iter()
            .filter(|rejected| not_by_this_key(&rejected.why))
            .count(),
        3
    );

    let seen = unverified_summary(&evidence);
    let kinds: Vec<_> = seen.iter().map(|seen| seen.kind).collect();
    use SeenKind::{Attestation, Signature};
    assert_eq!(kinds, [Signature, Attestation, Signature, Attestation]);
    assert_eq!(seen[2].unverified_signer_hint, Some(right.fingerprint().to_string()));
}

#[test]
fn annotations_of_a_signature_are_its_signer_s() {
    let Some(root) = corpus::root() else { return };
    let right = key(&root.join("cosign-3.1.3-generated/k1.pub"));
    let (signed, _) = signatures(
        &cosign_evidence(&root, "other"),
        &Trusted::key(right.clone(), HashRule::Natural),
        &Layouts::ALL,
    );
    let annotations: Vec<_> = signed[0]
        .annotations()
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(annotations, [("build", "42"), ("env", "prod")]);
}

#[test]
fn another_image_s_signatures_prove_nothing() {
    let Some(root) = corpus::root() else { return };
    let right = key(&root.join("cosign-3.1.3-generated/k1.pub"));
    let mut evidence = cosign_evidence(&root, "app");
    evidence.image = cosign_evidence(&root, "other").image;
    let (signed, rejected) = signatures(
        &evidence,
        &Trusted::key(right.clone(), HashRule::Natural),
        &Layouts::ALL,
    );
    assert!(signed.is_empty());
    let other = |why: &Why| matches!(why, Why::NotThisImage(NotThisImage::OtherDigest { .. }));
    assert_eq!(rejected.iter().filter(|rejected| other(&rejected.why)).count(), 2);
    let (attested, rejected) = attestations(
        &evidence,
        &Trusted::key(right.clone(), HashRule::Natural),
        &Layouts::ALL,
    );
    assert!(attested.is_empty());
    assert_eq!(rejected.iter().filter(|rejected| other(&rejected.why)).count(), 3);
}

#[test]
fn connaisseur_s_signature_by_alice_is_alice_s() {
    let Some(root) = corpus::root() else { return };
    let directory = root.join("connaisseur/cosign");
    let (image_blob, _) = manifest(corpus::read(&directory.join("manifests/multi-cosigned-alice.json")));
    let image = image(
        "securesystemsengineering/testimage:multi-cosigned-alice",
        image_blob.digest(),
    );
    let tagged = directory.join(format!("manifests/{}.sig.json", image.digest().tag_form()));
    let blob = |digest: &Digest| corpus::read(&directory.join(format!("blobs/sha256_{}.json", digest.hex())));
    let found = items(&image, Layout::Tag, &manifest(corpus::read(&tagged)), blob);
    let evidence = evidence(image, found);

    let alice = key(&directory.join("keys/alice-be21ad9a.pub"));
    assert_eq!(
        signatures(
            &evidence,
            &Trusted::key(alice.clone(), HashRule::Natural),
            &Layouts::ALL
        )
        .0
        .len(),
        1
    );
    let stranger = key(&root.join("cosign-3.1.3-generated/k1.pub"));
    assert!(
        signatures(
            &evidence,
            &Trusted::key(stranger.clone(), HashRule::Natural),
            &Layouts::ALL
        )
        .0
        .is_empty()
    );
}

#[test]
fn the_signature_beside_a_containers_image_directory_is_its_own() {
    let Some(root) = corpus::root() else { return };
    let directory = root.join("containers-image");
    let (image_blob, _) = manifest(corpus::read(&directory.join("dir-img-cosign-valid/manifest.json")));
    let image = image("192.168.64.2:5000/cosign-signed-single-sample", image_blob.digest());
    let stored = corpus::read(&directory.join("dir-img-cosign-valid/signature-1"));
    let stored: Value = serde_json::from_slice(stored.strip_prefix(b"\0sigstore-json\n").unwrap()).unwrap();
    let payload = Blob::new(STANDARD.decode(stored["payload"].as_str().unwrap()).unwrap());
    let signature = stored["annotations"][annotation::COSIGN_SIGNATURE]
        .as_str()
        .unwrap()
        .to_owned();
    let (repository, blob) = (image.repository().clone(), *payload.digest());
    let origin = Origin {
        repository,
        layout: Layout::Tag,
        tag_prefix: None,
        manifest: blob,
        blob,
    };
    let content = Content::Simple {
        payload,
        signature,
        annotations: Default::default(),
    };
    let evidence = evidence(image, vec![Item { origin, content }]);
    let right = key(&directory.join("cosign.pub"));
    assert_eq!(
        signatures(
            &evidence,
            &Trusted::key(right.clone(), HashRule::Natural),
            &Layouts::ALL
        )
        .0
        .len(),
        1
    );
}

#[test]
fn grype_s_attestation_is_judged_with_the_right_key_and_the_wrong() {
    let Some(root) = corpus::root() else { return };
    let directory = root.join("grype-attest");
    let envelope = Envelope::parse(&corpus::read(&directory.join("alpine.att.json"))).unwrap();
    let right = key(&directory.join("cosign.pub"));
    let statement = verify_envelope(
        &envelope,
        None,
        Material::Nothing,
        &Trusted::key(right.clone(), HashRule::Natural),
    )
    .unwrap();
    assert_eq!(statement.value().predicate_type, "https://syft.dev/bom");
    let wrong = key(&directory.join("another_cosign.pub"));
    assert!(matches!(
        verify_envelope(
            &envelope,
            None,
            Material::Nothing,
            &Trusted::key(wrong.clone(), HashRule::Natural)
        ),
        Err(VerifyError::Signature(_))
    ));
    let broken = PublicKey::from_pem(&corpus::text(&directory.join("cosign_broken.pub")));
    assert!(matches!(broken, Err(KeyError::Base64 { .. })), "{broken:?}");
}
