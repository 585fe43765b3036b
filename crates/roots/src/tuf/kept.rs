//! What is remembered of a repository: files as they came, each verified again whenever it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error, Metadata, MetadataStore, Repository, Root};

use super::refresh::bounded;

/// Most bytes that are kept of one repository.
const MAX_BYTES: usize = 32 << 20;
/// Most files that are kept of one repository.
const MAX_FILES: usize = 4096;

/// Files of one repository by the names that the client gives them. The client writes each as soon as it is verified.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<String, Bytes>>);

impl Kept {
    pub(crate) fn of(files: BTreeMap<String, Bytes>) -> Self {
        Self(Mutex::new(files))
    }

    pub(crate) fn files(&self) -> BTreeMap<String, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl MetadataStore for Kept {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.get(name).map(Vec::from))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        // A snapshot comes under its version's name too, which nobody asks for.
        if version_of(name, "snapshot.json").is_some() {
            return Ok(());
        }
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if name == "root.json" {
            let rotated = files.get(name).is_some_and(|before| rotated(before, bytes));
            // TUF 5.3.11: who stole those keys may have signed a version so high that none could follow it.
            if rotated {
                files.remove("timestamp.json");
                files.remove("snapshot.json");
            }
        }
        let others: usize = files
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(_, bytes)| bytes.len())
            .sum();
        if others + bytes.len() > MAX_BYTES || files.len() >= MAX_FILES {
            return Err(Error::Malformed(format!(
                "no more than {MAX_BYTES} bytes of a repository are kept"
            )));
        }
        files.insert(name.to_owned(), Bytes::copy_from_slice(bytes));
        Ok(())
    }
}

/// The kept files in the place of the mirror: what was verified once is verified again, without a network.
impl Repository for Kept {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        // The chain of roots was taken from the kept ones already.
        let found = if version_of(name, "root.json").is_some() {
            None
        } else {
            self.get(name).or_else(|| self.get(unversioned(name)))
        };
        Box::pin(async move { bounded(found.as_ref(), name, max_length) })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, _max_length: u64) -> FetchFuture<'a> {
        // A kept target is found by its own name before this is asked.
        Box::pin(async move { Err(Error::transport(format!("the target `{path}` was not kept"))) })
    }
}

fn version_of(name: &str, kind: &str) -> Option<u64> {
    name.strip_suffix(kind)?.strip_suffix('.')?.parse().ok()
}

fn unversioned(name: &str) -> &str {
    match name.split_once('.') {
        Some((version, rest)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => name,
    }
}

/// Whether the keys of timestamp or snapshot are others in the new root, or as many of them are enough.
fn rotated(before: &[u8], after: &[u8]) -> bool {
    let (Ok(before), Ok(after)) = (
        Metadata::<Root>::from_slice(before),
        Metadata::<Root>::from_slice(after),
    ) else {
        return true;
    };
    ["timestamp", "snapshot"]
        .into_iter()
        .any(|role| keys(before.signed(), role) != keys(after.signed(), role))
}

fn keys<'r>(root: &'r Root, role: &str) -> Option<(BTreeSet<(&'r str, &'r str)>, usize)> {
    let role = root.role(role)?;
    let keys = role.keyids.iter().filter_map(|id| root.keys.get(id));
    Some((
        keys.map(|key| (&*key.scheme, key.keyval.public.trim())).collect(),
        role.threshold,
    ))
}
