//! A document under a tag that others write to as well: read, add, write, and read again.
//!
//! The distribution protocol has no compare-and-swap. Two writers that read the same document lose one of the two
//! additions; the one whose addition is gone sees that when it reads again, and adds it to what the other wrote.

use std::time::Duration;

use bytes::Bytes;
use countersign_image::manifest::MAX_MANIFEST_BYTES;
use countersign_image::{Blob, Digest, Document, Tag};

use super::Desk;
use crate::push::ManifestName;
use crate::trouble::{ContentTrouble, Trouble};

/// How often an addition is made before giving up.
const ATTEMPTS: u32 = 8;
/// Longest pause between two additions.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// What is to be added, and to what.
pub(super) trait Addition {
    /// What `current` is called where errors speak of it.
    fn place(&self) -> String;

    /// Whether it is there.
    fn is_in(&self, current: &Document) -> bool;

    /// The document with it, and the content that has to be there before.
    fn add_to(&self, current: Option<Document>) -> Result<Merged, Trouble>;

    /// Whether what is under the tag is nobody's document, and may be written over.
    fn is_absence(&self, blob: &Blob) -> bool;
}

/// A document to be written.
pub(super) struct Merged {
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
    pub(super) configuration: Option<Vec<u8>>,
}

impl Desk<'_> {
    /// Adds until it is there. Gives back the document that holds it, and whether it was there to begin with.
    pub(super) async fn merge(&self, tag: &Tag, addition: &(impl Addition + Sync)) -> Result<(Digest, bool), Trouble> {
        for attempt in 0..=ATTEMPTS {
            let current = self.current(tag, addition).await?;
            if let Some((digest, document)) = &current
                && addition.is_in(document)
            {
                return Ok((*digest, attempt == 0));
            }
            if attempt == ATTEMPTS {
                break;
            }
            if attempt > 1 {
                // The first repetition is as likely lost to a slow replica; after that somebody is writing, too.
                tokio::time::sleep(LONGEST_PAUSE.mul_f64(fastrand::f64())).await;
            }
            let merged = addition.add_to(current.map(|(_, document)| document))?;
            if merged.bytes.len() > MAX_MANIFEST_BYTES {
                return Err(Trouble::Content(ContentTrouble::TooLarge { limit: MAX_MANIFEST_BYTES as u64 }));
            }
            if let Some(configuration) = merged.configuration {
                self.put_blob(Bytes::from(configuration)).await?;
            }
            let name = ManifestName::Tag(tag.clone());
            let bytes = Bytes::from(merged.bytes);
            self.client
                .put_manifest(self.repository(), &name, &merged.media_type, bytes, self.credentials, self.deadline)
                .await?;
        }
        Err(Trouble::Contended { attempts: ATTEMPTS })
    }

    /// What is under the tag now, at the registry itself: a mirror may be behind, and would make us drop what it lacks.
    async fn current(
        &self,
        tag: &Tag,
        addition: &(impl Addition + Sync),
    ) -> Result<Option<(Digest, Document)>, Trouble> {
        let found = self.client.tagged_at_origin(self.repository(), tag, self.credentials, self.deadline).await;
        let (blob, content_type) = match found {
            Ok(found) => found,
            Err(Trouble::NotFound) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        if addition.is_absence(&blob) {
            return Ok(None);
        }
        // What cannot be read cannot be added to, and is not ours to write over.
        let document = Document::parse(&blob, content_type.as_deref(), None)
            .map_err(|error| Trouble::Content(ContentTrouble::Manifest(error)))?;
        Ok(Some((*blob.digest(), document)))
    }
}

/// Something else is where the addition belongs.
pub(super) fn occupied(place: &str) -> Trouble {
    Trouble::protocol(format!("{place} holds something else, which is not written over"))
}
