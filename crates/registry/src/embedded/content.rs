//! The bytes: content by digest, and what is still being received.

use std::collections::HashMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use countersign_image::{Algorithm, Digest};
use sha2::{Digest as _, Sha256, Sha512};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, SeekFrom};

use super::disk::Disk;
use super::index::Change;
use super::refusal::Refusal;

/// How much of a blob is read from the disk at a time.
const READ_AT_ONCE: usize = 128 * 1024;

/// Where the bytes are.
pub(super) enum Content {
    Memory(RwLock<HashMap<Digest, Bytes>>),
    Disk(Disk),
}

/// How much may be stored, and how much is. Shared with what is being received.
#[derive(Debug)]
pub(super) struct Room {
    limit: u64,
    used: AtomicU64,
}

impl Room {
    pub(super) fn new(limit: u64, used: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(used),
        }
    }

    pub(super) fn take(&self, bytes: u64) -> Result<(), Refusal> {
        let fits = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(()),
            Err(_) => Err(Refusal::Full {
                what: "bytes",
                limit: self.limit,
            }),
        }
    }

    pub(super) fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Content {
    pub(super) fn memory() -> Self {
        Self::Memory(RwLock::default())
    }

    pub(super) fn disk(disk: Disk) -> Self {
        Self::Disk(disk)
    }

    /// Whether changes must be made where blocking is allowed.
    pub(super) fn blocks(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    /// Begins to receive content.
    pub(super) async fn stage(&self, room: &Arc<Room>, algorithm: Algorithm) -> Result<Staged, Refusal> {
        let bytes = match self {
            Self::Memory(_) => StagedBytes::Memory(BytesMut::new()),
            Self::Disk(disk) => {
                let path = disk.staging_path();
                let file = File::options()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .open(&path)
                    .await?;
                StagedBytes::Disk {
                    file,
                    torn: false,
                    remove: RemoveOnDrop(path),
                }
            }
        };
        Ok(Staged {
            bytes,
            length: 0,
            hashing: Hashing::new(algorithm),
            room: Arc::clone(room),
        })
    }

    /// Keeps what was received as the content of `digest`, which the caller has compared; its room stays taken. Blocks.
    pub(super) fn keep(&self, mut staged: Staged, digest: &Digest) -> io::Result<()> {
        match (self, &mut staged.bytes) {
            (Self::Memory(content), StagedBytes::Memory(bytes)) => {
                let bytes = std::mem::take(bytes).freeze();
                content
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(*digest, bytes);
            }
            (Self::Disk(disk), StagedBytes::Disk { remove, .. }) => disk.keep_file(&remove.0, digest)?,
            _ => return Err(io::Error::other("what was received belongs to another registry")),
        }
        staged.length = 0;
        Ok(())
    }

    /// Keeps bytes that hash to `digest`. Blocks.
    pub(super) fn keep_bytes(&self, bytes: &Bytes, digest: &Digest) -> io::Result<()> {
        match self {
            Self::Memory(content) => {
                content
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(*digest, bytes.clone());
                Ok(())
            }
            Self::Disk(disk) => disk.keep_bytes(bytes, digest),
        }
    }

    /// Writes a change down before it is shown. Blocks.
    pub(super) fn record(&self, change: &Change) -> io::Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Disk(disk) => disk.record(change),
        }
    }

    /// Removes content that nothing holds. Blocks.
    pub(super) fn remove(&self, digest: &Digest) -> io::Result<()> {
        match self {
            Self::Memory(content) => {
                content.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
                Ok(())
            }
            Self::Disk(disk) => disk.remove(digest),
        }
    }

    /// All bytes of something small. None if it was removed since the index was asked.
    pub(super) async fn read(&self, digest: &Digest) -> io::Result<Option<Bytes>> {
        match self {
            Self::Memory(_) => Ok(self.in_memory(digest)),
            Self::Disk(disk) => {
                present(tokio::fs::read(disk.content_path(digest)).await).map(|found| found.map(Bytes::from))
            }
        }
    }

    /// A body of the bytes in `range`. None if the content was removed since the index was asked.
    pub(super) async fn body(&self, digest: &Digest, range: Option<RangeInclusive<u64>>) -> io::Result<Option<Body>> {
        match self {
            Self::Memory(_) => Ok(self.in_memory(digest).map(|bytes| match range {
                Some(range) => Body::from(bytes.slice(as_index(*range.start())..=as_index(*range.end()))),
                None => Body::from(bytes),
            })),
            Self::Disk(disk) => {
                let Some(mut file) = present(File::open(disk.content_path(digest)).await)? else {
                    return Ok(None);
                };
                let length = match &range {
                    Some(range) => {
                        file.seek(SeekFrom::Start(*range.start())).await?;
                        range.end() - range.start() + 1
                    }
                    None => file.metadata().await?.len(),
                };
                Ok(Some(streamed(file, length)))
            }
        }
    }

    fn in_memory(&self, digest: &Digest) -> Option<Bytes> {
        match self {
            Self::Memory(content) => content
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(digest)
                .cloned(),
            Self::Disk(_) => None,
        }
    }
}

fn as_index(offset: u64) -> usize {
    usize::try_from(offset).expect("the offset lies within bytes in memory")
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn streamed(file: File, length: u64) -> Body {
    let chunks = futures_util::stream::try_unfold(file.take(length), |mut file| async move {
        let mut chunk = BytesMut::with_capacity(READ_AT_ONCE.min(as_index(file.limit())));
        match file.read_buf(&mut chunk).await? {
            0 => Ok::<_, io::Error>(None),
            _ => Ok(Some((chunk.freeze(), file))),
        }
    });
    Body::from_stream(chunks)
}

/// Content that is being received: hashed as it comes, and gone when dropped.
pub(super) struct Staged {
    bytes: StagedBytes,
    length: u64,
    hashing: Hashing,
    room: Arc<Room>,
}

enum StagedBytes {
    Memory(BytesMut),
    Disk {
        file: File,
        /// A write was begun and not seen to end; the file may be longer than what counts.
        torn: bool,
        remove: RemoveOnDrop,
    },
}

struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the registry is opened next.
        let _left_for_later = std::fs::remove_file(&self.0);
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.room.give_back(self.length);
    }
}

impl Staged {
    /// Bytes received so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends all of `chunk`. If this is dropped half-way, the next call begins where this one did.
    pub(super) async fn append(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        let more = chunk.len() as u64;
        let taken = Taken::from(&self.room, more)?;
        match &mut self.bytes {
            StagedBytes::Memory(bytes) => bytes.extend_from_slice(chunk),
            StagedBytes::Disk { file, torn, .. } => {
                if std::mem::replace(torn, true) {
                    file.set_len(self.length).await?;
                    file.seek(SeekFrom::Start(self.length)).await?;
                }
                file.write_all(chunk).await?;
                file.flush().await?;
                *torn = false;
            }
        }
        taken.keep();
        self.length += more;
        self.hashing.update(chunk);
        Ok(())
    }

    /// The digest of everything received. Reads it again if another algorithm was expected when it began.
    pub(super) async fn digest(&mut self, algorithm: Algorithm) -> io::Result<Digest> {
        if self.hashing.algorithm() != algorithm {
            let mut hashing = Hashing::new(algorithm);
            match &mut self.bytes {
                StagedBytes::Memory(bytes) => hashing.update(bytes),
                StagedBytes::Disk { file, .. } => {
                    file.seek(SeekFrom::Start(0)).await?;
                    let mut left = file.take(self.length);
                    let mut chunk = BytesMut::with_capacity(READ_AT_ONCE);
                    while left.read_buf(&mut chunk).await? > 0 {
                        hashing.update(&chunk);
                        chunk.clear();
                    }
                    file.seek(SeekFrom::Start(self.length)).await?;
                }
            }
            self.hashing = hashing;
        }
        Ok(self.hashing.digest())
    }

    /// What was received is on the disk, not on its way there.
    pub(super) async fn sync(&mut self) -> io::Result<()> {
        match &mut self.bytes {
            StagedBytes::Memory(_) => Ok(()),
            StagedBytes::Disk { file, torn, .. } => {
                if *torn {
                    file.set_len(self.length).await?;
                }
                file.sync_all().await
            }
        }
    }
}

/// Room that is given back unless it is kept.
struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl<'a> Taken<'a> {
    fn from(room: &'a Room, bytes: u64) -> Result<Self, Refusal> {
        room.take(bytes)?;
        Ok(Self { room, bytes })
    }

    fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}

/// A digest of bytes that are not all here yet.
enum Hashing {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hashing {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    /// Of the bytes so far; more may follow.
    fn digest(&self) -> Digest {
        let raw = match self {
            Self::Sha256(state) => state.clone().finalize().to_vec(),
            Self::Sha512(state) => state.clone().finalize().to_vec(),
        };
        Digest::from_raw(self.algorithm(), &raw).expect("the algorithm's output has the algorithm's length")
    }
}
