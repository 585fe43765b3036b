//! What was learnt from registries and is still true enough.
//!
//! Three caches. What a tag means is known for seconds. Content is known for ever, as its name is its hash. What is said
//! of an image (the lists of signatures and referrers) changes, and is fresh for minutes; while the registry cannot be
//! reached an older list counts, and says that it is old. Failures are known for a moment, so that a burst asks once.
//! Content and lists are on disk too, where there is a place for them, and outlive the process; tags and failures do not.
//!
//! Every key but that of content holds the scope of the credentials that were shown: who may not see a list is not told
//! of it.

mod content;
mod disk;
mod lists;
mod merge;
mod persisted;
mod reading;
mod tags;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub(crate) use self::content::ContentCache;
use self::disk::Disk;
pub(crate) use self::lists::{Known, LAST_MOMENT, ListCache, ListKey};
use self::reading::Readers;
pub(crate) use self::tags::{TagCache, TagKey};
use self::writer::Writer;

/// How long what is kept, and how much of it.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// How long a tag means the digest that it last meant.
    pub tags: Duration,
    /// How long a list of signatures and referrers is fresh.
    pub lists: Duration,
    /// How old a list may be while the registry cannot be reached.
    pub stale: Duration,
    /// How long a registry has to answer before an older list is used in its stead. It is still waited for where there is
    /// none.
    pub patience: Duration,
    /// How long a registry that failed is taken to be failing still: what is known from before is used at once, and the
    /// registry is asked behind the back of who wants it.
    pub outage: Duration,
    /// How long an image is known to have nothing.
    pub unsigned: Duration,
    /// How long a failure is known.
    pub failures: Duration,
    /// How long one flight may take, whoever waits for it.
    pub flight: Duration,
    /// Most bytes of content in memory, and as many again in the lists that refer to it.
    pub memory_bytes: u64,
    /// Where content and lists are kept on disk, if anywhere.
    pub directory: Option<PathBuf>,
    /// Most bytes on disk.
    pub disk_bytes: u64,
    /// How long the disk has to answer, before the registry is asked as if there were nothing on it.
    pub disk_patience: Duration,
}

impl CacheConfig {
    /// What an admission door wants.
    pub fn standard() -> Self {
        Self {
            tags: Duration::from_secs(5),
            lists: Duration::from_secs(5 * 60),
            stale: Duration::from_secs(24 * 60 * 60),
            patience: Duration::from_secs(3),
            outage: Duration::from_secs(30),
            unsigned: Duration::from_secs(5),
            failures: Duration::from_secs(1),
            flight: Duration::from_secs(30),
            memory_bytes: 128 << 20,
            directory: None,
            disk_bytes: 1 << 30,
            disk_patience: Duration::from_millis(500),
        }
    }
}

/// The content and the lists, in memory and on one disk.
pub(crate) fn open(config: &CacheConfig) -> Result<(Arc<ContentCache>, ListCache), CacheError> {
    let disk = match &config.directory {
        Some(directory) => {
            let disk = Arc::new(Disk::open(directory, config.disk_bytes)?);
            Some(Writer::new(disk, Readers::new(config.disk_patience)))
        }
        None => None,
    };
    let contents = Arc::new(ContentCache::new(config, disk.clone()));
    let lists = ListCache::new(config, Arc::clone(&contents), disk);
    Ok((contents, lists))
}

/// Why a cache could not be opened.
#[derive(Debug, Error)]
#[error("cache directory `{}` could not be opened", path.display())]
pub struct CacheError {
    /// The directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: std::io::Error,
}
