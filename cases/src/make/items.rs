//! Items of evidence: signatures and attestations as they lie beside an image, honest and otherwise.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::envelope::pae;
use countersign_evidence::{Content, Item, Layout, Origin, Sealed, ToBeSigned};
use countersign_image::{Blob, Digest, Repository, annotation, media};
use serde_json::{Value, json};

use super::sample::Sample;
use super::workshop::Workshop;

pub(super) const SLSA: &str = "https://slsa.dev/provenance/v1";
pub(super) const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

impl Workshop {
    /// A signature of the image, as cosign writes it in this layout.
    pub(super) fn signature(&self, signer: &str, image: &Sample, layout: Layout) -> Item {
        let what = match layout {
            Layout::Tag | Layout::Referrer => ToBeSigned::simple(&image.pinned, &BTreeMap::new()),
            Layout::Bundle => ToBeSigned::cosign_sign(&image.pinned, &BTreeMap::new()),
        };
        item(image, layout, content(self.seal(signer, what, layout)))
    }

    /// An attestation about the image, with a predicate that says nothing.
    pub(super) fn attestation(&self, signer: &str, image: &Sample, layout: Layout, predicate_type: &str) -> Item {
        let what = ToBeSigned::statement(&image.pinned, predicate_type, &json!({}));
        item(image, layout, content(self.seal(signer, what, layout)))
    }

    /// A bundle whose signature is over the manifest's own bytes.
    pub(super) fn message_bundle(&self, image: &Sample) -> Item {
        let message = image.manifest.bytes();
        let bundle = json!({
            "mediaType": media::SIGSTORE_BUNDLE_V03,
            "verificationMaterial": { "publicKey": { "hint": "" } },
            "messageSignature": {
                "messageDigest": { "algorithm": "SHA2_256", "digest": STANDARD.encode(image.manifest.digest().raw()) },
                "signature": STANDARD.encode(self.forge(message)),
            },
        });
        bundle_item(image, &bundle)
    }

    /// Any payload, signed by Alice the way cosign 2 signs.
    pub(super) fn simple(&self, image: &Sample, payload: &str) -> Item {
        item(
            image,
            Layout::Tag,
            simple_content(payload.as_bytes(), &self.forge(payload.as_bytes())),
        )
    }

    /// Any statement, signed by Alice in an envelope of any type.
    pub(super) fn envelope(&self, payload_type: &str, payload: &str) -> Value {
        let signature = self.forge(&pae(payload_type, payload.as_bytes()));
        json!({
            "payload": STANDARD.encode(payload),
            "payloadType": payload_type,
            "signatures": [{ "sig": STANDARD.encode(signature) }],
        })
    }
}

/// cosign's payload about a digest.
pub(super) fn payload(digest: &Digest) -> String {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": "registry.example/shop/app" },
            "image": { "docker-manifest-digest": digest },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    payload.to_string()
}

/// An in-toto statement about subjects.
pub(super) fn statement(subjects: &[&Digest], predicate_type: &str) -> String {
    let subjects: Vec<Value> = subjects
        .iter()
        .map(|digest| json!({ "digest": { "sha256": digest.hex() } }))
        .collect();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": predicate_type,
        "predicate": {},
    });
    statement.to_string()
}

/// An envelope in a bundle, v0.3.
pub(super) fn bundle(envelope: &Value) -> Value {
    json!({
        "mediaType": media::SIGSTORE_BUNDLE_V03,
        "verificationMaterial": { "publicKey": { "hint": "" } },
        "dsseEnvelope": envelope,
    })
}

pub(super) fn bundle_item(image: &Sample, bundle: &Value) -> Item {
    item(
        image,
        Layout::Bundle,
        Content::Bundle(Blob::new(bundle.to_string().into_bytes())),
    )
}

pub(super) fn envelope_item(image: &Sample, envelope: &Value) -> Item {
    item(
        image,
        Layout::Tag,
        Content::envelope(Blob::new(envelope.to_string().into_bytes())),
    )
}

pub(super) fn simple_item(image: &Sample, payload: &[u8], signature: &[u8]) -> Item {
    item(image, Layout::Tag, simple_content(payload, signature))
}

/// What is found beside the image in one layout.
pub(super) fn item(image: &Sample, layout: Layout, content: Content) -> Item {
    stored(image.pinned.repository(), layout, content)
}

/// What is found in a repository, of a manifest that holds nothing else.
pub(super) fn stored(repository: &Repository, layout: Layout, content: Content) -> Item {
    let (blob, media_type) = match &content {
        Content::Simple { payload, .. } => (payload, media::SIMPLE_SIGNING),
        Content::Envelope { envelope, .. } => (envelope, media::DSSE_ENVELOPE),
        Content::Bundle(bundle) => (bundle, media::SIGSTORE_BUNDLE_V03),
    };
    let config = Blob::new(media::EMPTY_JSON);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": { "mediaType": media::OCI_EMPTY, "digest": config.digest(), "size": config.size() },
        "layers": [{ "mediaType": media_type, "digest": blob.digest(), "size": blob.size() }],
    });
    let manifest = Digest::sha256(manifest.to_string().as_bytes());
    let origin = Origin {
        repository: repository.clone(),
        layout,
        tag_prefix: None,
        manifest,
        blob: *blob.digest(),
    };
    Item { origin, content }
}

/// The same item, under a tag with this before it.
pub(super) fn behind(prefix: &str, mut item: Item) -> Item {
    item.origin.tag_prefix = Some(prefix.to_owned());
    item
}

pub(super) fn content(sealed: Sealed) -> Content {
    match sealed {
        Sealed::Simple {
            payload,
            signature_b64: signature,
        } => {
            let annotations = BTreeMap::from([(annotation::COSIGN_SIGNATURE.to_owned(), signature.clone())]);
            Content::Simple {
                payload: Blob::new(payload),
                signature,
                annotations,
            }
        }
        Sealed::Envelope(json) => Content::envelope(Blob::new(json)),
        Sealed::Bundle(json) => Content::Bundle(Blob::new(json)),
    }
}

fn simple_content(payload: &[u8], signature: &[u8]) -> Content {
    content(Sealed::Simple {
        payload: payload.to_vec(),
        signature_b64: STANDARD.encode(signature),
    })
}

/// The JSON of an item, changed by somebody who has no key.
pub(super) fn altered(image: &Sample, item: &Item, alter: impl FnOnce(&mut Value)) -> Item {
    let (Content::Envelope { envelope: blob, .. } | Content::Bundle(blob)) = &item.content else {
        return item.clone();
    };
    let mut document: Value = serde_json::from_slice(blob.bytes()).expect("what was sealed is JSON");
    alter(&mut document);
    match item.content {
        Content::Bundle(_) => bundle_item(image, &document),
        _ => envelope_item(image, &document),
    }
}
