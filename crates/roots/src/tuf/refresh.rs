//! One walk through a repository, from the root that is believed to the trust root.

use std::sync::Arc;

use bytes::Bytes;
use countersign_evidence::trust::TrustRoot;
use jiff::{SignedDuration, Timestamp};
use sigstore_tuf::metadata::Role as _;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error, Metadata, Repository, Root, TrustedMetadataSet, Updater};

use super::kept::Kept;
use super::limits::Limits;
use super::{count, marked, name};
use crate::error::RefreshError;

/// The highest version of a root to start from: thirty years of a rotation a second.
const MAX_VERSION: u64 = 1 << 30;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) initial_root: &'a [u8],
    pub(crate) target: &'a str,
}

/// What was found, verified whole.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) root: Arc<TrustRoot>,
    /// When the first of the metadata ends that it rests on.
    pub(crate) expires: Timestamp,
}

/// Asks a repository. What it proved on the way is in `kept`, also where it did not come to the end.
///
/// Numbered as in the specification's client workflow (5.3 to 5.7).
pub(crate) async fn refresh(
    wanted: Wanted<'_>,
    repository: impl Repository + 'static,
    kept: &Arc<Kept>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Found, RefreshError> {
    let walk = walk(wanted, repository, kept, limits, now);
    match tokio::time::timeout(limits.deadline, walk).await {
        Ok(found) => found,
        Err(_) => Err(RefreshError::Deadline { after: limits.deadline }),
    }
}

/// What was kept, verified once more, as of the time that it was verified at first. No network, and nothing is written.
pub(crate) async fn again(
    wanted: Wanted<'_>,
    kept: &Kept,
    limits: &Limits,
    at: Timestamp,
) -> Result<Found, RefreshError> {
    let copy = Arc::new(Kept::of(kept.files()));
    walk(wanted, Replay(Arc::clone(&copy)), &copy, limits, at).await
}

pub(super) async fn walk(
    wanted: Wanted<'_>,
    repository: impl Repository + 'static,
    kept: &Arc<Kept>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Found, RefreshError> {
    if !name::is_relative(wanted.target) {
        return Err(RefreshError::Name {
            name: wanted.target.to_owned(),
        });
    }
    let (mut updater, moment) = refreshed(wanted.initial_root, repository, kept, limits, now).await?;
    let root = target(&mut updater, wanted.target, moment).await?;
    count::recount(kept, wanted.initial_root, updater.trusted().root().version)?;
    Ok(Found {
        root: Arc::new(root),
        expires: expires(&updater),
    })
}

/// A client with the metadata of now, and the moment to ask it about targets for.
pub(super) async fn refreshed(
    initial_root: &[u8],
    repository: impl Repository + 'static,
    kept: &Arc<Kept>,
    limits: &Limits,
    now: Timestamp,
) -> Result<(Updater, Timestamp), RefreshError> {
    check_initial_root(initial_root)?;
    // The client takes an end that is now for one to come; the specification wants it later than now (5.4.4).
    let moment = now.checked_add(SignedDuration::from_nanos(1)).unwrap_or(now);
    let mut updater = Updater::new(repository, initial_root)
        .map_err(RefreshError::of)?
        .with_config(limits.updater())
        .with_store(Arc::clone(kept));
    updater.refresh(moment).await.map_err(RefreshError::of)?;
    Ok((updater, moment))
}

/// Whether bytes are root metadata to begin with: signed by as many of its own keys as it wants.
///
/// # Errors
/// Where they are not.
pub fn check_initial_root(initial_root: &[u8]) -> Result<(), RefreshError> {
    let begin = Metadata::<Root>::from_slice(initial_root).map_err(RefreshError::of)?;
    let version = begin.signed().version;
    if version > MAX_VERSION {
        let text = format!("the initial root has version {version}, and {MAX_VERSION} is the highest");
        return Err(RefreshError::Metadata(Error::Malformed(text)));
    }
    TrustedMetadataSet::from_root(initial_root)
        .map(drop)
        .map_err(RefreshError::of)
}

async fn target(updater: &mut Updater, target: &str, moment: Timestamp) -> Result<TrustRoot, RefreshError> {
    let listed = updater
        .get_target_info(target, moment)
        .await
        .map_err(RefreshError::of)?;
    let Some(listed) = listed else {
        return marked::root(updater, target).await;
    };
    let bytes = match updater.find_cached_target(&listed, target) {
        Some(bytes) => bytes,
        None => updater
            .download_target(&listed, target)
            .await
            .map_err(RefreshError::of)?,
    };
    TrustRoot::parse(&bytes).map_err(|source| RefreshError::NotATrustRoot {
        target: target.to_owned(),
        source,
    })
}

fn expires(updater: &Updater) -> Timestamp {
    let trusted = updater.trusted();
    let mut first = trusted.root().expires();
    let others = [
        trusted.timestamp().map(|timestamp| timestamp.expires),
        trusted.snapshot().map(|snapshot| snapshot.expires),
        trusted.targets_role("targets").map(|targets| targets.expires),
    ];
    for end in others.into_iter().flatten() {
        first = first.min(end);
    }
    first
}

/// The kept files in the place of a mirror.
struct Replay(Arc<Kept>);

impl Repository for Replay {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.0.fetch_metadata(name, max_length)
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.0.fetch_target(path, max_length)
    }
}

/// A repository's files in memory.
pub(super) fn bounded(found: Option<&Bytes>, name: &str, max_length: u64) -> Result<Option<Vec<u8>>, Error> {
    match found {
        Some(bytes) if bytes.len() as u64 > max_length => Err(Error::IntegrityMismatch(format!(
            "`{name}` has {} bytes, and {max_length} are the most",
            bytes.len()
        ))),
        found => Ok(found.map(|bytes| bytes.to_vec())),
    }
}
