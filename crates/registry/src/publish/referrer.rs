//! As a manifest that names the image as its subject (OCI 1.1): what cosign 3 writes, and cosign 2 where asked to.

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_evidence::{Evidence, Layout};
use countersign_image::{Blob, Descriptor, Digest, Document, Index, Manifest, Tag, annotation, media};
use jiff::Timestamp;

use super::merged::{Addition, Merged, occupied};
use super::tag::configuration;
use super::{Desk, Kind, Piece, Published};
use crate::push::ManifestName;
use crate::referrers::fallback_tag;
use crate::trouble::{ContentTrouble, Trouble};

/// What cosign gives as the type of an attestation stored as a referrer.
const COSIGN_ATTESTATION_ARTIFACT: &str = "application/vnd.dev.cosign.artifact.att.v1+json";

impl Desk<'_> {
    /// 1. is it there? 2. the image's own descriptor 3. content 4. the manifest. Gives back its entry in the fallback tag, too,
    ///    if the registry keeps no list itself.
    pub(super) async fn as_referrer(
        &self,
        piece: &Piece,
        layout: Layout,
        known: Option<&Evidence>,
    ) -> Result<(Published, Option<Descriptor>), Trouble> {
        // What could not be read may hold it, too; then it is there twice, which harms nobody.
        if let Some(manifest) = known.and_then(|known| piece.found_in(known, layout)) {
            return Ok((self.published(manifest, piece, true), None));
        }
        let subject = self.subject().await?;
        self.put_blob(piece.bytes.clone()).await?;
        let (manifest, configuration) = manifest(piece, subject, self.created());
        self.put_blob(Bytes::from(configuration)).await?;
        let bytes = manifest.to_json();
        let entry = entry(&manifest, &bytes);
        let name = ManifestName::Digest(entry.digest);
        let put = self
            .client
            .put_manifest(
                self.repository(),
                &name,
                &manifest.media_type,
                Bytes::from(bytes),
                self.credentials,
                self.deadline,
            )
            .await?;
        let published = self.published(entry.digest, piece, false);
        let is_listed = put.subject.as_ref() == Some(self.image.digest());
        Ok((published, Some(entry).filter(|_| !is_listed)))
    }

    /// Names manifests in the list that stands in for the registry's own.
    pub(super) async fn list(&self, entries: &[Descriptor]) -> Result<(), Trouble> {
        let image = self.image.digest();
        self.merge(&fallback_tag(image), &IntoList { entries, image }).await?;
        Ok(())
    }

    /// The entry of a manifest that was put under a tag, where no list has it.
    pub(super) async fn unlisted(&self, tag: &Tag) -> Result<Option<Descriptor>, Trouble> {
        let tagged = self
            .client
            .tagged(self.repository(), tag, self.credentials, self.deadline);
        let (blob, document) = tagged.await?;
        let Document::Manifest(manifest) = document else {
            return Ok(None);
        };
        let listed = self
            .client
            .referrers(self.repository(), self.image.digest(), self.credentials, self.deadline)
            .await?;
        if listed.iter().any(|listed| listed.digest == *blob.digest()) {
            return Ok(None);
        }
        Ok(Some(entry(&manifest, blob.bytes())))
    }

    pub(super) async fn subject(&self) -> Result<Descriptor, Trouble> {
        let digest = self.image.digest();
        let (blob, content_type) = self
            .client
            .manifest(self.repository(), digest, self.credentials, self.deadline)
            .await?;
        let document = Document::parse(&blob, content_type.as_deref(), None)
            .map_err(|error| Trouble::Content(ContentTrouble::Manifest(error)))?;
        let media_type = match document {
            Document::Manifest(manifest) => manifest.media_type,
            Document::Index(index) => index.media_type,
        };
        Ok(Descriptor::new(media_type, *digest, blob.size()))
    }
}

fn manifest(piece: &Piece, subject: Descriptor, created: Timestamp) -> (Manifest, Vec<u8>) {
    let of_type =
        |media_type: &str, bytes: &[u8]| Descriptor::new(media_type, Digest::sha256(bytes), bytes.len() as u64);
    let (artifact_type, config, configuration) = match piece.kind {
        Kind::Bundle { .. } => {
            let config = of_type(media::OCI_EMPTY, media::EMPTY_JSON);
            (Some(piece.layer.media_type.clone()), config, media::EMPTY_JSON.to_vec())
        }
        // cosign 2 says the artifact's type with that of the configuration, and filters by it.
        Kind::Signature | Kind::Attestation => {
            let is_signature = piece.kind == Kind::Signature;
            let artifact = if is_signature {
                media::COSIGN_SIGNATURE_ARTIFACT
            } else {
                COSIGN_ATTESTATION_ARTIFACT
            };
            let configuration = configuration(std::slice::from_ref(&piece.layer));
            (None, of_type(artifact, &configuration), configuration)
        }
    };
    let manifest = Manifest {
        media_type: media::OCI_MANIFEST.to_owned(),
        artifact_type,
        config,
        layers: vec![piece.layer.clone()],
        subject: Some(subject),
        annotations: annotations(piece, created),
    };
    (manifest, configuration)
}

fn annotations(piece: &Piece, created: Timestamp) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    if let Kind::Bundle { enveloped } = piece.kind {
        let content = if enveloped {
            "dsse-envelope"
        } else {
            "message-signature"
        };
        annotations.insert(annotation::BUNDLE_CONTENT.to_owned(), content.to_owned());
        if let Some(predicate_type) = &piece.predicate_type {
            annotations.insert(annotation::BUNDLE_PREDICATE_TYPE.to_owned(), predicate_type.clone());
        }
        let created = created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        annotations.insert(annotation::OCI_CREATED.to_owned(), created);
    }
    annotations
}

/// How a list of referrers names a manifest.
fn entry(manifest: &Manifest, bytes: &[u8]) -> Descriptor {
    let artifact_type = manifest
        .artifact_type
        .clone()
        .unwrap_or_else(|| manifest.config.media_type.clone());
    Descriptor {
        artifact_type: Some(artifact_type),
        annotations: manifest.annotations.clone(),
        ..Descriptor::new(manifest.media_type.clone(), Digest::sha256(bytes), bytes.len() as u64)
    }
}

fn is_listed(index: &Index, entry: &Descriptor) -> bool {
    index.manifests.iter().any(|listed| listed.digest == entry.digest)
}

struct IntoList<'a> {
    entries: &'a [Descriptor],
    image: &'a Digest,
}

impl Addition for IntoList<'_> {
    fn place(&self) -> String {
        format!("the tag `{}`", fallback_tag(self.image))
    }

    fn is_in(&self, current: &Document) -> bool {
        match current {
            Document::Index(index) => self.entries.iter().all(|entry| is_listed(index, entry)),
            Document::Manifest(_) => false,
        }
    }

    /// Some registries give the image itself where there is no such tag.
    fn is_absence(&self, blob: &Blob) -> bool {
        self.image.matches(blob.bytes())
    }

    fn add_to(&self, current: Option<Document>) -> Result<Merged, Trouble> {
        let mut index = match current {
            Some(Document::Index(index)) => index,
            Some(Document::Manifest(_)) => return Err(occupied(&self.place())),
            None => Index {
                media_type: media::OCI_INDEX.to_owned(),
                artifact_type: None,
                manifests: Vec::new(),
                subject: None,
                annotations: BTreeMap::new(),
            },
        };
        for entry in self.entries {
            if !is_listed(&index, entry) {
                index.manifests.push(entry.clone());
            }
        }
        Ok(Merged {
            media_type: index.media_type.clone(),
            bytes: index.to_json(),
            configuration: None,
        })
    }
}
