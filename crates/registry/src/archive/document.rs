//! Evidence as written, without the bytes that it speaks of: an archive's `evidence.json`, and what a cache keeps on disk.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_evidence::{Content, Evidence, Gap, GapCause, Item, Layout, Look, Origin, Place};
use countersign_image::{Blob, Digest, Reference, Repository};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most items, looks and gaps that are read, each.
const MAX_ENTRIES: usize = 100_000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Document {
    api_version: ApiVersion,
    kind: Kind,
    /// As the author wrote it.
    reference: String,
    digest: Digest,
    as_of: Timestamp,
    #[serde(default)]
    stale: bool,
    /// Whether the image's own manifest is among the blobs, under `digest`.
    #[serde(default)]
    manifest: bool,
    #[serde(default)]
    items: Vec<WrittenItem>,
    #[serde(default)]
    looked: Vec<WrittenLook>,
    #[serde(default)]
    gaps: Vec<WrittenGap>,
}

#[derive(Debug, Serialize, Deserialize)]
enum ApiVersion {
    #[serde(rename = "countersign.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    Evidence,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenItem {
    repository: String,
    layout: WrittenLayout,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag_prefix: Option<String>,
    manifest: Digest,
    blob: Digest,
    content: WrittenContent,
    /// What stands beside an envelope; beside a payload it is in `content`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum WrittenContent {
    Simple {
        signature: String,
        annotations: BTreeMap<String, String>,
    },
    Envelope,
    Bundle,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum WrittenLayout {
    Tag,
    Referrer,
    Bundle,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenLook {
    repository: String,
    place: WrittenPlace,
    found: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenGap {
    repository: String,
    place: WrittenPlace,
    cause: WrittenCause,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum WrittenPlace {
    SignatureTag { prefix: Option<String> },
    AttestationTag { prefix: Option<String> },
    Referrers,
    Manifest(Digest),
    Blob(Digest),
    ImageManifest,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
enum WrittenCause {
    Denied { status: u16 },
    Throttled { retry_after_millis: Option<u64> },
    Unavailable { status: u16 },
    Unreachable { detail: String },
    TimedOut { after_millis: u64 },
    TooLarge { limit: u64 },
    TooMany { limit: u64 },
    Malformed { detail: String },
}

/// Why a document does not become evidence.
pub(crate) enum ReadError<E> {
    Document(String),
    /// Bytes that it speaks of could not be had.
    Blob(E),
}

/// What is wrong with a document.
struct Unreadable(String);

impl<E> From<Unreadable> for ReadError<E> {
    fn from(Unreadable(detail): Unreadable) -> Self {
        Self::Document(detail)
    }
}

impl Document {
    pub(crate) fn of(evidence: &Evidence) -> Self {
        Self {
            api_version: ApiVersion::V1Alpha1,
            kind: Kind::Evidence,
            reference: evidence.image.reference().written().to_owned(),
            digest: *evidence.image.digest(),
            as_of: evidence.as_of,
            stale: evidence.stale,
            manifest: evidence.manifest.is_some(),
            items: evidence.items.iter().map(WrittenItem::of).collect(),
            looked: evidence.looked.iter().map(WrittenLook::of).collect(),
            gaps: evidence.gaps.iter().map(WrittenGap::of).collect(),
        }
    }

    pub(crate) fn read<E>(self, mut blob: impl FnMut(&Digest) -> Result<Blob, E>) -> Result<Evidence, ReadError<E>> {
        let entries = self.items.len().max(self.looked.len()).max(self.gaps.len());
        if entries > MAX_ENTRIES {
            return Err(ReadError::Document(format!(
                "a list in it has more than {MAX_ENTRIES} entries"
            )));
        }
        let reference = Reference::parse(&self.reference)
            .map_err(|error| ReadError::Document(format!("`{}`: {error}", self.reference)))?;
        if reference.digest().is_some_and(|digest| *digest != self.digest) {
            return Err(ReadError::Document(
                "`reference` and `digest` name different images".to_owned(),
            ));
        }
        let manifest = if self.manifest {
            Some(blob(&self.digest).map_err(ReadError::Blob)?)
        } else {
            None
        };
        // Signatures over one payload share its bytes, in memory as on disk.
        let mut known: BTreeMap<Digest, Blob> = BTreeMap::new();
        let mut items = Vec::with_capacity(self.items.len());
        for item in self.items {
            let bytes = match known.get(&item.blob) {
                Some(bytes) => bytes.clone(),
                None => {
                    let bytes = blob(&item.blob).map_err(ReadError::Blob)?;
                    known.insert(item.blob, bytes.clone());
                    bytes
                }
            };
            items.push(item.read(bytes)?);
        }
        Ok(Evidence {
            image: reference.resolved(self.digest),
            items,
            gaps: self.gaps.into_iter().map(WrittenGap::read).collect::<Result<_, _>>()?,
            looked: self
                .looked
                .into_iter()
                .map(WrittenLook::read)
                .collect::<Result<_, _>>()?,
            manifest,
            as_of: self.as_of,
            stale: self.stale,
        })
    }
}

fn repository(text: &str) -> Result<Repository, Unreadable> {
    Repository::parse(text).map_err(|error| Unreadable(format!("`{text}`: {error}")))
}

impl WrittenItem {
    fn of(item: &Item) -> Self {
        let mut beside = BTreeMap::new();
        let content = match &item.content {
            Content::Simple {
                signature, annotations, ..
            } => WrittenContent::Simple {
                signature: signature.clone(),
                annotations: annotations.clone(),
            },
            Content::Envelope { annotations, .. } => {
                beside.clone_from(annotations);
                WrittenContent::Envelope
            }
            Content::Bundle(_) => WrittenContent::Bundle,
        };
        let layout = match item.origin.layout {
            Layout::Tag => WrittenLayout::Tag,
            Layout::Referrer => WrittenLayout::Referrer,
            Layout::Bundle => WrittenLayout::Bundle,
        };
        Self {
            repository: item.origin.repository.to_string(),
            layout,
            tag_prefix: item.origin.tag_prefix.clone(),
            manifest: item.origin.manifest,
            blob: item.origin.blob,
            content,
            annotations: beside,
        }
    }

    fn read(self, bytes: Blob) -> Result<Item, Unreadable> {
        let layout = match self.layout {
            WrittenLayout::Tag => Layout::Tag,
            WrittenLayout::Referrer => Layout::Referrer,
            WrittenLayout::Bundle => Layout::Bundle,
        };
        let repository = repository(&self.repository)?;
        let origin = Origin {
            repository,
            layout,
            tag_prefix: self.tag_prefix,
            manifest: self.manifest,
            blob: self.blob,
        };
        let content = match self.content {
            WrittenContent::Simple { signature, annotations } => Content::Simple {
                payload: bytes,
                signature,
                annotations,
            },
            WrittenContent::Envelope => Content::Envelope {
                envelope: bytes,
                annotations: self.annotations,
            },
            WrittenContent::Bundle => Content::Bundle(bytes),
        };
        Ok(Item { origin, content })
    }
}

impl WrittenLook {
    fn of(look: &Look) -> Self {
        Self {
            repository: look.repository.to_string(),
            place: WrittenPlace::of(&look.place),
            found: look.found,
        }
    }

    fn read(self) -> Result<Look, Unreadable> {
        Ok(Look {
            repository: repository(&self.repository)?,
            place: self.place.read(),
            found: self.found,
        })
    }
}

impl WrittenGap {
    fn of(gap: &Gap) -> Self {
        let repository = gap.repository.to_string();
        Self {
            repository,
            place: WrittenPlace::of(&gap.place),
            cause: WrittenCause::of(&gap.cause),
        }
    }

    fn read(self) -> Result<Gap, Unreadable> {
        Ok(Gap {
            repository: repository(&self.repository)?,
            place: self.place.read(),
            cause: self.cause.read(),
        })
    }
}

impl WrittenPlace {
    fn of(place: &Place) -> Self {
        match place {
            Place::SignatureTag { prefix } => Self::SignatureTag { prefix: prefix.clone() },
            Place::AttestationTag { prefix } => Self::AttestationTag { prefix: prefix.clone() },
            Place::Referrers => Self::Referrers,
            Place::Manifest(digest) => Self::Manifest(*digest),
            Place::Blob(digest) => Self::Blob(*digest),
            Place::ImageManifest => Self::ImageManifest,
        }
    }

    fn read(self) -> Place {
        match self {
            Self::SignatureTag { prefix } => Place::SignatureTag { prefix },
            Self::AttestationTag { prefix } => Place::AttestationTag { prefix },
            Self::Referrers => Place::Referrers,
            Self::Manifest(digest) => Place::Manifest(digest),
            Self::Blob(digest) => Place::Blob(digest),
            Self::ImageManifest => Place::ImageManifest,
        }
    }
}

impl WrittenCause {
    fn of(cause: &GapCause) -> Self {
        match cause {
            GapCause::Denied { status } => Self::Denied { status: *status },
            GapCause::Throttled { retry_after } => Self::Throttled {
                retry_after_millis: retry_after.map(millis),
            },
            GapCause::Unavailable { status } => Self::Unavailable { status: *status },
            GapCause::Unreachable { detail } => Self::Unreachable { detail: detail.clone() },
            GapCause::TimedOut { after } => Self::TimedOut {
                after_millis: millis(*after),
            },
            GapCause::TooLarge { limit } => Self::TooLarge { limit: *limit },
            GapCause::TooMany { limit } => Self::TooMany { limit: *limit },
            GapCause::Malformed { detail } => Self::Malformed { detail: detail.clone() },
        }
    }

    fn read(self) -> GapCause {
        match self {
            Self::Denied { status } => GapCause::Denied { status },
            Self::Throttled { retry_after_millis } => GapCause::Throttled {
                retry_after: retry_after_millis.map(Duration::from_millis),
            },
            Self::Unavailable { status } => GapCause::Unavailable { status },
            Self::Unreachable { detail } => GapCause::Unreachable { detail },
            Self::TimedOut { after_millis } => GapCause::TimedOut {
                after: Duration::from_millis(after_millis),
            },
            Self::TooLarge { limit } => GapCause::TooLarge { limit },
            Self::TooMany { limit } => GapCause::TooMany { limit },
            Self::Malformed { detail } => GapCause::Malformed { detail },
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
