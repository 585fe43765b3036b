//! Lists on disk, for the time after a restart: one document for each key, of the form that an archive has.
//!
//! A document names content by digest, and content is hashed again when it is read. Nothing in it is believed: it is
//! evidence, and is judged like what a registry says. What cannot be read, is of another version, or speaks of content
//! that is gone is removed.

use std::sync::Arc;

use countersign_evidence::{Content, Evidence};
use countersign_image::{Blob, Digest, json};
use tracing::debug;

use super::disk::{Disk, Name};
use super::lists::ListKey;
use super::merge::is_outage;
use crate::archive::document::{Document, ReadError};

/// Largest document that is written or read, in bytes.
const MAX_DOCUMENT: u64 = 4 << 20;

/// The name of a key's document. It is made with a secret of this directory: whoever sees it learns neither who asked nor
/// with which credential.
pub(super) fn name(disk: &Disk, key: &ListKey) -> Name {
    let mut text = Vec::new();
    let mut add = |part: &str| {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part.as_bytes());
    };
    add(&key.repository.to_string());
    add(&key.digest.to_string());
    let request = &key.request;
    for place in &request.places {
        add("place");
        add(&place.repository.to_string());
        add(place.tag_prefix.as_deref().map_or("", |_| "prefix"));
        add(place.tag_prefix.as_deref().unwrap_or_default());
    }
    for wanted in [request.signatures, request.attestations, request.manifest] {
        add(if wanted { "wanted" } else { "not wanted" });
    }
    for layout in request.layouts.iter() {
        add(&layout.to_string());
    }
    for scope in &key.scopes {
        add("scope");
        add(&scope.digest().hex());
    }
    Name::List(disk.keyed_hash(&text))
}

/// Writes what is known under a name, after all content that it speaks of.
pub(super) fn write(disk: &Disk, name: &Name, evidence: &Evidence) {
    for blob in blobs(evidence) {
        disk.put(blob);
    }
    match serde_json::to_vec(&Document::of(evidence)) {
        Ok(bytes) if bytes.len() as u64 <= MAX_DOCUMENT => disk.replace(name, &bytes),
        // What stands there is older than this.
        Ok(_) | Err(_) => disk.remove(name),
    }
}

/// What is kept for a key, unless it cannot be used; then it is removed.
pub(super) fn read(disk: &Disk, key: &ListKey, mut blob: impl FnMut(&Digest) -> Option<Blob>) -> Option<Arc<Evidence>> {
    let name = name(disk, key);
    let bytes = disk.read(&name, MAX_DOCUMENT)?;
    let read = json::strict::<Document>(&bytes)
        .map_err(|error| error.to_string())
        .and_then(|document| {
            let found = document.read(|digest| blob(digest).ok_or(*digest));
            found.map_err(|error| match error {
                ReadError::Document(detail) => detail,
                ReadError::Blob(digest) => format!("`{digest}` is not at hand"),
            })
        })
        .and_then(|evidence| usable(evidence, key));
    match read {
        Ok(evidence) => {
            disk.was_used(&name);
            Some(Arc::new(evidence))
        }
        Err(detail) => {
            debug!(%detail, "a list on disk cannot be used, and is removed");
            disk.remove(&name);
            None
        }
    }
}

/// Only what was gathered whole, and about this very image, is ever written.
fn usable(evidence: Evidence, key: &ListKey) -> Result<Evidence, String> {
    let image = &evidence.image;
    if *image.repository() != key.repository || *image.digest() != key.digest {
        return Err("it is about another image".to_owned());
    }
    if evidence.stale || evidence.gaps.iter().any(|gap| is_outage(&gap.cause)) {
        return Err("it is not whole".to_owned());
    }
    Ok(evidence)
}

fn blobs(evidence: &Evidence) -> impl Iterator<Item = &Blob> {
    let items = evidence.items.iter().map(|item| match &item.content {
        Content::Simple { payload, .. } => payload,
        Content::Envelope { envelope: blob, .. } | Content::Bundle(blob) => blob,
    });
    items.chain(&evidence.manifest)
}
