//! A signed image into the repository that clusters run from: image, signatures, a look at all of it, and only then the tags.
//!
//! Everything that is written was made and stored before; nothing here signs. So a release that broke off is called again,
//! finds what it did, and does the rest; and one whose signatures somebody deleted puts the same bytes back.

use std::time::Instant;

use countersign_evidence::{Evidence, Layout, Layouts, Sealed};
use countersign_image::{Blob, Digest, Pinned, Reference, Repository, Tag};
use jiff::Timestamp;
use thiserror::Error;

use super::whole::{Copied, Porter, Whole};
use super::{Desk, Form, Kind, Piece, Published};
use crate::client::Client;
use crate::credential::Credentials;
use crate::gather::{GatherRequest, gather};
use crate::trouble::Trouble;

/// The most bundles that one image gets. Kyverno refuses an image with more than 50 referrers, and those of others count.
pub const MAX_BUNDLES: usize = 24;

/// How often what was sealed is put before it is given up that all of it stays.
const ROUNDS: u32 = 3;

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
        client: &client.at_origin(),
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
    let (pieces, evidence) = attach_until_seen(&porter, release, &image).await?;
    read_back(&evidence).map_err(|says| ReleaseError::ReadBack { to: to.clone(), says })?;
    let tagged = set_tags(&porter, release, &whole).await?;
    Ok(Released {
        image,
        pieces,
        copied,
        tagged,
    })
}

/// Puts what was sealed until all of it is seen: where a registry has no conditional requests, somebody who writes at the same
/// time may have written over it.
async fn attach_until_seen(
    porter: &Porter<'_>,
    release: &Release<'_>,
    image: &Pinned,
) -> Result<(Vec<Published>, Evidence), ReleaseError> {
    let to = || release.destination.clone();
    let unput = |source| ReleaseError::Attach { to: to(), source };
    let unread = |source| ReleaseError::Unread { to: to(), source };
    let pieces = release.pieces.iter();
    let pieces: Vec<(Layout, Piece)> = pieces
        .map(|(layout, sealed)| Ok((*layout, Piece::of(sealed, *layout)?)))
        .collect::<Result<_, _>>()
        .map_err(unput)?;
    let desk = Desk {
        client: porter.client,
        credentials: porter.credentials,
        image,
        deadline: porter.deadline,
        form: Form::Combined {
            created: release.created,
        },
    };
    let mut evidence = desk.look(everywhere()).await;
    let mut published: Vec<Published> = Vec::new();
    for _ in 0..ROUNDS {
        let before = published;
        let attaching = desk.attach(&pieces, Some(&evidence), porter.steps);
        published = attaching.await.map_err(unput)?;
        for (now, before) in published.iter_mut().zip(&before) {
            now.already_there &= before.already_there;
        }
        evidence = read_again(porter, image).await.map_err(unread)?;
        if pieces.iter().all(|(layout, piece)| is_seen(&evidence, *layout, piece)) {
            return Ok((published, evidence));
        }
        if let Some(gap) = evidence.gaps.first() {
            let detail = format!("{}: {}", gap.place.describe(image), gap.cause);
            return Err(unread(Trouble::Unreachable { detail }));
        }
    }
    Err(unput(Trouble::Contended { attempts: ROUNDS }))
}

fn everywhere() -> Layouts {
    Layouts::of(&[Layout::Tag, Layout::Referrer, Layout::Bundle])
}

/// By readers of either kind, where one manifest is for both.
fn is_seen(evidence: &Evidence, layout: Layout, piece: &Piece) -> bool {
    let is_in = |layout| piece.found_in(evidence, layout).is_some();
    is_in(layout) && (layout != Layout::Tag || piece.kind != Kind::Signature || is_in(Layout::Referrer))
}

/// Nothing that was at hand before is used again: what a stranger would find is what counts.
async fn read_again(porter: &Porter<'_>, image: &Pinned) -> Result<Evidence, Trouble> {
    porter.steps.before(Step::ReadBack)?;
    let whole = porter.read(image).await?;
    porter.look_for_blobs(&whole, image.repository()).await?;
    let request = GatherRequest {
        places: Vec::new(),
        signatures: true,
        attestations: true,
        layouts: everywhere(),
        manifest: true,
    };
    Ok(gather(porter.client, image, &request, porter.credentials, porter.deadline).await)
}

async fn set_tags(porter: &Porter<'_>, release: &Release<'_>, whole: &Whole) -> Result<Vec<Tag>, ReleaseError> {
    let mut tagged = Vec::new();
    let Some((media_type, blob)) = whole.top() else {
        return Ok(tagged);
    };
    for tag in release.tags {
        // Registries that heed no conditions let the last writer win: whoever releases here takes turns, and looks again.
        let turn = porter.client.turn(release.destination, tag);
        let _turn = turn.lock().await;
        let mut rounds = 0;
        let is_new = loop {
            rounds += 1;
            match set_tag(porter, release, tag, (media_type, blob)).await? {
                Stood::There => break false,
                Stood::Set => break true,
                // Whoever was faster may have set the same.
                Stood::Moved if rounds < ROUNDS => {}
                Stood::Moved => {
                    return Err(ReleaseError::Tag {
                        to: release.destination.clone(),
                        tag: tag.clone(),
                        source: Trouble::Contended { attempts: rounds },
                    });
                }
            }
        };
        if is_new {
            tagged.push(tag.clone());
        }
    }
    Ok(tagged)
}

/// How a tag was found.
enum Stood {
    /// For the image already.
    There,
    /// For nothing or for another image, and now for this one.
    Set,
    /// For something that was replaced before we could.
    Moved,
}

async fn set_tag(
    porter: &Porter<'_>,
    release: &Release<'_>,
    tag: &Tag,
    (media_type, blob): (&str, &Blob),
) -> Result<Stood, ReleaseError> {
    let to = release.destination;
    let failed = |source| ReleaseError::Tag {
        to: to.clone(),
        tag: tag.clone(),
        source,
    };
    let standing = standing(porter, to, tag).await.map_err(failed)?;
    match standing {
        Some(found) if found == *blob.digest() => return Ok(Stood::There),
        Some(found) if !release.move_tags => {
            return Err(ReleaseError::TagTaken {
                to: to.clone(),
                tag: tag.clone(),
                found,
            });
        }
        _ => {}
    }
    porter.steps.before(Step::Tag).map_err(failed)?;
    let set = porter.client.replace(
        to,
        tag,
        standing.as_ref(),
        (media_type, blob.bytes().clone()),
        porter.credentials,
        porter.deadline,
    );
    if !set.await.map_err(failed)? {
        return Ok(Stood::Moved);
    }
    match self::standing(porter, to, tag).await.map_err(failed)? {
        Some(found) if found == *blob.digest() => Ok(Stood::Set),
        _ => Ok(Stood::Moved),
    }
}

/// What a tag stands for at the registry itself.
async fn standing(porter: &Porter<'_>, to: &Repository, tag: &Tag) -> Result<Option<Digest>, Trouble> {
    let client = porter.client;
    match client.tagged(to, tag, porter.credentials, porter.deadline).await {
        Ok((blob, _)) => Ok(Some(*blob.digest())),
        Err(Trouble::NotFound) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
