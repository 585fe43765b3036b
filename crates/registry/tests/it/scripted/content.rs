//! What lies in a scripted registry: images, and what is said of them in every layout.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_image::{Descriptor, Digest, Index, Manifest, annotation, media};

use super::{Reply, Seen};

/// Paths and what is found there. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<BTreeMap<String, (String, Vec<u8>)>>);

impl Shelf {
    pub(crate) fn reply(&self, seen: &Seen) -> Reply {
        let Some((media_type, body)) = self.0.get(seen.path()) else {
            return if seen.path().contains("/referrers/") {
                lacking()
            } else {
                Reply::not_found()
            };
        };
        let reply = Reply::ok(media_type, body.clone());
        if seen.path().contains("/manifests/") {
            reply.with("Docker-Content-Digest", Digest::sha256(body).to_string())
        } else {
            reply
        }
    }

    /// Anything at any path.
    pub(crate) fn put(&mut self, path: impl Into<String>, media_type: &str, body: impl Into<Vec<u8>>) {
        Arc::make_mut(&mut self.0).insert(path.into(), (media_type.to_owned(), body.into()));
    }

    pub(crate) fn remove(&mut self, path: &str) {
        Arc::make_mut(&mut self.0).remove(path);
    }

    pub(crate) fn blob(&mut self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        self.put(
            format!("/v2/{repository}/blobs/{digest}"),
            "application/octet-stream",
            bytes,
        );
        digest
    }

    /// A manifest under its digest and, if there is one, under a tag.
    pub(crate) fn manifest(&mut self, repository: &str, tag: Option<&str>, manifest: &Manifest) -> Descriptor {
        self.document(repository, tag, &manifest.media_type, manifest.to_json())
    }

    pub(crate) fn document(
        &mut self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Descriptor {
        let digest = Digest::sha256(&bytes);
        if let Some(tag) = tag {
            self.put(format!("/v2/{repository}/manifests/{tag}"), media_type, bytes.clone());
        }
        self.put(
            format!("/v2/{repository}/manifests/{digest}"),
            media_type,
            bytes.clone(),
        );
        Descriptor::new(media_type, digest, bytes.len() as u64)
    }

    /// An image, whose name is its content.
    pub(crate) fn image(&mut self, repository: &str, tag: &str) -> Descriptor {
        let layer = Descriptor::new(media::OCI_LAYER_GZIP, Digest::sha256(repository.as_bytes()), 9);
        self.manifest(repository, Some(tag), &manifest(vec![layer], None))
    }

    /// A payload with these signatures under the `.sig` tag.
    pub(crate) fn signed(&mut self, repository: &str, image: &Descriptor, signatures: &[&str]) {
        let payload = simple(image);
        let digest = self.blob(repository, &payload);
        let layers = signatures
            .iter()
            .map(|signature| simple_layer(digest, payload.len(), signature))
            .collect();
        let tag = format!("{}.sig", image.digest.tag_form());
        self.manifest(repository, Some(&tag), &manifest(layers, None));
    }

    /// An envelope under the `.att` tag.
    pub(crate) fn attested(&mut self, repository: &str, image: &Descriptor, envelope: &[u8]) {
        let digest = self.blob(repository, envelope);
        let mut layer = Descriptor::new(media::DSSE_ENVELOPE, digest, envelope.len() as u64);
        layer
            .annotations
            .insert(annotation::COSIGN_CERTIFICATE.to_owned(), "…".to_owned());
        let tag = format!("{}.att", image.digest.tag_form());
        self.manifest(repository, Some(&tag), &manifest(vec![layer], None));
    }

    /// A manifest about the image, with one layer; not listed anywhere yet.
    pub(crate) fn referrer(
        &mut self,
        repository: &str,
        subject: Option<&Descriptor>,
        media_type: &str,
        bytes: &[u8],
    ) -> Descriptor {
        let digest = self.blob(repository, bytes);
        let mut layer = Descriptor::new(media_type, digest, bytes.len() as u64);
        if media_type == media::SIMPLE_SIGNING {
            layer
                .annotations
                .insert(annotation::COSIGN_SIGNATURE.to_owned(), "c2ln".to_owned());
        }
        self.manifest(repository, None, &manifest(vec![layer], subject.cloned()))
    }

    /// What the referrers API lists.
    pub(crate) fn lists(&mut self, repository: &str, image: &Descriptor, referrers: Vec<Descriptor>) {
        let path = format!("/v2/{repository}/referrers/{}", image.digest);
        self.put(path, media::OCI_INDEX, index(referrers).to_json());
    }

    /// What the fallback tag lists.
    pub(crate) fn lists_by_tag(&mut self, repository: &str, image: &Descriptor, referrers: Vec<Descriptor>) {
        let tag = image.digest.tag_form();
        self.document(repository, Some(&tag), media::OCI_INDEX, index(referrers).to_json());
    }
}

/// What a registry says that does not know the referrers API.
fn lacking() -> Reply {
    Reply {
        body: b"404 page not found\n".to_vec(),
        ..Reply::new(404)
    }
    .with("Content-Type", "text/plain")
}

pub(crate) fn index(manifests: Vec<Descriptor>) -> Index {
    Index {
        media_type: media::OCI_INDEX.to_owned(),
        artifact_type: None,
        manifests,
        subject: None,
        annotations: BTreeMap::new(),
    }
}

pub(crate) fn manifest(layers: Vec<Descriptor>, subject: Option<Descriptor>) -> Manifest {
    let empty = Descriptor::new(media::OCI_EMPTY, Digest::sha256(media::EMPTY_JSON), 2);
    Manifest {
        media_type: media::OCI_MANIFEST.to_owned(),
        artifact_type: None,
        config: empty,
        layers,
        subject,
        annotations: BTreeMap::new(),
    }
}

/// A layer with a simple-signing payload.
pub(crate) fn simple_layer(digest: Digest, size: usize, signature: &str) -> Descriptor {
    let annotations = BTreeMap::from([(annotation::COSIGN_SIGNATURE.to_owned(), signature.to_owned())]);
    Descriptor {
        annotations,
        ..Descriptor::new(media::SIMPLE_SIGNING, digest, size as u64)
    }
}

/// cosign's payload about an image.
pub(crate) fn simple(image: &Descriptor) -> Vec<u8> {
    let digest = image.digest;
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    )
    .into_bytes()
}
