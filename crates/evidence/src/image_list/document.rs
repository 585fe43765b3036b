//! The list as a document: read strictly, in its one spelling.

use std::cmp::Ordering;
use std::iter;

use countersign_image::text::{excerpt, prints};
use countersign_image::{Digest, Repository, json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::ImageListError;

/// The largest list, in bytes. Its bundle, in base64, stays below what is read of any bundle.
pub const MAX_LIST_BYTES: usize = 16 << 20;
/// The most images of a list.
pub const MAX_LIST_IMAGES: usize = 1 << 16;
/// The longest issuer, in bytes.
pub const MAX_ISSUER_BYTES: usize = 1024;
/// The highest version: what every reader of JSON holds without loss (RFC 8259, section 6).
pub const MAX_LIST_VERSION: u64 = (1 << 53) - 1;

/// A list of images, which nobody has to believe: see [`SignedImageList`](super::SignedImageList).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageList {
    issuer: String,
    version: u64,
    issued: Timestamp,
    expires: Timestamp,
    /// Sorted by repository, then digest, each as text; none twice.
    images: Vec<ListedImage>,
}

/// An image of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// Where it was published.
    pub repository: Repository,
    /// Its digest.
    pub digest: Digest,
    /// When it was published there.
    pub published: Timestamp,
}

impl ListedImage {
    /// As the texts are: the repository, then the digest.
    fn cmp_to(&self, repository: &Repository, digest: &Digest) -> Ordering {
        let place = match &self.repository == repository {
            true => Ordering::Equal,
            false => text(&self.repository).cmp(text(repository)),
        };
        place.then_with(|| self.digest.cmp(digest))
    }
}

/// A repository as it is written, without writing it.
fn text(repository: &Repository) -> impl Iterator<Item = u8> {
    let (host, path) = (repository.host().bytes(), repository.path().bytes());
    host.chain(iter::once(b'/')).chain(path)
}

impl ImageList {
    /// A list of what was published, in any order; of an image that is there twice, the earlier time counts. `version` is one
    /// more than that of the issuer's list before. Times are cut to whole seconds, which every tool reads.
    ///
    /// # Errors
    /// [`ImageListError`]: what no reader would take is not made.
    pub fn new(
        issuer: &str,
        version: u64,
        issued: Timestamp,
        expires: Timestamp,
        mut images: Vec<ListedImage>,
    ) -> Result<Self, ImageListError> {
        for image in &mut images {
            image.published = whole(image.published);
        }
        images.sort_by(|a, b| {
            a.cmp_to(&b.repository, &b.digest)
                .then_with(|| a.published.cmp(&b.published))
        });
        images.dedup_by(|b, a| a.cmp_to(&b.repository, &b.digest).is_eq());
        let list = Self {
            issuer: issuer.to_owned(),
            version,
            issued: whole(issued),
            expires: whole(expires),
            images,
        };
        list.check()?;
        within(list.to_json().len())?;
        Ok(list)
    }

    /// Reads a list, in the one spelling that it has.
    ///
    /// # Errors
    /// [`ImageListError`], unless [`to_json`](Self::to_json) of some list is these very bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageListError> {
        within(bytes.len())?;
        let wire: Wire = json::strict(bytes).map_err(ImageListError::Json)?;
        let images = wire.images.iter().zip(1..).map(|(image, at)| image.read(at));
        let list = Self {
            images: images.collect::<Result<_, _>>()?,
            issuer: wire.issuer,
            version: wire.version,
            issued: whole(wire.issued),
            expires: whole(wire.expires),
        };
        list.check()?;
        // Times, numbers and texts have several spellings, and blanks none of ours: the digest of a list is that of one text.
        let own = list.to_json();
        let same = own.iter().zip(bytes).take_while(|(own, found)| own == found).count();
        if own.len() != bytes.len() || same != own.len() {
            return Err(ImageListError::Spelling { at: same });
        }
        Ok(list)
    }

    fn check(&self) -> Result<(), ImageListError> {
        let issuer = &self.issuer;
        if !(1..=MAX_ISSUER_BYTES).contains(&issuer.len()) || !issuer.chars().all(prints) {
            return Err(ImageListError::Issuer {
                limit: MAX_ISSUER_BYTES,
                found: excerpt(issuer, 200),
            });
        }
        if !(1..=MAX_LIST_VERSION).contains(&self.version) {
            let (limit, found) = (MAX_LIST_VERSION, self.version);
            return Err(ImageListError::Version { limit, found });
        }
        if self.expires <= self.issued {
            let (issued, expires) = (self.issued, self.expires);
            return Err(ImageListError::Times { issued, expires });
        }
        if self.images.len() > MAX_LIST_IMAGES {
            let (limit, found) = (MAX_LIST_IMAGES, self.images.len());
            return Err(ImageListError::TooMany { limit, found });
        }
        let mut pairs = self.images.iter().zip(self.images.iter().skip(1));
        match pairs.position(|(image, next)| image.cmp_to(&next.repository, &next.digest).is_ge()) {
            Some(at) => Err(ImageListError::Order { at: at + 2 }),
            None => Ok(()),
        }
    }

    /// The list as it is signed: JSON without blanks, fields in the order of the documentation.
    pub fn to_json(&self) -> Vec<u8> {
        let images = self.images.iter().map(|image| WireImage {
            repository: image.repository.to_string(),
            digest: image.digest.to_string(),
            published: image.published,
        });
        let wire = Wire {
            issuer: self.issuer.clone(),
            version: self.version,
            issued: self.issued,
            expires: self.expires,
            images: images.collect(),
        };
        serde_json::to_vec(&wire).expect("texts, numbers and times are always JSON")
    }

    /// Who publishes it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Which of the issuer's lists it is: each has one more than the one before.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was made.
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// From when on it no longer holds.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The images, sorted by repository, then digest, as texts.
    pub fn images(&self) -> &[ListedImage] {
        &self.images
    }

    /// When an image was published, if it is in the list.
    pub(super) fn published(&self, repository: &Repository, digest: &Digest) -> Option<Timestamp> {
        let at = self
            .images
            .binary_search_by(|image| image.cmp_to(repository, digest))
            .ok()?;
        self.images.get(at).map(|image| image.published)
    }
}

/// A time without the part of its second.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn within(found: usize) -> Result<(), ImageListError> {
    let limit = MAX_LIST_BYTES;
    if found > limit {
        return Err(ImageListError::TooLarge { limit, found });
    }
    Ok(())
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    issuer: String,
    version: u64,
    issued: Timestamp,
    expires: Timestamp,
    images: Vec<WireImage>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WireImage {
    repository: String,
    digest: String,
    published: Timestamp,
}

impl WireImage {
    fn read(&self, at: usize) -> Result<ListedImage, ImageListError> {
        Ok(ListedImage {
            repository: Repository::parse(&self.repository)
                .map_err(|source| ImageListError::Repository { at, source })?,
            digest: Digest::parse(&self.digest).map_err(|source| ImageListError::Digest { at, source })?,
            published: whole(self.published),
        })
    }
}
