//! What is stored, without the bytes: which repository holds which blobs, manifests and tags, and who refers to whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_image::{Digest, Tag};
use serde::{Deserialize, Serialize};

use super::route::Name;

/// Everything that is stored. Changed by [`Index::apply`] and nothing else.
#[derive(Debug, Default)]
pub(super) struct Index {
    repositories: BTreeMap<Name, Repository>,
    content: HashMap<Digest, Held>,
}

/// What one repository holds. It exists for as long as it holds anything.
#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeSet<Digest>,
    pub(super) manifests: BTreeMap<Digest, Entry>,
    pub(super) tags: BTreeMap<Tag, Digest>,
    /// Subject → the manifests about it. The subject need not be here.
    pub(super) referrers: BTreeMap<Digest, BTreeSet<Digest>>,
}

/// A manifest in a repository. Also the content of its file on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Digest>,
}

/// Content that some repository holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    size: u64,
    /// How many blobs and manifests of repositories are this content.
    times: usize,
}

/// One step from one state to the next. `size` is that of the content.
#[derive(Clone, Debug)]
pub(super) enum Change {
    HoldBlob {
        name: Name,
        digest: Digest,
        size: u64,
    },
    DropBlob {
        name: Name,
        digest: Digest,
    },
    HoldManifest {
        name: Name,
        digest: Digest,
        size: u64,
        entry: Entry,
    },
    /// Only once no tag names it.
    DropManifest {
        name: Name,
        digest: Digest,
    },
    SetTag {
        name: Name,
        tag: Tag,
        digest: Digest,
    },
    DropTag {
        name: Name,
        tag: Tag,
    },
}

impl Index {
    pub(super) fn repository(&self, name: &Name) -> Option<&Repository> {
        self.repositories.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.repositories.keys()
    }

    pub(super) fn count(&self) -> usize {
        self.repositories.len()
    }

    /// The size of content that some repository holds.
    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        self.content.get(digest).map(|held| held.size)
    }

    /// The size of a blob that this repository holds.
    pub(super) fn blob(&self, name: &Name, digest: &Digest) -> Option<u64> {
        self.repository(name)?
            .blobs
            .contains(digest)
            .then(|| self.size(digest))?
    }

    /// All content that is held.
    pub(super) fn content(&self) -> impl Iterator<Item = (&Digest, u64)> {
        self.content.iter().map(|(digest, held)| (digest, held.size))
    }

    /// Makes the change, and returns the content that nothing holds any more.
    pub(super) fn apply(&mut self, change: Change) -> Option<(Digest, u64)> {
        match change {
            Change::HoldBlob { name, digest, size } => {
                if self.repositories.entry(name).or_default().blobs.insert(digest) {
                    self.hold(digest, size);
                }
                None
            }
            Change::DropBlob { name, digest } => {
                let dropped = self.repositories.get_mut(&name)?.blobs.remove(&digest);
                self.forget_if_empty(&name);
                dropped.then(|| self.let_go(digest))?
            }
            Change::HoldManifest {
                name,
                digest,
                size,
                entry,
            } => {
                let repository = self.repositories.entry(name).or_default();
                if let Some(subject) = entry.subject {
                    repository.referrers.entry(subject).or_default().insert(digest);
                }
                if repository.manifests.insert(digest, entry).is_none() {
                    self.hold(digest, size);
                }
                None
            }
            Change::DropManifest { name, digest } => {
                let dropped = self.repositories.get_mut(&name)?.drop_manifest(&digest);
                self.forget_if_empty(&name);
                dropped.then(|| self.let_go(digest))?
            }
            Change::SetTag { name, tag, digest } => {
                self.repositories.entry(name).or_default().tags.insert(tag, digest);
                None
            }
            Change::DropTag { name, tag } => {
                self.repositories.get_mut(&name)?.tags.remove(&tag);
                self.forget_if_empty(&name);
                None
            }
        }
    }

    fn hold(&mut self, digest: Digest, size: u64) {
        self.content.entry(digest).or_insert(Held { size, times: 0 }).times += 1;
    }

    fn let_go(&mut self, digest: Digest) -> Option<(Digest, u64)> {
        let held = self.content.get_mut(&digest)?;
        held.times -= 1;
        let size = held.size;
        if held.times > 0 {
            return None;
        }
        self.content.remove(&digest);
        Some((digest, size))
    }

    fn forget_if_empty(&mut self, name: &Name) {
        if self.repositories.get(name).is_some_and(Repository::is_empty) {
            self.repositories.remove(name);
        }
    }
}

impl Repository {
    fn drop_manifest(&mut self, digest: &Digest) -> bool {
        let Some(entry) = self.manifests.remove(digest) else {
            return false;
        };
        if let Some(subject) = entry.subject
            && let Some(about) = self.referrers.get_mut(&subject)
        {
            about.remove(digest);
            if about.is_empty() {
                self.referrers.remove(&subject);
            }
        }
        true
    }

    fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.manifests.is_empty() && self.tags.is_empty()
    }
}
