//! All the questions about one image, asked at once.
//!
//! 1. The signature tag, the attestation tag and the lists of referrers, of every place, at the same time.
//! 2. What the tags hold, which are payloads and envelopes; and the manifests of the referrers.
//! 3. What the referrers hold.
//!
//! Each chain goes on as soon as it can: two steps for a `.sig`, three for a bundle. Nothing is fetched twice, nothing
//! that one layout lacks or holds keeps another from being looked at, and every trouble becomes a gap.

mod pieces;
mod referrer;
mod tag;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use countersign_evidence::{
    Bundle, BundleContent, Content, Evidence, Gap, GapCause, Item, Layout, Layouts, Look, Place,
};
use countersign_image::{Blob, Descriptor, Digest, Pinned, Repository};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::cache::ContentCache;
use crate::client::Client;
use crate::credential::Credentials;
use crate::trouble::{ContentTrouble, Trouble};

/// How many things of one image are fetched at the same time.
const CONCURRENCY: usize = 16;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GatherRequest {
    /// Where to look. None at all means the image's own repository.
    pub places: Vec<SourceRequest>,
    /// Whether signatures are wanted.
    pub signatures: bool,
    /// Whether attestations are wanted.
    pub attestations: bool,
    /// In which layouts.
    pub layouts: Layouts,
    /// Whether the image's own manifest is wanted. It is fetched besides if a signature is over its bytes.
    pub manifest: bool,
}

/// One repository to look in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceRequest {
    /// The repository.
    pub repository: Repository,
    /// What is put before the signature and attestation tags.
    pub tag_prefix: Option<String>,
}

impl GatherRequest {
    /// Everywhere to look for an image, each place once.
    pub(crate) fn look_in(&self, image: &Pinned) -> Vec<(Repository, Place)> {
        let own = [SourceRequest {
            repository: image.repository().clone(),
            tag_prefix: None,
        }];
        let sources = if self.places.is_empty() { &own[..] } else { &self.places };
        let mut places = Vec::new();
        for SourceRequest {
            repository,
            tag_prefix: prefix,
        } in sources
        {
            let mut add = |place| {
                let place = (repository.clone(), place);
                if !places.contains(&place) {
                    places.push(place);
                }
            };
            if self.layouts.contains(Layout::Tag) && self.signatures {
                add(Place::SignatureTag { prefix: prefix.clone() });
            }
            if self.layouts.contains(Layout::Tag) && self.attestations {
                add(Place::AttestationTag { prefix: prefix.clone() });
            }
            let lists = self.layouts.contains(Layout::Referrer) || self.layouts.contains(Layout::Bundle);
            if lists && (self.signatures || self.attestations) {
                add(Place::Referrers);
            }
        }
        if self.manifest {
            places.push((image.repository().clone(), Place::ImageManifest));
        }
        places
    }
}

/// Gathers everything that is said about an image. Always returns; what could not be obtained is a gap.
pub async fn gather(
    client: &Client,
    image: &Pinned,
    request: &GatherRequest,
    credentials: &Credentials,
    deadline: Instant,
) -> Evidence {
    gather_through(client, None, image, request, credentials, deadline).await
}

/// The same, with content that is known already taken from a cache.
pub(crate) async fn gather_through(
    client: &Client,
    contents: Option<&ContentCache>,
    image: &Pinned,
    request: &GatherRequest,
    credentials: &Credentials,
    deadline: Instant,
) -> Evidence {
    let gathering = Gathering {
        client,
        contents,
        image,
        request,
        credentials,
        deadline,
        budget: Budget::new(client.limits().gathered_bytes),
        fetched: Mutex::default(),
    };
    let as_of = Timestamp::now();
    let mut found = Found::default();
    for chain in join_all(gathering.chains()).await {
        found.append(chain);
    }
    if found.manifest.is_none() && !request.manifest && found.items.iter().any(is_over_the_manifest) {
        found.append(gathering.image_manifest().await);
    }
    // It is kept, and vectors that grew have room for more.
    found.items.shrink_to_fit();
    found.gaps.shrink_to_fit();
    found.looked.shrink_to_fit();
    Evidence {
        image: image.clone(),
        items: found.items,
        gaps: found.gaps,
        looked: found.looked,
        manifest: found.manifest,
        as_of,
        stale: false,
    }
}

/// Everything that one gathering needs at every step.
struct Gathering<'a> {
    client: &'a Client,
    contents: Option<&'a ContentCache>,
    image: &'a Pinned,
    request: &'a GatherRequest,
    credentials: &'a Credentials,
    deadline: Instant,
    budget: Budget,
    fetched: Mutex<HashMap<BlobKey, Fetched>>,
}

type BlobKey = (Repository, Digest, u64);
type Fetched = Arc<OnceCell<Result<Blob, Trouble>>>;

/// What a chain brought.
#[derive(Default)]
struct Found {
    items: Vec<Item>,
    gaps: Vec<Gap>,
    looked: Vec<Look>,
    manifest: Option<Blob>,
}

impl Found {
    fn append(&mut self, other: Self) {
        self.items.extend(other.items);
        self.gaps.extend(other.gaps);
        self.looked.extend(other.looked);
        self.manifest = self.manifest.take().or(other.manifest);
    }

    fn gap(repository: &Repository, place: Place, cause: GapCause) -> Self {
        Self {
            gaps: vec![Gap {
                repository: repository.clone(),
                place,
                cause,
            }],
            ..Self::default()
        }
    }

    /// Marks what was found with the prefix of the tag that led to it.
    fn behind(mut self, place: &Place) -> Self {
        if let Place::SignatureTag { prefix } | Place::AttestationTag { prefix } = place {
            for item in &mut self.items {
                item.origin.tag_prefix.clone_from(prefix);
            }
        }
        self
    }

    /// Marks the place as one that answered, with as many items as it led to.
    fn at(mut self, repository: &Repository, place: Place) -> Self {
        let found = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.looked.push(Look {
            repository: repository.clone(),
            place,
            found,
        });
        self
    }
}

impl<'a> Gathering<'a> {
    fn chains(&'a self) -> Vec<BoxFuture<'a, Found>> {
        let places = self.request.look_in(self.image).into_iter();
        places
            .map(|(repository, place)| self.chain(repository, place))
            .collect()
    }

    fn chain(&'a self, repository: Repository, place: Place) -> BoxFuture<'a, Found> {
        match place {
            Place::SignatureTag { .. } => self.tag(repository, place, ".sig").boxed(),
            Place::AttestationTag { .. } => self.tag(repository, place, ".att").boxed(),
            Place::Referrers => self.referrers(repository).boxed(),
            Place::ImageManifest | Place::Manifest(_) | Place::Blob(_) => self.image_manifest().boxed(),
        }
    }

    async fn image_manifest(&self) -> Found {
        let repository = self.image.repository();
        match self.manifest(repository, self.image.digest(), None).await {
            Ok((blob, _)) => {
                let look = Look {
                    repository: repository.clone(),
                    place: Place::ImageManifest,
                    found: 1,
                };
                Found {
                    manifest: Some(blob),
                    looked: vec![look],
                    ..Found::default()
                }
            }
            Err(trouble) => Found::gap(repository, Place::ImageManifest, trouble.gap_cause()),
        }
    }

    /// A manifest by its digest, with the `Content-Type` that it came with, if it came.
    async fn manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: Option<u64>,
    ) -> Result<(Blob, Option<String>), Trouble> {
        let known = match self.contents {
            Some(contents) => contents.get(digest).await,
            None => None,
        };
        let (client, credentials, deadline) = (self.client, self.credentials, self.deadline);
        // What says its size is paid for before it comes: what comes at the same time is more than one may keep.
        self.budget.take(size.unwrap_or(0))?;
        let (blob, content_type) = match (known, size) {
            (Some(blob), _) => (blob, None),
            (None, Some(size)) => {
                let fetched = client.described(repository, digest, size, credentials, deadline);
                fetched.await?
            }
            (None, None) => client.manifest(repository, digest, credentials, deadline).await?,
        };
        if size.is_none() {
            self.budget.take(blob.size())?;
        }
        self.keep(&blob, size)?;
        Ok((blob, content_type))
    }

    /// A blob by its descriptor. Signatures by several keys over one payload share its blob, wherever they are kept.
    async fn blob(&self, repository: &Repository, descriptor: &Descriptor, cap: u64) -> Result<Blob, Trouble> {
        if descriptor.size > cap {
            return Err(Trouble::Content(ContentTrouble::TooLarge { limit: cap }));
        }
        let key = (repository.clone(), descriptor.digest, descriptor.size);
        let cell = Arc::clone(
            self.fetched
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(key)
                .or_default(),
        );
        cell.get_or_init(|| self.fetch(repository, descriptor, cap))
            .await
            .clone()
    }

    async fn fetch(&self, repository: &Repository, descriptor: &Descriptor, cap: u64) -> Result<Blob, Trouble> {
        self.budget.take(descriptor.size)?;
        let known = match self.contents {
            Some(contents) => contents.get(&descriptor.digest).await,
            None => None,
        };
        let blob = match known {
            Some(blob) => blob,
            None => {
                self.client
                    .blob(repository, descriptor, cap, self.credentials, self.deadline)
                    .await?
            }
        };
        self.keep(&blob, Some(descriptor.size))?;
        Ok(blob)
    }

    /// A descriptor that lies about the size lies, wherever the bytes came from.
    fn keep(&self, blob: &Blob, size: Option<u64>) -> Result<(), Trouble> {
        if let Some(contents) = self.contents {
            contents.put(blob);
        }
        if let Some(expected) = size
            && expected != blob.size()
        {
            let error = countersign_image::BlobError::Size {
                expected,
                found: blob.size(),
            };
            return Err(Trouble::Content(ContentTrouble::Bytes(error)));
        }
        Ok(())
    }
}

/// The bytes that one gathering may still keep.
struct Budget {
    limit: u64,
    left: AtomicU64,
}

impl Budget {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            left: AtomicU64::new(limit),
        }
    }

    fn take(&self, bytes: u64) -> Result<(), Trouble> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        let limit = self.limit;
        taken
            .map(drop)
            .map_err(|_| Trouble::Content(ContentTrouble::TooLarge { limit }))
    }
}

/// A message signature in a bundle is over the bytes of the image's manifest.
fn is_over_the_manifest(item: &Item) -> bool {
    match &item.content {
        Content::Bundle(blob) => {
            Bundle::parse(blob.bytes()).is_ok_and(|bundle| matches!(bundle.content(), BundleContent::Message(_)))
        }
        Content::Simple { .. } | Content::Envelope { .. } => false,
    }
}
