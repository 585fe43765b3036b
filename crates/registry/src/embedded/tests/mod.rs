//! The registry through its router, as clients see it.

mod access;
mod blobs;
mod lists;
mod manifests;
mod restart;
mod same;

use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use countersign_image::{Algorithm, Digest, media};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Limits, Registry, Storage, StorageError};

/// Someone who talks to a registry.
#[derive(Clone)]
struct Caller(Router);

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Caller {
    fn memory() -> Self {
        Self(Registry::memory().router())
    }

    fn limited(limits: Limits) -> Self {
        Self(Registry::new(Storage::memory(), limits).router())
    }

    /// A child process that another test starts at this moment holds the lock of a registry just dropped until it becomes
    /// its own program: for so long the directory is still in use.
    fn disk(directory: &Path) -> Self {
        let patience = Instant::now() + Duration::from_secs(10);
        loop {
            match Registry::disk(directory) {
                Err(StorageError::InUse { .. }) if Instant::now() < patience => std::thread::yield_now(),
                opened => return Self(opened.unwrap().router()),
            }
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn ask(&self, method: &str, uri: &str) -> Answer {
        self.call(method, uri, &[], "").await
    }

    async fn call(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, uri: &str) -> Answer {
        self.ask("GET", uri).await
    }

    /// Pushes a blob in one request.
    async fn blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let uri = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        self.call("POST", &uri, &[], bytes.to_vec()).await.is(201);
        digest
    }

    async fn put(&self, name: &str, reference: &str, manifest: &Value) -> Answer {
        let media_type = manifest["mediaType"].as_str().unwrap_or(media::OCI_MANIFEST);
        let uri = format!("/v2/{name}/manifests/{reference}");
        self.call("PUT", &uri, &[("content-type", media_type)], manifest.to_string())
            .await
    }

    /// Pushes an image of one layer with the given content.
    async fn image(&self, name: &str, tag: &str, layer: &str) -> Digest {
        let manifest = self.manifest(name, layer).await;
        self.put(name, tag, &manifest).await.is(201);
        Digest::sha256(manifest.to_string().as_bytes())
    }

    /// An image manifest whose blobs are pushed.
    async fn manifest(&self, name: &str, layer: &str) -> Value {
        let config = self.blob(name, b"{}").await;
        let blob = self.blob(name, layer.as_bytes()).await;
        json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "config": { "mediaType": media::OCI_EMPTY, "digest": config.to_string(), "size": 2 },
            "layers": [{ "mediaType": media::OCI_LAYER_GZIP, "digest": blob.to_string(), "size": layer.len() }],
        })
    }

    async fn open_upload(&self, name: &str) -> String {
        self.ask("POST", &format!("/v2/{name}/blobs/uploads/"))
            .await
            .is(202)
            .location()
    }
}

impl Answer {
    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// A refusal, in the specification's form.
    #[track_caller]
    fn refuses(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["errors"][0]["code"], code, "{:?}", answer.body);
        answer
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn location(&self) -> String {
        self.header("location").to_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
}

fn sha512(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha512, bytes)
}

#[tokio::test]
async fn it_says_that_it_is_a_registry() {
    let caller = Caller::memory();
    for uri in ["/v2/", "/v2"] {
        let answer = caller.get(uri).await.is(200);
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
    }
}

#[tokio::test]
async fn what_is_not_an_endpoint_is_refused_in_the_same_form() {
    let caller = Caller::memory();
    caller.get("/v2/app").await.refuses(404, "UNSUPPORTED");
    caller.get("/v2/App/tags/list").await.refuses(400, "NAME_INVALID");
    caller.get("/v2/a/../b/tags/list").await.refuses(400, "NAME_INVALID");
    let answer = caller
        .ask("POST", "/v2/app/manifests/latest")
        .await
        .refuses(405, "UNSUPPORTED");
    assert_eq!(answer.header("allow"), "GET, HEAD, PUT, DELETE");
}
