//! A signed image into the repository that clusters run from: image, signatures, a look at all of it, and only then the tags.
//!
//! Everything that is written was made and stored before; nothing here signs. So a release that broke off is called again,
//! finds what it did, and does the rest; and one whose signatures somebody deleted puts the same bytes back.

use std::time::Instant;

use countersign_evidence::{Evidence, Layout, Layouts, Sealed};
use countersign_image::{Digest, Pinned, Reference, Repository, Tag};
use jiff::Timestamp;
use thiserror::Error;

use super::whole::{Copied, Porter, Whole};
use super::{Desk, Form, Published};
use crate::client::Client;
use crate::credential::Credentials;
use crate::gather::{GatherRequest, gather};
use crate::trouble::Trouble;

/// The most bundles that one image gets. Kyverno refuses an image with more than 50 referrers, and those of others count.
pub const MAX_BUNDLES: usize = 24;

/// What is released, and where to.
pub struct Release<'a> {
    /// The image as it was submitted.
    pub source: &'a Pinned,
    /// Where it is to be. The same repository is allowed, and tells the signed from the unsigned by tags alone.
    pub destination: &'a Repository,
    /// The tags that are to stand for it there, once everything else is.
    pub tags: &'a [Tag],
    /// Whether a tag that stands for another image is moved.
    pub move_tags: bool,
    /// What was sealed, each with its layout. A signature under a tag is written for readers of OCI 1.1 as well.
    pub pieces: &'a [(Layout, Sealed)],
    /// When it was sealed: what is put back later is the same to the byte.
    pub created: Timestamp,
}

/// Where a release has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A blob of the image is put.
    Blob,
    /// A manifest or index of the image is put.
    Manifest,
    /// Something sealed is put.
    Sealed,
    /// All is read again.
    ReadBack,
    /// A tag is put.
    Tag,
}

/// Whoever wants to know of each step before it is taken, and may stop it.
pub trait Steps: Sync {
    /// Called before each step. An error ends the release there.
    ///
    /// # Errors
    /// Where the release is to end.
    fn before(&self, step: Step) -> Result<(), Trouble>;
}

/// Nobody wants to know.
impl Steps for () {
    fn before(&self, _: Step) -> Result<(), Trouble> {
        Ok(())
    }
}

/// What a release has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The image in its new place.
    pub image: Pinned,
    /// Where each piece is, in the order in which they were given.
    pub pieces: Vec<Published>,
    /// What was put of the image itself.
    pub copied: Copied,
    /// The tags that were set now. The others stood already.
    pub tagged: Vec<Tag>,
}

/// Why a release ended before its end.
#[derive(Debug, Error)]
pub enum ReleaseError {
    /// More statements than every reader bears.
    #[error("it has {found} bundles, and some readers refuse an image with many: {MAX_BUNDLES} are written at most")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// The image cannot be read where it was submitted.
    #[error("the image could not be read from `{from}`")]
    Source {
        /// The repository.
        from: Repository,
        /// Why.
        source: Trouble,
    },
    /// The image could not be put.
    #[error("the image could not be put into `{to}`")]
    Copy {
        /// The repository.
        to: Repository,
        /// Why.
        source: Trouble,
    },
    /// Something sealed could not be put.
    #[error("what was signed could not be put into `{to}`")]
    Attach {
        /// The repository.
        to: Repository,
        /// Why.
        source: Trouble,
    },
    /// What was put could not be read again.
    #[error("what was put into `{to}` could not be read again")]
    Unread {
        /// The repository.
        to: Repository,
        /// Why.
        source: Trouble,
    },
    /// What was read again is not believed.
    #[error("what was put into `{to}` was read again, and does not hold: {says}")]
    ReadBack {
        /// The repository.
        to: Repository,
        /// What is wrong with it.
        says: String,
    },
    /// A tag stands for another image.
    #[error("the tag `{to}:{tag}` stands for {found}, and tags of released images do not move")]
    TagTaken {
        /// The repository.
        to: Repository,
        /// The tag.
        tag: Tag,
        /// The other image.
        found: Digest,
    },
    /// A tag could not be put.
    #[error("the tag `{to}:{tag}` could not be set")]
    Tag {
        /// The repository.
        to: Repository,
        /// The tag.
        tag: Tag,
        /// Why.
        source: Trouble,
    },
}

impl ReleaseError {
    /// What is behind it, where it is trouble with a registry.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::TooMany { .. } | Self::ReadBack { .. } | Self::TagTaken { .. } => None,
            Self::Source { source, .. }
            | Self::Copy { source, .. }
            | Self::Attach { source, .. }
            | Self::Unread { source, .. }
            | Self::Tag { source, .. } => Some(source),
        }
    }
}

/// Releases: 1. the image 2. what was signed 3. all of it, read again and shown to `read_back` 4. the tags.
///
/// # Errors
/// [`ReleaseError`]; whatever was written stays, and is found the next time. No tag stands for anything that was not read
/// back.
pub async fn release(
    client: &Client,
    credentials: &Credentials,
    release: &Release<'_>,
    steps: &dyn Steps,
    read_back: &(dyn Fn(&Evidence) -> Result<(), String> + Sync),
    deadline: Instant,
) -> Result<Released, ReleaseError> {
    let found = release
        .pieces
        .iter()
        .filter(|(layout, _)| *layout == Layout::Bundle)
        .count();
    if found > MAX_BUNDLES {
        return Err(ReleaseError::TooMany { found });
    }
    let porter = Porter {
        client,
        credentials,
        steps,
        deadline,
    };
    let to = release.destination;
    let image = Reference::parse(&to.to_string())
        .map(|reference| reference.resolved(*release.source.digest()))
        .map_err(|error| ReleaseError::Copy {
            to: to.clone(),
            source: Trouble::protocol(error.to_string()),
        })?;

    let whole = porter
        .read(release.source)
        .await
        .map_err(|source| ReleaseError::Source {
            from: release.source.repository().clone(),
            source,
        })?;
    let copied = match release.source.repository() {
        from if from == to => Copied::default(),
        from => porter
            .copy(&whole, from, to)
            .await
            .map_err(|source| ReleaseError::Copy { to: to.clone(), source })?,
    };
    let pieces = attach_all(&porter, release, &image)
        .await
        .map_err(|source| ReleaseError::Attach { to: to.clone(), source })?;
    read_again(&porter, &image, read_back).await?;
    let tagged = set_tags(&porter, release, &whole).await?;
    Ok(Released {
        image,
        pieces,
        copied,
        tagged,
    })
}

async fn attach_all(porter: &Porter<'_>, release: &Release<'_>, image: &Pinned) -> Result<Vec<Published>, Trouble> {
    let desk = Desk {
        client: porter.client,
        credentials: porter.credentials,
        image,
        deadline: porter.deadline,
        form: Form::Combined {
            created: release.created,
        },
    };
    let mut published = Vec::new();
    for (layout, sealed) in release.pieces {
        porter.steps.before(Step::Sealed)?;
        published.push(desk.attach(*layout, sealed).await?);
    }
    Ok(published)
}

/// Nothing that was at hand before is used again: what a stranger would find is what counts.
async fn read_again(
    porter: &Porter<'_>,
    image: &Pinned,
    read_back: &(dyn Fn(&Evidence) -> Result<(), String> + Sync),
) -> Result<(), ReleaseError> {
    let to = || image.repository().clone();
    let unread = |source| ReleaseError::Unread { to: to(), source };
    porter.steps.before(Step::ReadBack).map_err(unread)?;
    let whole = porter.read(image).await.map_err(unread)?;
    porter
        .look_for_blobs(&whole, image.repository())
        .await
        .map_err(unread)?;
    let request = GatherRequest {
        places: Vec::new(),
        signatures: true,
        attestations: true,
        layouts: Layouts::of(&[Layout::Tag, Layout::Referrer, Layout::Bundle]),
        manifest: true,
    };
    let evidence = gather(porter.client, image, &request, porter.credentials, porter.deadline).await;
    read_back(&evidence).map_err(|says| ReleaseError::ReadBack { to: to(), says })
}

async fn set_tags(porter: &Porter<'_>, release: &Release<'_>, whole: &Whole) -> Result<Vec<Tag>, ReleaseError> {
    let to = release.destination;
    let Some((media_type, blob)) = whole.top() else {
        return Ok(Vec::new());
    };
    let mut tagged = Vec::new();
    for tag in release.tags {
        let failed = |source| ReleaseError::Tag {
            to: to.clone(),
            tag: tag.clone(),
            source,
        };
        // Registries that heed no conditions let the last writer win: whoever releases here takes turns, and looks again.
        let turn = porter.client.turn(to, tag);
        let _turn = turn.lock().await;
        let standing = standing(porter, to, tag).await.map_err(failed)?;
        match standing {
            Some(found) if found == *blob.digest() => continue,
            Some(found) if !release.move_tags => return Err(taken(to, tag, found)),
            _ => {}
        }
        porter.steps.before(Step::Tag).map_err(failed)?;
        let content = (media_type, blob.bytes().clone());
        let client = porter.client;
        let set = client.replace(to, tag, standing.as_ref(), content, porter.credentials, porter.deadline);
        let set = set.await.map_err(failed)?;
        match self::standing(porter, to, tag).await.map_err(failed)? {
            Some(found) if found == *blob.digest() => tagged.push(tag.clone()),
            Some(found) if !set || !release.move_tags => return Err(taken(to, tag, found)),
            _ => return Err(failed(Trouble::Contended { attempts: 1 })),
        }
    }
    Ok(tagged)
}

/// What a tag stands for at the registry itself.
async fn standing(porter: &Porter<'_>, to: &Repository, tag: &Tag) -> Result<Option<Digest>, Trouble> {
    let client = porter.client;
    match client.tagged_at_origin(to, tag, porter.credentials, porter.deadline).await {
        Ok((blob, _)) => Ok(Some(*blob.digest())),
        Err(Trouble::NotFound) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

fn taken(to: &Repository, tag: &Tag, found: Digest) -> ReleaseError {
    ReleaseError::TagTaken {
        to: to.clone(),
        tag: tag.clone(),
        found,
    }
}
