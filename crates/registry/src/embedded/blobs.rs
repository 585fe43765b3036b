//! Blobs: read, sent whole or in chunks, mounted, deleted.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_image::{Algorithm, Digest};
use http::Method;
use http::request::Parts;

use super::access::{Action, Permit};
use super::content::Staged;
use super::index::Index;
use super::ranges::{self, Wanted};
use super::receive::{Receiving, content_length};
use super::refusal::Refusal;
use super::route::{self, Name};
use super::uploads::Upload;
use super::{CONTENT_DIGEST, Registry};

impl Registry {
    /// GET and HEAD (end-2).
    pub(super) async fn get_blob(&self, name: &Name, digest: &str, parts: &Parts) -> Result<Response, Refusal> {
        let digest = route::digest(digest)?;
        let store = &self.0.store;
        let size = store.look(|index| match index.repository(name) {
            None => Err(Refusal::NameUnknown { name: name.to_string() }),
            Some(_) => index.blob(name, &digest).ok_or(Refusal::BlobUnknown { digest }),
        })?;
        let mut headers = identity(&digest);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        if is_known_to_client(&parts.headers, &digest) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        if parts.method == Method::HEAD {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
            return Ok((headers, Body::empty()).into_response());
        }
        let (status, range) = match ranges::wanted(&parts.headers, size)? {
            Wanted::Whole => (StatusCode::OK, None),
            Wanted::Part(part) => {
                let said = format!("bytes {}-{}/{size}", part.start(), part.end());
                headers.insert(header::CONTENT_RANGE, value(&said));
                (StatusCode::PARTIAL_CONTENT, Some(part))
            }
        };
        let length = range.as_ref().map_or(size, |part| part.end() - part.start() + 1);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        let body = store
            .content
            .body(&digest, range)
            .await?
            .ok_or(Refusal::BlobUnknown { digest })?;
        Ok((status, headers, body).into_response())
    }

    /// DELETE (end-10).
    pub(super) async fn delete_blob(&self, name: Name, digest: &str) -> Result<Response, Refusal> {
        let digest = route::digest(digest)?;
        self.change(move |store| store.delete_blob(&name, &digest)).await?;
        Ok(StatusCode::ACCEPTED.into_response())
    }

    /// POST (end-4a, 4b, 4c, 11): mounts, or receives the whole blob, or opens an upload.
    pub(super) async fn begin_upload(
        &self,
        name: Name,
        permit: &Permit<'_>,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Refusal> {
        let query = query(parts);
        if let Some(digest) = query.get("mount") {
            let digest = route::digest(digest)?;
            let from = query.get("from").map(|from| Name::parse(from)).transpose()?;
            if self.mount(&name, from, digest, permit, parts).await? {
                return Ok(created(&name, &digest));
            }
        }
        let digest = query.get("digest").map(|digest| route::digest(digest)).transpose()?;
        let algorithm = match (&digest, query.get("digest-algorithm").map(String::as_str)) {
            (Some(digest), _) => digest.algorithm(),
            (None, Some("sha512")) => Algorithm::Sha512,
            (None, None | Some("sha256")) => Algorithm::Sha256,
            (None, Some(other)) => {
                return Err(Refusal::DigestInvalid {
                    text: other.to_owned(),
                    source: None,
                });
            }
        };
        let mut staged = self.0.store.content.stage(&self.0.store.room, algorithm).await?;
        if let Some(digest) = digest {
            self.receive(&mut staged, None, parts, body).await?;
            return self.finish(name, staged, digest).await;
        }
        let upload = self.0.uploads.open(name, permit.user(), staged)?;
        Ok(upload_status(&upload, 0, StatusCode::ACCEPTED))
    }

    /// Makes a blob of another repository one of `to` (end-11). False if there is none that the caller may read.
    async fn mount(
        &self,
        to: &Name,
        from: Option<Name>,
        digest: Digest,
        permit: &Permit<'_>,
        parts: &Parts,
    ) -> Result<bool, Refusal> {
        let source = match from {
            Some(from) => permit.mounts(&from, to, parts)?.then_some(from),
            // Any repository will do, of those that may be read with this token.
            None => {
                let holds = |name: &Name, index: &Index| index.blob(name, &digest).is_some();
                self.0.store.look(|index| {
                    let mut names = index.names().filter(|name| holds(name, index));
                    names.find(|name| permit.allows(name, Action::Pull)).cloned()
                })
            }
        };
        let (Some(source), to) = (source, to.clone()) else {
            return Ok(false);
        };
        self.change(move |store| store.mount(&to, &source, &digest)).await
    }

    /// GET (end-13).
    pub(super) async fn upload_status(&self, name: &Name, id: &str) -> Result<Response, Refusal> {
        let upload = self.0.uploads.find(name, id)?;
        let received = upload
            .staged()
            .await
            .as_ref()
            .map(Staged::length)
            .ok_or(Refusal::UploadUnknown)?;
        Ok(upload_status(&upload, received, StatusCode::NO_CONTENT))
    }

    /// PATCH (end-5).
    pub(super) async fn append_chunk(
        &self,
        name: &Name,
        id: &str,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Refusal> {
        let upload = self.0.uploads.find(name, id)?;
        let mut held = upload.staged().await;
        let staged = held.as_mut().ok_or(Refusal::UploadUnknown)?;
        if let Err(refusal) = self.receive(staged, Some(&upload), parts, body).await {
            if ends_the_upload(&refusal) {
                *held = None;
                self.0.uploads.close(&upload);
            }
            return Err(refusal);
        }
        Ok(upload_status(&upload, staged.length(), StatusCode::ACCEPTED))
    }

    /// PUT (end-6): the last chunk, if there is one more, and the digest of the whole.
    pub(super) async fn finish_upload(
        &self,
        name: Name,
        id: &str,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Refusal> {
        let upload = self.0.uploads.find(&name, id)?;
        let digest = query(parts).remove("digest").unwrap_or_default();
        let digest = route::digest(&digest)?;
        let mut held = upload.staged().await;
        let staged = held.as_mut().ok_or(Refusal::UploadUnknown)?;
        let received = self.receive(staged, Some(&upload), parts, body).await;
        match received {
            Err(refusal) if !ends_the_upload(&refusal) => return Err(refusal),
            Err(_) | Ok(()) => self.0.uploads.close(&upload),
        }
        let staged = held.take().ok_or(Refusal::UploadUnknown)?;
        received?;
        self.finish(name, staged, digest).await
    }

    /// DELETE (end-14).
    pub(super) fn cancel_upload(&self, name: &Name, id: &str) -> Result<Response, Refusal> {
        let upload = self.0.uploads.find(name, id)?;
        self.0.uploads.close(&upload);
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Appends a body. Its declared place and length must be right before a byte of it counts.
    async fn receive(
        &self,
        staged: &mut Staged,
        upload: Option<&Upload>,
        parts: &Parts,
        body: Body,
    ) -> Result<(), Refusal> {
        let (limit, begin) = (self.0.limits.blob, staged.length());
        let declared = declared_length(upload, begin, parts)?;
        let length = content_length(&parts.headers).or(declared);
        if length.is_some_and(|more| begin.saturating_add(more) > limit) {
            return Err(Refusal::BlobTooLarge { limit });
        }
        let mut receiving = Receiving::new(body, self.0.limits.stall);
        while let Some(bytes) = receiving.next().await? {
            if staged.length() + bytes.len() as u64 > limit {
                return Err(Refusal::BlobTooLarge { limit });
            }
            staged.append(&bytes).await?;
            if let Some(upload) = upload {
                upload.touch();
            }
        }
        match (declared, staged.length() - begin) {
            (Some(declared), found) if declared != found => Err(Refusal::ChunkLength { declared, found }),
            _ => Ok(()),
        }
    }

    /// What was received becomes a blob of the repository, if it is what was announced.
    async fn finish(&self, name: Name, mut staged: Staged, digest: Digest) -> Result<Response, Refusal> {
        let found = staged.digest(digest.algorithm()).await?;
        if found != digest {
            return Err(Refusal::DigestMismatch {
                expected: digest.to_string(),
                found: found.to_string(),
            });
        }
        // Before the change has its turn: others need not wait for this blob to reach the disk.
        staged.sync().await?;
        let (to, as_blob) = (name.clone(), digest);
        self.change(move |store| store.put_blob(&to, staged, &as_blob)).await?;
        Ok(created(&name, &digest))
    }
}

/// How long `Content-Range` says that the body is, if it says so, begins where the upload is, and agrees with `Content-Length`.
fn declared_length(upload: Option<&Upload>, begin: u64, parts: &Parts) -> Result<Option<u64>, Refusal> {
    let Some(chunk) = ranges::chunk(&parts.headers)? else {
        return Ok(None);
    };
    let (expected, found) = (begin, *chunk.start());
    if let Some(upload) = upload
        && found != expected
    {
        let location = upload.location();
        return Err(Refusal::OutOfOrder {
            expected,
            found,
            location,
        });
    }
    let declared = chunk.end() - chunk.start() + 1;
    match content_length(&parts.headers) {
        Some(found) if found != declared => Err(Refusal::ChunkLength { declared, found }),
        _ => Ok(Some(declared)),
    }
}

/// Whether an upload is over after this. After the others the client can ask how far it came and continue there.
fn ends_the_upload(refusal: &Refusal) -> bool {
    use Refusal::{Full, OutOfOrder, Stalled, Storage, UploadInvalid};
    !matches!(
        refusal,
        OutOfOrder { .. } | UploadInvalid(_) | Stalled { .. } | Full { .. } | Storage { .. }
    )
}

fn upload_status(upload: &Upload, received: u64, status: StatusCode) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    ranges::tell_upload(headers, &upload.location(), received);
    headers.insert("docker-upload-uuid", value(&upload.id.to_string()));
    response
}

fn created(name: &Name, digest: &Digest) -> Response {
    let mut headers = identity(digest);
    headers.insert(header::LOCATION, value(&format!("/v2/{name}/blobs/{digest}")));
    (StatusCode::CREATED, headers).into_response()
}

/// What says which content this is.
pub(super) fn identity(digest: &Digest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_DIGEST, value(&digest.to_string()));
    headers.insert(header::ETAG, value(&format!("\"{digest}\"")));
    headers
}

/// `If-None-Match` with the tag that [`identity`] gives.
pub(super) fn is_known_to_client(headers: &HeaderMap, digest: &Digest) -> bool {
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == digest.to_string()
    })
}

/// For text that is made of digits, digests and names.
pub(super) fn value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits, digests and names are header values")
}

/// The query; of a parameter that is repeated, the first.
pub(super) fn query(parts: &Parts) -> HashMap<String, String> {
    let mut query = HashMap::new();
    for (key, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        query.entry(key.into_owned()).or_insert_with(|| value.into_owned());
    }
    query
}
