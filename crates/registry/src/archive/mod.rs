//! Evidence as a directory: an OCI image layout with one document beside it, so that a verdict can be replayed.
//!
//! ```text
//! oci-layout        what makes the directory an image layout
//! index.json        every blob, for tools that read layouts
//! blobs/sha256/…    the image's manifest, payloads, envelopes and bundles, each under its digest
//! evidence.json     which of them was found where, what was looked at, what could not be had
//! ```
//!
//! Nothing in such a directory is believed: every blob is hashed again when it is read, and what it says is judged like
//! what a registry says. `evidence.json` states what a registry's lists stated, which nobody signs either.

pub(crate) mod document;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use countersign_evidence::{Content, Evidence};
use countersign_image::{Blob, Descriptor, Digest, Index, json, media};
use thiserror::Error;

/// Largest `evidence.json` that is read, in bytes.
const MAX_DOCUMENT: u64 = 32 << 20;
/// Largest blob that is read, in bytes.
const MAX_BLOB: u64 = 64 << 20;
/// Most bytes of all blobs together.
const MAX_TOTAL: u64 = 256 << 20;

/// Writes evidence to a directory that must not exist yet, or be empty. It is there whole or not at all.
pub fn save(evidence: &Evidence, directory: &Path) -> Result<(), ArchiveError> {
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(written(parent))?;
    let own = parent.join(format!(".evidence-{:016x}", fastrand::u64(..)));
    // A rename replaces an empty directory and nothing else.
    let outcome = fill(evidence, &own).and_then(|()| fs::rename(&own, directory).map_err(written(directory)));
    if outcome.is_err() {
        let _ = fs::remove_dir_all(&own);
    }
    outcome
}

/// Reads evidence back. Every byte is checked against its digest again.
pub fn load(directory: &Path) -> Result<Evidence, ArchiveError> {
    let path = directory.join("evidence.json");
    let bytes = read(&path, MAX_DOCUMENT)?;
    let malformed = |detail: String| ArchiveError::Malformed {
        path: path.clone(),
        detail,
    };
    let document: document::Document = json::strict(&bytes).map_err(|error| malformed(error.to_string()))?;
    let mut total = 0;
    let blob = |digest: &Digest| {
        let path = blob_path(directory, digest);
        let bytes = read(&path, MAX_BLOB)?;
        total += bytes.len() as u64;
        if total > MAX_TOTAL {
            return Err(ArchiveError::TooLarge {
                path: directory.to_owned(),
                limit: MAX_TOTAL,
            });
        }
        Blob::check(Bytes::from(bytes), digest, None).map_err(|error| ArchiveError::Malformed {
            path,
            detail: error.to_string(),
        })
    };
    document.read(blob).map_err(|error| match error {
        document::ReadError::Document(detail) => malformed(detail),
        document::ReadError::Blob(error) => error,
    })
}

/// Why evidence could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// A file cannot be read or written.
    #[error("`{}` could not be {verb}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// `read` or `written`.
        verb: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` cannot be used: {detail}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A file, or all together, is larger than is read.
    #[error("`{}` has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file or directory.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
}

fn written(path: &Path) -> impl Fn(io::Error) -> ArchiveError {
    move |source| ArchiveError::File {
        path: path.to_owned(),
        verb: "written",
        source,
    }
}

fn fill(evidence: &Evidence, directory: &Path) -> Result<(), ArchiveError> {
    let mut listed: Vec<Descriptor> = Vec::new();
    let contents = evidence.items.iter().map(|item| described(&item.content));
    let manifest = evidence.manifest.iter().map(|blob| (blob, manifest_type(blob)));
    for (blob, media_type) in manifest.chain(contents) {
        if listed.iter().any(|descriptor| descriptor.digest == *blob.digest()) {
            continue;
        }
        write(&blob_path(directory, blob.digest()), blob.bytes())?;
        listed.push(Descriptor::new(media_type, *blob.digest(), blob.size()));
    }
    let index = Index {
        media_type: media::OCI_INDEX.to_owned(),
        artifact_type: None,
        manifests: listed,
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    write(&directory.join("index.json"), &index.to_json())?;
    write(&directory.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let document = document::Document::of(evidence);
    let bytes = serde_json::to_vec_pretty(&document).map_err(|error| ArchiveError::Malformed {
        path: directory.join("evidence.json"),
        detail: error.to_string(),
    })?;
    write(&directory.join("evidence.json"), &bytes)
}

fn described(content: &Content) -> (&Blob, String) {
    match content {
        Content::Simple { payload, .. } => (payload, media::SIMPLE_SIGNING.to_owned()),
        Content::Envelope { envelope: blob, .. } => (blob, media::DSSE_ENVELOPE.to_owned()),
        Content::Bundle(blob) => (blob, media::SIGSTORE_BUNDLE_V03.to_owned()),
    }
}

fn manifest_type(blob: &Blob) -> String {
    match countersign_image::Document::parse(blob, None, None) {
        Ok(countersign_image::Document::Index(index)) => index.media_type,
        Ok(countersign_image::Document::Manifest(manifest)) => manifest.media_type,
        Err(_) => media::OCI_MANIFEST.to_owned(),
    }
}

fn blob_path(directory: &Path, digest: &Digest) -> PathBuf {
    directory
        .join("blobs")
        .join(digest.algorithm().name())
        .join(digest.hex())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ArchiveError> {
    let refused = written(path);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(&refused)?;
    }
    let mut file = File::create_new(path).map_err(&refused)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(refused)
}

/// Only a regular file, and only so much of it: a pipe or a device in its place would never end.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ArchiveError> {
    let refused = |source| ArchiveError::File {
        path: path.to_owned(),
        verb: "read",
        source,
    };
    if !fs::symlink_metadata(path).map_err(refused)?.is_file() {
        return Err(ArchiveError::Malformed {
            path: path.to_owned(),
            detail: "it is not a regular file".to_owned(),
        });
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(refused)?;
    if bytes.len() as u64 > limit {
        return Err(ArchiveError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
