//! Manifests and blobs, by the one name that proves them.

use std::time::Instant;

use countersign_image::manifest::MAX_MANIFEST_BYTES;
use countersign_image::{Blob, Descriptor, Digest, Document, Repository, Tag, media};
use http::header::CONTENT_TYPE;

use crate::client::Client;
use crate::credential::Credentials;
use crate::exchange::Ask;
use crate::transport::Answer;
use crate::trouble::{ContentTrouble, Trouble};

pub(crate) const MANIFEST_TYPES: &[&str] = &[
    media::OCI_INDEX,
    media::OCI_MANIFEST,
    media::DOCKER_LIST,
    media::DOCKER_MANIFEST,
];
pub(crate) const MANIFEST_CAP: u64 = MAX_MANIFEST_BYTES as u64;

impl Client {
    /// A manifest by its digest, with the `Content-Type` that it came with.
    pub async fn manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(Blob, Option<String>), Trouble> {
        let ask = Ask::get(repository, format!("manifests/{digest}"), MANIFEST_TYPES, MANIFEST_CAP);
        self.read(&ask, credentials, deadline, |answer| proven(answer, digest, None))
            .await
    }

    /// A manifest that a descriptor says the size of: no more than that is read of it.
    pub(crate) async fn described(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(Blob, Option<String>), Trouble> {
        let cap = within(size, MANIFEST_CAP)?;
        let ask = Ask::get(repository, format!("manifests/{digest}"), MANIFEST_TYPES, cap);
        self.read(&ask, credentials, deadline, |answer| proven(answer, digest, Some(size)))
            .await
    }

    /// The manifest or index that a tag means now.
    pub async fn tagged(
        &self,
        repository: &Repository,
        tag: &Tag,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(Blob, Document), Trouble> {
        let ask = Ask::get(repository, format!("manifests/{tag}"), MANIFEST_TYPES, MANIFEST_CAP);
        self.read(&ask, credentials, deadline, readable).await
    }

    /// The content of a descriptor, at most `cap` bytes. No more is read of it than the descriptor says that it has.
    pub async fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        cap: u64,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Blob, Trouble> {
        let cap = within(descriptor.size, cap)?;
        let digest = &descriptor.digest;
        let ask = Ask::get(repository, format!("blobs/{digest}"), &["*/*"], cap);
        let check = |answer| proven(answer, digest, Some(descriptor.size)).map(|(blob, _)| blob);
        self.read(&ask, credentials, deadline, check).await
    }
}

/// As much as is read of something that says its size: that much, and if it is more than `limit` not even the beginning.
/// Sixteen at a time that all go on beyond their size would otherwise take sixteen times the limit.
fn within(size: u64, limit: u64) -> Result<u64, Trouble> {
    if size > limit {
        return Err(Trouble::Content(ContentTrouble::TooLarge { limit }));
    }
    Ok(size)
}

/// No digest was asked for: the bytes are whatever they are, if only they can be read.
pub(crate) fn readable(answer: Answer) -> Result<(Blob, Document), Trouble> {
    let answer = answer.success()?;
    let content_type = answer.header(CONTENT_TYPE).map(str::to_owned);
    let blob = Blob::new(answer.body);
    let document = Document::parse(&blob, content_type.as_deref(), None)
        .map_err(|error| Trouble::Content(ContentTrouble::Manifest(error)))?;
    Ok((blob, document))
}

fn proven(answer: Answer, digest: &Digest, size: Option<u64>) -> Result<(Blob, Option<String>), Trouble> {
    let answer = answer.success()?;
    let content_type = answer.header(CONTENT_TYPE).map(str::to_owned);
    let blob =
        Blob::check(answer.body, digest, size).map_err(|error| Trouble::Content(ContentTrouble::Bytes(error)))?;
    Ok((blob, content_type))
}
