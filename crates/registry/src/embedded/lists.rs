//! Lists: repositories, tags, referrers. Each in pages, each page bounded.

use std::ops::Bound;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_image::{Blob, Descriptor, Digest, Document, Index as ImageIndex, Tag, media};
use http::request::Parts;
use serde_json::json;

use super::access::Permit;
use super::blobs::query;
use super::index::Entry;
use super::refusal::Refusal;
use super::route::{self, Name};
use super::{MAX_MANIFEST, Registry};

/// Largest body of a page of referrers, in bytes: what clients accept as an index.
const MAX_PAGE: usize = MAX_MANIFEST - 1024;

const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

/// What part of a list is asked for.
struct Page {
    most: usize,
    last: Option<String>,
}

impl Page {
    fn asked(parts: &Parts, limit: usize) -> Result<Self, Refusal> {
        let mut query = query(parts);
        let most = match query.remove("n") {
            Some(number) => number.parse::<usize>().map_err(|_| Refusal::PageInvalid)?.min(limit),
            None => limit,
        };
        Ok(Self {
            most,
            last: query.remove("last"),
        })
    }

    /// The entries of this page, and whether there are more.
    fn cut<T>(&self, entries: impl Iterator<Item = T>) -> (Vec<T>, bool) {
        let mut page: Vec<T> = entries.take(self.most.saturating_add(1)).collect();
        let more = page.len() > self.most;
        page.truncate(self.most);
        (page, more && self.most > 0)
    }
}

impl Registry {
    /// The names of all repositories that the caller may pull, as Docker's registry lists them.
    pub(super) fn catalog(&self, permit: &Permit<'_>, parts: &Parts) -> Result<Response, Refusal> {
        let page = Page::asked(parts, self.0.limits.page)?;
        let (names, more) = self.0.store.look(|index| {
            let after = index
                .names()
                .filter(|name| page.last.as_deref().is_none_or(|last| name.as_str() > last))
                .filter(|name| permit.sees(name));
            page.cut(after.map(ToString::to_string))
        });
        let headers = next(more, "/v2/_catalog", &[("n", &page.most.to_string())], names.last());
        Ok((headers, json_body(&json!({ "repositories": names }))).into_response())
    }

    /// GET (end-8a, 8b): in the order of bytes.
    pub(super) fn tags(&self, name: &Name, parts: &Parts) -> Result<Response, Refusal> {
        let page = Page::asked(parts, self.0.limits.page)?;
        let (tags, more) = self.0.store.look(|index| {
            let repository = index
                .repository(name)
                .ok_or_else(|| Refusal::NameUnknown { name: name.to_string() })?;
            let after = repository.tags.keys().map(Tag::as_str);
            let after = after.filter(|tag| page.last.as_deref().is_none_or(|last| *tag > last));
            Ok::<_, Refusal>(page.cut(after.map(str::to_owned)))
        })?;
        let path = format!("/v2/{name}/tags/list");
        let headers = next(more, &path, &[("n", &page.most.to_string())], tags.last());
        Ok((headers, json_body(&json!({ "name": name.as_str(), "tags": tags }))).into_response())
    }

    /// GET (end-12a, 12b). A repository that is not there has no referrers; 404 would say that there is no such endpoint.
    pub(super) async fn referrers(&self, name: &Name, subject: &str, parts: &Parts) -> Result<Response, Refusal> {
        let subject = route::digest(subject)?;
        let mut query = query(parts);
        let filter = query.remove("artifactType").filter(|filter| !filter.is_empty());
        let after = query.remove("last").map(|last| route::digest(&last)).transpose()?;
        let (found, more) = self.about(name, &subject, after);

        let (mut manifests, mut bytes, mut last, mut more) = (Vec::new(), 0, None, more);
        for (digest, entry) in found {
            let Some(descriptor) = self.describe(&digest, entry).await? else {
                continue;
            };
            if filter.is_none() || descriptor.artifact_type == filter {
                bytes += serde_json::to_vec(&descriptor).map_or(MAX_PAGE, |json| json.len() + 1);
                if bytes > MAX_PAGE && !manifests.is_empty() {
                    more = true;
                    break;
                }
                manifests.push(descriptor);
            }
            last = Some(digest.to_string());
        }

        let path = format!("/v2/{name}/referrers/{subject}");
        let kept: Vec<_> = filter.iter().map(|filter| ("artifactType", filter.as_str())).collect();
        let mut headers = next(more, &path, &kept, last.as_ref());
        if filter.is_some() {
            headers.insert(FILTERS, HeaderValue::from_static("artifactType"));
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::OCI_INDEX));
        let list = ImageIndex {
            media_type: media::OCI_INDEX.to_owned(),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: std::collections::BTreeMap::new(),
        };
        Ok((StatusCode::OK, headers, list.to_json()).into_response())
    }

    /// One page of the manifests about `subject`, in the order of digests, and whether there are more.
    fn about(&self, name: &Name, subject: &Digest, after: Option<Digest>) -> (Vec<(Digest, Entry)>, bool) {
        let page = Page {
            most: self.0.limits.page,
            last: None,
        };
        self.0.store.look(|index| {
            let Some(repository) = index.repository(name) else {
                return (Vec::new(), false);
            };
            let Some(about) = repository.referrers.get(subject) else {
                return (Vec::new(), false);
            };
            let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let held = about.range((start, Bound::Unbounded));
            page.cut(held.filter_map(|digest| Some((*digest, repository.manifests.get(digest)?.clone()))))
        })
    }

    /// The descriptor of a referrer, with the type and annotations of its manifest. None if it was deleted just now.
    async fn describe(&self, digest: &Digest, entry: Entry) -> Result<Option<Descriptor>, Refusal> {
        let Some(bytes) = self.0.store.content.read(digest).await? else {
            return Ok(None);
        };
        let size = bytes.len() as u64;
        let mut descriptor = Descriptor::new(entry.media_type.clone(), *digest, size);
        let document = Blob::check(bytes, digest, None)
            .ok()
            .map(|blob| Document::parse(&blob, Some(&entry.media_type), None));
        match document {
            Some(Ok(Document::Manifest(manifest))) => {
                let declared = manifest.artifact_type.filter(|declared| !declared.is_empty());
                descriptor.artifact_type = declared.or(Some(manifest.config.media_type));
                descriptor.annotations = manifest.annotations;
            }
            Some(Ok(Document::Index(index))) => {
                descriptor.artifact_type = index.artifact_type.filter(|declared| !declared.is_empty());
                descriptor.annotations = index.annotations;
            }
            // It was readable when it was pushed. It is still about its subject, and hiding it would be worse than saying little.
            Some(Err(_)) | None => {
                tracing::warn!(%digest, "a manifest in the registry's storage is not readable any more");
            }
        }
        Ok(Some(descriptor))
    }
}

/// `Link` to the next page, if there is one.
fn next(more: bool, path: &str, kept: &[(&str, &str)], last: Option<&String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let (true, Some(last)) = (more, last) {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in kept {
            query.append_pair(key, value);
        }
        query.append_pair("last", last);
        let link = format!("<{path}?{}>; rel=\"next\"", query.finish());
        headers.insert(
            header::LINK,
            HeaderValue::try_from(link).expect("what is percent-encoded is a header value"),
        );
    }
    headers
}

fn json_body(value: &serde_json::Value) -> ([(HeaderName, HeaderValue); 1], String) {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        value.to_string(),
    )
}
