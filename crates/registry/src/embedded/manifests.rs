//! Manifests: read, pushed by tag or digest, deleted.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_image::{Blob, Digest, Document, Tag};
use http::Method;
use http::request::Parts;

use super::blobs::{identity, is_known_to_client, value};
use super::index::Entry;
use super::receive::{Receiving, content_length};
use super::refusal::Refusal;
use super::route::{ManifestName, Name};
use super::store::{Condition, Need, Push};
use super::{MAX_MANIFEST, Registry};

/// Most `tag` parameters of one push by digest; the specification asks for ten.
const MAX_TAGS: usize = 64;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAG: HeaderName = HeaderName::from_static("oci-tag");

impl Registry {
    /// GET and HEAD (end-3).
    pub(super) async fn get_manifest(&self, name: &Name, reference: &str, parts: &Parts) -> Result<Response, Refusal> {
        let unknown = || Refusal::ManifestUnknown {
            reference: reference.chars().take(256).collect(),
        };
        // A malformed reference names nothing, so that what is asked for is not found rather than wrong.
        let wanted = ManifestName::parse(reference).map_err(|_| unknown())?;
        let store = &self.0.store;
        let (digest, media_type, size) = store.look(|index| {
            let repository = index
                .repository(name)
                .ok_or_else(|| Refusal::NameUnknown { name: name.to_string() })?;
            let digest = match &wanted {
                ManifestName::Tag(tag) => repository.tags.get(tag).ok_or_else(unknown)?,
                ManifestName::Digest(digest) => digest,
            };
            let entry = repository.manifests.get(digest).ok_or_else(unknown)?;
            let size = index.size(digest).ok_or_else(unknown)?;
            Ok::<_, Refusal>((*digest, entry.media_type.clone(), size))
        })?;
        let mut headers = identity(&digest);
        headers.insert(header::CONTENT_TYPE, value(&media_type));
        if is_known_to_client(&parts.headers, &digest) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        if parts.method == Method::HEAD {
            return Ok((headers, Body::empty()).into_response());
        }
        let bytes = store.content.read(&digest).await?.ok_or_else(unknown)?;
        Ok((headers, bytes).into_response())
    }

    /// PUT (end-7a, 7b).
    pub(super) async fn put_manifest(
        &self,
        name: Name,
        reference: &str,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Refusal> {
        let target = ManifestName::parse(reference)?;
        let tags = tags(&target, parts)?;
        let condition = condition(&parts.headers)?;
        if content_length(&parts.headers).is_some_and(|length| length > MAX_MANIFEST as u64) {
            return Err(Refusal::ManifestTooLarge);
        }
        let bytes = Receiving::new(body, self.0.limits.stall).whole(MAX_MANIFEST).await?;
        let digest = match &target {
            ManifestName::Digest(digest) => *digest,
            ManifestName::Tag(_) => Digest::sha256(&bytes),
        };
        let blob = Blob::check(bytes.clone(), &digest, None).map_err(|_| {
            let found = Digest::of(digest.algorithm(), &bytes).to_string();
            Refusal::DigestMismatch {
                expected: digest.to_string(),
                found,
            }
        })?;
        let declared = media_type(&parts.headers);
        let document = Document::parse(&blob, declared, None).map_err(|source| Refusal::ManifestInvalid {
            source: Box::new(source),
        })?;
        let (entry, needs) = read(document);

        let headers = pushed(&name, &target, &digest, &entry, &tags);
        let push = Push {
            name,
            digest,
            bytes,
            entry,
            needs,
            tags,
            condition,
        };
        self.change(move |store| store.put_manifest(push)).await?;
        Ok((StatusCode::CREATED, headers).into_response())
    }

    /// DELETE (end-9): a tag alone, or a manifest and all tags that name it.
    pub(super) async fn delete_manifest(&self, name: Name, reference: &str) -> Result<Response, Refusal> {
        let target = ManifestName::parse(reference)?;
        self.change(move |store| match target {
            ManifestName::Tag(tag) => store.delete_tag(&name, &tag),
            ManifestName::Digest(digest) => store.delete_manifest(&name, &digest),
        })
        .await?;
        Ok(StatusCode::ACCEPTED.into_response())
    }
}

/// The tags that a push sets: the one in the path, or the `tag` parameters of a push by digest.
fn tags(target: &ManifestName, parts: &Parts) -> Result<Vec<Tag>, Refusal> {
    if let ManifestName::Tag(tag) = target {
        return Ok(vec![tag.clone()]);
    }
    let mut tags = Vec::new();
    for (key, text) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        if key != "tag" {
            continue;
        }
        if tags.len() == MAX_TAGS {
            return Err(Refusal::TooManyTags { limit: MAX_TAGS });
        }
        tags.push(Tag::parse(&text).map_err(|_| Refusal::ReferenceInvalid {
            reference: text.into_owned(),
        })?);
    }
    Ok(tags)
}

/// What must be true of the tags, so that two clients who edit what a tag names do not overwrite each other.
fn condition(headers: &HeaderMap) -> Result<Condition, Refusal> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .map(str::trim)
    };
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Condition::None),
        (None, Some("*")) => Ok(Condition::Absent),
        (Some("*"), None) => Ok(Condition::Names(Vec::new())),
        (Some(etags), None) => {
            let digests = etags
                .split(',')
                .filter_map(|etag| Digest::parse(etag.trim().trim_matches('"')).ok());
            match digests.collect::<Vec<_>>() {
                // A tag that is no digest is none of ours, so nothing here matches it.
                digests if digests.is_empty() => Err(Refusal::Precondition),
                digests => Ok(Condition::Names(digests)),
            }
        }
        // Nothing a push could depend on; better refused than ignored.
        _ => Err(Refusal::Precondition),
    }
}

/// `Content-Type` without parameters, which the specification wants ignored.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let declared = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (media_type, _parameters) = declared.split_once(';').unwrap_or((declared, ""));
    Some(media_type.trim()).filter(|media_type| !media_type.is_empty())
}

/// What is kept beside a document, and what it cannot be without. Its subject may come later, or never.
fn read(document: Document) -> (Entry, Vec<Need>) {
    match document {
        Document::Manifest(manifest) => {
            let layers = manifest
                .layers
                .into_iter()
                .filter(|layer| !is_kept_elsewhere(&layer.media_type));
            let blobs = std::iter::once(manifest.config).chain(layers);
            let needs = blobs.map(|blob| Need::Blob(blob.digest)).collect();
            (
                Entry {
                    media_type: manifest.media_type,
                    subject: manifest.subject.map(|subject| subject.digest),
                },
                needs,
            )
        }
        Document::Index(index) => {
            let needs = index
                .manifests
                .into_iter()
                .map(|listed| Need::Listed(listed.digest))
                .collect();
            (
                Entry {
                    media_type: index.media_type,
                    subject: index.subject.map(|subject| subject.digest),
                },
                needs,
            )
        }
    }
}

/// Layers that may not be distributed are fetched from the `urls` of their descriptor, and need not be pushed.
fn is_kept_elsewhere(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
}

fn pushed(name: &Name, target: &ManifestName, digest: &Digest, entry: &Entry, tags: &[Tag]) -> HeaderMap {
    let mut headers = identity(digest);
    headers.insert(header::LOCATION, value(&format!("/v2/{name}/manifests/{target}")));
    if let Some(subject) = &entry.subject {
        headers.insert(SUBJECT, value(&subject.to_string()));
    }
    if let ManifestName::Digest(_) = target {
        for tag in tags {
            headers.append(TAG, value(tag.as_str()));
        }
    }
    headers
}
