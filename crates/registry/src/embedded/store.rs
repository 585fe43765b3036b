//! Every change, one at a time: looked at, written down, shown.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use countersign_image::{Digest, Tag};

use super::Limits;
use super::content::{Content, Room, Staged};
use super::index::{Change, Entry, Index};
use super::refusal::Refusal;
use super::route::Name;

/// What is stored, index and bytes together.
pub(super) struct Store {
    pub(super) content: Content,
    pub(super) room: Arc<Room>,
    index: RwLock<Index>,
    turn: Mutex<()>,
    limits: Limits,
}

/// A manifest that was parsed and is to be stored.
pub(super) struct Push {
    pub(super) name: Name,
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
    pub(super) entry: Entry,
    pub(super) needs: Vec<Need>,
    pub(super) tags: Vec<Tag>,
    pub(super) condition: Condition,
}

/// What a manifest refers to and cannot be without.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Blob(Digest),
    /// What an index lists is usually a manifest; the image specification allows anything.
    Listed(Digest),
}

/// What must be true of the tag before it is set (RFC 9110, sections 13.1.1 and 13.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// `If-Match`: it names one of these. An empty list stands for `*`: it exists.
    Names(Vec<Digest>),
    /// `If-None-Match: *`: it does not exist.
    Absent,
}

impl Store {
    pub(super) fn new(content: Content, index: Index, limits: Limits) -> Self {
        let used = index.content().map(|(_, size)| size).sum();
        Self {
            content,
            room: Arc::new(Room::new(limits.total, used)),
            index: RwLock::new(index),
            turn: Mutex::default(),
            limits,
        }
    }

    /// Looks at the index. Short: changes wait.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A repository holds a blob that was received and has this digest.
    pub(super) fn put_blob(&self, name: &Name, staged: Staged, digest: &Digest) -> Result<(), Refusal> {
        let turn = self.turn();
        let size = staged.length();
        let (held, known) = self.look(|index| (index.blob(name, digest).is_some(), index.size(digest).is_some()));
        if held {
            return Ok(());
        }
        self.has_place(name)?;
        if !known {
            self.content.keep(staged, digest)?;
        }
        let (name, digest) = (name.clone(), *digest);
        turn.first_of(!known, &digest, size, Change::HoldBlob { name, digest, size })
    }

    /// A repository holds a blob of another one, which the caller may read. False if that one does not hold it.
    pub(super) fn mount(&self, name: &Name, from: &Name, digest: &Digest) -> Result<bool, Refusal> {
        let turn = self.turn();
        let Some(size) = self.look(|index| index.blob(from, digest)) else {
            return Ok(false);
        };
        if self.look(|index| index.blob(name, digest)).is_none() {
            self.has_place(name)?;
            turn.make(Change::HoldBlob {
                name: name.clone(),
                digest: *digest,
                size,
            })?;
        }
        Ok(true)
    }

    pub(super) fn delete_blob(&self, name: &Name, digest: &Digest) -> Result<(), Refusal> {
        let turn = self.turn();
        self.known(name)?;
        if self.look(|index| index.blob(name, digest)).is_none() {
            return Err(Refusal::BlobUnknown { digest: *digest });
        }
        turn.make(Change::DropBlob {
            name: name.clone(),
            digest: *digest,
        })
    }

    /// A repository holds a manifest, and its tags name it. What it refers to must be there, but for its subject.
    pub(super) fn put_manifest(&self, push: Push) -> Result<(), Refusal> {
        let turn = self.turn();
        let Push {
            name,
            digest,
            bytes,
            entry,
            needs,
            tags,
            condition,
        } = push;
        let missing = self.look(|index| missing(index, &name, needs));
        if !missing.is_empty() {
            return Err(Refusal::ContentUnknown { missing });
        }
        self.look(|index| condition.holds(index, &name, &tags))
            .then_some(())
            .ok_or(Refusal::Precondition)?;
        self.has_place(&name)?;

        let (held, known) = self.look(|index| {
            let held = index
                .repository(&name)
                .and_then(|repository| repository.manifests.get(&digest).cloned());
            (held, index.size(&digest).is_some())
        });
        // The same bytes may come again under another `Content-Type` where they do not say themselves what they are.
        if held.as_ref() != Some(&entry) {
            let size = bytes.len() as u64;
            if !known {
                self.room.take(size)?;
                let kept = self.content.keep_bytes(&bytes, &digest);
                kept.inspect_err(|_| self.room.give_back(size))?;
            }
            let change = Change::HoldManifest {
                name: name.clone(),
                digest,
                size,
                entry,
            };
            turn.first_of(!known, &digest, size, change)?;
        }
        for tag in tags {
            turn.make(Change::SetTag {
                name: name.clone(),
                tag,
                digest,
            })?;
        }
        Ok(())
    }

    /// The manifest goes, and every tag that names it.
    pub(super) fn delete_manifest(&self, name: &Name, digest: &Digest) -> Result<(), Refusal> {
        let turn = self.turn();
        self.known(name)?;
        let tags = self.look(|index| {
            let repository = index.repository(name)?;
            repository.manifests.get(digest)?;
            let naming = repository.tags.iter().filter(|(_, named)| *named == digest);
            Some(naming.map(|(tag, _)| tag.clone()).collect::<Vec<_>>())
        });
        let Some(tags) = tags else {
            return Err(Refusal::ManifestUnknown {
                reference: digest.to_string(),
            });
        };
        for tag in tags {
            turn.make(Change::DropTag {
                name: name.clone(),
                tag,
            })?;
        }
        turn.make(Change::DropManifest {
            name: name.clone(),
            digest: *digest,
        })
    }

    pub(super) fn delete_tag(&self, name: &Name, tag: &Tag) -> Result<(), Refusal> {
        let turn = self.turn();
        self.known(name)?;
        let exists = self.look(|index| index.repository(name).is_some_and(|held| held.tags.contains_key(tag)));
        if !exists {
            return Err(Refusal::ManifestUnknown {
                reference: tag.as_str().to_owned(),
            });
        }
        turn.make(Change::DropTag {
            name: name.clone(),
            tag: tag.clone(),
        })
    }

    fn known(&self, name: &Name) -> Result<(), Refusal> {
        match self.look(|index| index.repository(name).is_some()) {
            true => Ok(()),
            false => Err(Refusal::NameUnknown { name: name.to_string() }),
        }
    }

    /// Whether a repository may hold one more of anything.
    fn has_place(&self, name: &Name) -> Result<(), Refusal> {
        let (repositories, most) = (self.limits.repositories, self.limits.per_repository);
        self.look(|index| match index.repository(name) {
            None if index.count() >= repositories => Err(Refusal::Full {
                what: "repositories",
                limit: repositories as u64,
            }),
            Some(held) if held.blobs.len().max(held.manifests.len()).max(held.tags.len()) >= most => {
                Err(Refusal::Full {
                    what: "blobs, manifests or tags in one repository",
                    limit: most as u64,
                })
            }
            _ => Ok(()),
        })
    }

    fn turn(&self) -> Turn<'_> {
        Turn {
            store: self,
            _held: self.turn.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// The right to change: one at a time, so that what was looked at is still so when it is changed.
struct Turn<'a> {
    store: &'a Store,
    _held: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Writes the change down, shows it, and removes content that nothing holds after it.
    fn make(&self, change: Change) -> Result<(), Refusal> {
        self.store.content.record(&change)?;
        let let_go = self
            .store
            .index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .apply(change);
        if let Some((digest, size)) = let_go {
            self.remove(&digest, size);
        }
        Ok(())
    }

    /// A change that is the first to hold its content, if `is_first`: when it fails, the content goes.
    fn first_of(&self, is_first: bool, digest: &Digest, size: u64, change: Change) -> Result<(), Refusal> {
        let made = self.make(change);
        if made.is_err() && is_first {
            self.remove(digest, size);
        }
        made
    }

    fn remove(&self, digest: &Digest, size: u64) {
        match self.store.content.remove(digest) {
            Ok(()) => self.store.room.give_back(size),
            // Nothing refers to it, so nothing is wrong but the room that it takes until the next start.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%digest, error, "content that nothing holds could not be removed");
            }
        }
    }
}

fn missing(index: &Index, name: &Name, mut needs: Vec<Need>) -> Vec<Digest> {
    needs.sort();
    needs.dedup();
    let held = |need: &Need| {
        index.repository(name).is_some_and(|repository| match need {
            Need::Blob(digest) => repository.blobs.contains(digest),
            Need::Listed(digest) => repository.manifests.contains_key(digest) || repository.blobs.contains(digest),
        })
    };
    needs.retain(|need| !held(need));
    needs
        .into_iter()
        .map(|(Need::Blob(digest) | Need::Listed(digest))| digest)
        .collect()
}

impl Condition {
    fn holds(&self, index: &Index, name: &Name, tags: &[Tag]) -> bool {
        let named = |tag| index.repository(name).and_then(|repository| repository.tags.get(tag));
        match self {
            Self::None => true,
            Self::Absent => tags.iter().all(|tag| named(tag).is_none()),
            Self::Names(digests) => tags
                .iter()
                .all(|tag| named(tag).is_some_and(|digest| digests.is_empty() || digests.contains(digest))),
        }
    }
}
