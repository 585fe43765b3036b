//! An image with everything that belongs to it, in one repository and in another.

use std::time::Instant;

use countersign_image::{Blob, Descriptor, Digest, Document, Pinned, Repository};

use super::release::{Step, Steps};
use crate::client::Client;
use crate::credential::Credentials;
use crate::parts::Way;
use crate::push::ManifestName;
use crate::trouble::{ContentTrouble, Trouble};

/// How deep indexes may lie in indexes.
const DEPTH: usize = 4;
/// How many manifests one image may have.
const MANIFESTS: usize = 512;
/// How many bytes all of them may have.
const MANIFEST_BYTES: u64 = 32 << 20;

/// What was done to have an image in another repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Manifests and indexes that were put.
    pub manifests: usize,
    /// Blobs that the registry took over from the other repository.
    pub mounted: usize,
    /// Blobs that went through here.
    pub blobs: usize,
}

/// A manifest or index of an image, and what it names.
struct Part {
    blob: Blob,
    document: Document,
}

/// Every part of an image, each after what it names: the image's own manifest or index is the last.
pub(super) struct Whole {
    parts: Vec<Part>,
}

/// Who reads and writes, and until when.
pub(super) struct Porter<'a> {
    /// One that asks no mirror.
    pub(super) client: &'a Client,
    pub(super) credentials: &'a Credentials,
    pub(super) steps: &'a dyn Steps,
    pub(super) deadline: Instant,
}

impl Porter<'_> {
    /// Reads all manifests of an image, each by its digest, from the registry itself.
    pub(super) async fn read(&self, image: &Pinned) -> Result<Whole, Trouble> {
        let mut parts = Vec::new();
        let mut open = vec![(*image.digest(), None::<u64>, 0)];
        let mut bytes = 0;
        while let Some((digest, size, depth)) = open.pop() {
            if parts.len() == MANIFESTS || depth > DEPTH {
                return Err(Trouble::Content(ContentTrouble::TooMany {
                    limit: MANIFESTS as u64,
                }));
            }
            let part = self.part(image.repository(), &digest, size).await?;
            bytes += part.blob.size();
            if bytes > MANIFEST_BYTES {
                return Err(Trouble::Content(ContentTrouble::TooLarge { limit: MANIFEST_BYTES }));
            }
            if let Document::Index(index) = &part.document {
                if open.len() + index.manifests.len() > MANIFESTS {
                    return Err(Trouble::Content(ContentTrouble::TooMany {
                        limit: MANIFESTS as u64,
                    }));
                }
                let named = index.manifests.iter();
                open.extend(named.map(|child| (child.digest, Some(child.size), depth + 1)));
            }
            parts.push(part);
        }
        parts.reverse();
        Ok(Whole { parts })
    }

    async fn part(&self, repository: &Repository, digest: &Digest, size: Option<u64>) -> Result<Part, Trouble> {
        let (blob, content_type) = self
            .client
            .manifest(repository, digest, self.credentials, self.deadline)
            .await?;
        if size.is_some_and(|size| size != blob.size()) {
            return Err(Trouble::protocol(format!(
                "`{digest}` has another size than its index says"
            )));
        }
        let document = Document::parse(&blob, content_type.as_deref(), None)
            .map_err(|error| Trouble::Content(ContentTrouble::Manifest(error)))?;
        Ok(Part { blob, document })
    }

    /// Puts what is not there yet: blobs before their manifest, manifests before their index, each byte for byte.
    pub(super) async fn copy(&self, whole: &Whole, from: &Repository, to: &Repository) -> Result<Copied, Trouble> {
        let mut copied = Copied::default();
        for part in &whole.parts {
            let digest = part.blob.digest();
            if self
                .client
                .has_manifest(to, digest, self.credentials, self.deadline)
                .await?
            {
                continue;
            }
            for blob in part.blobs() {
                self.steps.before(Step::Blob)?;
                let way = self
                    .client
                    .copy_blob(from, to, blob, self.credentials, self.deadline)
                    .await?;
                match way {
                    Way::There => {}
                    Way::Mounted => copied.mounted += 1,
                    Way::Copied => copied.blobs += 1,
                }
            }
            self.steps.before(Step::Manifest)?;
            self.client
                .put_manifest(
                    to,
                    &ManifestName::Digest(*digest),
                    part.document.media_type(),
                    part.blob.bytes().clone(),
                    self.credentials,
                    self.deadline,
                )
                .await?;
            copied.manifests += 1;
        }
        Ok(copied)
    }

    /// Looks whether every blob that the image names is in its repository.
    pub(super) async fn look_for_blobs(&self, whole: &Whole, repository: &Repository) -> Result<(), Trouble> {
        for blob in whole.parts.iter().flat_map(Part::blobs) {
            let there = self
                .client
                .has_blob(repository, &blob.digest, self.credentials, self.deadline);
            if !there.await? {
                return Err(Trouble::NotFound);
            }
        }
        Ok(())
    }
}

impl Whole {
    /// The image's own manifest or index, with its media type.
    pub(super) fn top(&self) -> Option<(&str, &Blob)> {
        self.parts.last().map(|part| (part.document.media_type(), &part.blob))
    }
}

impl Part {
    /// What has to be in the repository before this. Layers that only their owner gives out are in none.
    fn blobs(&self) -> Vec<&Descriptor> {
        let Document::Manifest(manifest) = &self.document else {
            return Vec::new();
        };
        let foreign = |layer: &&Descriptor| {
            !layer.media_type.contains("nondistributable") && !layer.media_type.contains(".foreign.")
        };
        let layers = manifest.layers.iter().filter(foreign);
        std::iter::once(&manifest.config).chain(layers).collect()
    }
}
