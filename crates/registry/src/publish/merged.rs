//! A document under a tag that others write to as well: read, add, write, and read again.
//!
//! The distribution protocol has no compare-and-swap. Some registries know conditional requests all the same, ours among
//! them; on the others two writers that read the same document lose one of the two additions. What can be done there:
//! writers in this process take turns, the time between reading and writing is kept short, and each writer reads again
//! after the others have had time to write, and adds again what is gone.

use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_image::manifest::MAX_MANIFEST_BYTES;
use countersign_image::{Blob, Digest, Document, Tag};

use super::Desk;
use crate::trouble::{ContentTrouble, Trouble};

/// How often an addition is made before giving up.
const ATTEMPTS: u32 = 10;
/// Longest pause between two additions.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// How long others have to write over what was written, at least and at most. In between it is twice what our own
/// writing took.
const SETTLING: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

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

/// What is under a tag.
struct Current {
    digest: Option<Digest>,
    document: Option<Document>,
}

impl Desk<'_> {
    /// Adds until it is there. Gives back the document that holds it, and whether it was there to begin with.
    pub(super) async fn merge(&self, tag: &Tag, addition: &(impl Addition + Sync)) -> Result<(Digest, bool), Trouble> {
        let turn = self.client.turn(self.repository(), tag);
        let _turn = turn.lock().await;
        for attempt in 0..ATTEMPTS {
            let current = self.current(tag, addition).await?;
            if let Current {
                digest: Some(digest),
                document: Some(document),
            } = &current
                && addition.is_in(document)
            {
                return Ok((*digest, attempt == 0));
            }
            if attempt > 0 {
                tokio::time::sleep(LONGEST_PAUSE.mul_f64(fastrand::f64())).await;
            }
            if let Some(digest) = self.add(tag, addition, current).await? {
                return Ok((digest, false));
            }
        }
        Err(Trouble::Contended { attempts: ATTEMPTS })
    }

    /// One attempt; `None` if somebody else wrote meanwhile.
    async fn add(
        &self,
        tag: &Tag,
        addition: &(impl Addition + Sync),
        current: Current,
    ) -> Result<Option<Digest>, Trouble> {
        let replaced = current.digest;
        let merged = addition.add_to(current.document)?;
        if merged.bytes.len() > MAX_MANIFEST_BYTES {
            return Err(Trouble::Content(ContentTrouble::TooLarge {
                limit: MAX_MANIFEST_BYTES as u64,
            }));
        }
        if let Some(configuration) = merged.configuration {
            self.put_blob(Bytes::from(configuration)).await?;
            if self.current(tag, addition).await?.digest != replaced {
                return Ok(None);
            }
        }
        let began = Instant::now();
        let content = (merged.media_type.as_str(), Bytes::from(merged.bytes));
        let replacing = self.client.replace(
            self.repository(),
            tag,
            replaced.as_ref(),
            content,
            self.credentials,
            self.deadline,
        );
        if !replacing.await? {
            return Ok(None);
        }
        tokio::time::sleep((began.elapsed() * 2).clamp(SETTLING.0, SETTLING.1)).await;
        let settled = self.current(tag, addition).await?;
        let stayed = settled.document.is_some_and(|document| addition.is_in(&document));
        Ok(settled.digest.filter(|_| stayed))
    }

    /// What is under the tag now, at the registry itself: a mirror may be behind, and would make us drop what it lacks.
    /// What cannot be read cannot be added to, and is not ours to write over.
    async fn current(&self, tag: &Tag, addition: &(impl Addition + Sync)) -> Result<Current, Trouble> {
        match self
            .client
            .tagged(self.repository(), tag, self.credentials, self.deadline)
            .await
        {
            Ok((blob, _)) if addition.is_absence(&blob) => Ok(Current {
                digest: Some(*blob.digest()),
                document: None,
            }),
            Ok((blob, document)) => Ok(Current {
                digest: Some(*blob.digest()),
                document: Some(document),
            }),
            Err(Trouble::NotFound) => Ok(Current {
                digest: None,
                document: None,
            }),
            Err(trouble) => Err(trouble),
        }
    }
}

/// Something else is where the addition belongs.
pub(super) fn occupied(place: &str) -> Trouble {
    Trouble::protocol(format!("{place} holds something else, which is not written over"))
}
