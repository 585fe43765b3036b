//! Into the tags `sha256-<hex>.sig` and `sha256-<hex>.att`, as cosign 2 writes them.

use std::collections::BTreeMap;

use countersign_image::manifest::MAX_LAYERS;
use countersign_image::{Blob, Descriptor, Digest, Document, Manifest, Tag, media};
use serde_json::json;

use super::merged::{Addition, Merged, occupied};
use super::{Desk, Form, Kind, Piece};
use crate::trouble::{ContentTrouble, Trouble};

impl Desk<'_> {
    /// Puts all of one kind in one go. Gives back the manifest that holds them, whether all were there, and the entry that a
    /// list of referrers lacks.
    pub(super) async fn under_tag(
        &self,
        kind: Kind,
        pieces: &[&Piece],
    ) -> Result<(Digest, bool, Option<Descriptor>), Trouble> {
        let suffix = if kind == Kind::Signature { ".sig" } else { ".att" };
        let tag =
            Tag::parse(&format!("{}{suffix}", self.image.digest().tag_form())).map_err(|_| Trouble::Misplaced {
                layout: countersign_evidence::Layout::Tag,
                what: "anything about a digest this long",
            })?;
        for piece in pieces {
            self.put_blob(piece.bytes.clone()).await?;
        }
        let subject = match (self.form, kind) {
            (Form::Combined { .. }, Kind::Signature) => Some(self.subject().await?),
            _ => None,
        };
        let addition = IntoTag {
            pieces,
            tag: &tag,
            subject: subject.as_ref(),
        };
        let (manifest, already_there) = self.merge(&tag, &addition).await?;
        let unlisted = match subject {
            Some(_) => self.unlisted(&tag).await?,
            None => None,
        };
        Ok((manifest, already_there, unlisted))
    }
}

struct IntoTag<'a> {
    pieces: &'a [&'a Piece],
    tag: &'a Tag,
    /// The image, where readers of OCI 1.1 are to find the same manifest.
    subject: Option<&'a Descriptor>,
}

impl Addition for IntoTag<'_> {
    fn place(&self) -> String {
        format!("the tag `{}`", self.tag)
    }

    fn is_in(&self, current: &Document) -> bool {
        match current {
            Document::Manifest(manifest) => {
                let holds = |piece: &&Piece| manifest.layers.iter().any(|layer| piece.is(layer));
                let is_combined = |subject: &Descriptor| {
                    manifest
                        .subject
                        .as_ref()
                        .is_some_and(|named| named.digest == subject.digest)
                        && manifest.artifact_type.as_deref() == Some(media::COSIGN_SIGNATURE_ARTIFACT)
                };
                self.pieces.iter().all(holds) && self.subject.is_none_or(is_combined)
            }
            Document::Index(_) => false,
        }
    }

    fn is_absence(&self, _blob: &Blob) -> bool {
        false
    }

    fn add_to(&self, current: Option<Document>) -> Result<Merged, Trouble> {
        let mut manifest = match current {
            Some(Document::Manifest(manifest)) => manifest,
            Some(Document::Index(_)) => return Err(occupied(&self.place())),
            None => empty(),
        };
        if let Some(subject) = self.subject {
            // The tag is this image's: whatever else somebody wrote there would hide it from readers of OCI 1.1.
            manifest.subject = Some(subject.clone());
            manifest.artifact_type = Some(media::COSIGN_SIGNATURE_ARTIFACT.to_owned());
        }
        for piece in self.pieces {
            if !manifest.layers.iter().any(|layer| piece.is(layer)) {
                manifest.layers.push(piece.layer.clone());
            }
        }
        if manifest.layers.len() > MAX_LAYERS {
            return Err(Trouble::Content(ContentTrouble::TooMany {
                limit: MAX_LAYERS as u64,
            }));
        }
        let configuration = configuration(&manifest.layers);
        manifest.config = Descriptor::new(
            manifest.config.media_type.clone(),
            Digest::sha256(&configuration),
            configuration.len() as u64,
        );
        Ok(Merged {
            media_type: manifest.media_type.clone(),
            bytes: manifest.to_json(),
            configuration: Some(configuration),
        })
    }
}

fn empty() -> Manifest {
    Manifest {
        media_type: media::OCI_MANIFEST.to_owned(),
        artifact_type: None,
        config: Descriptor::new(media::OCI_CONFIG, Digest::sha256(b""), 0),
        layers: Vec::new(),
        subject: None,
        annotations: BTreeMap::new(),
    }
}

/// cosign's libraries take the manifest for an image and expect its configuration to name the same layers.
pub(super) fn configuration(layers: &[Descriptor]) -> Vec<u8> {
    let no_time = "0001-01-01T00:00:00Z";
    let layer_ids: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
    let history: Vec<_> = layers.iter().map(|_| json!({"created": no_time})).collect();
    json!({
        "architecture": "",
        "created": no_time,
        "history": history,
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": layer_ids},
        "config": {},
    })
    .to_string()
    .into_bytes()
}
