//! A registry of our own: the OCI distribution specification 1.1, in memory or on disk.
//!
//! For quickstart, tests, and teams that want one binary. Reading order: `route` (which endpoint a path means), `access` (who may
//! go there), `blobs`, `manifests` and `lists` (the endpoints), `uploads` (what is being sent), `store` (every change, one at a time), `index` (what is
//! stored, in memory whichever storage it is), `content` and `disk` (the bytes).
//!
//! A change is written to the disk before the index shows it, and the index before the client is told, so that what was
//! answered `201` survives a kill at any instruction, and memory and disk answer alike because they share all but the bytes.

pub mod access;
mod blobs;
mod content;
mod disk;
mod index;
mod lists;
mod manifests;
mod ranges;
mod receive;
mod refusal;
mod route;
mod store;
mod uploads;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Method;

use access::{Access, Permit};
use content::Content;
pub use disk::StorageError;
use index::Index;
use refusal::Refusal;
use route::Route;
use store::Store;
use uploads::Uploads;

/// Largest manifest, in bytes: what the specification asks registries to accept, and what clients may rely on.
pub const MAX_MANIFEST: usize = countersign_image::manifest::MAX_MANIFEST_BYTES;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The embedded registry. Cheap to clone; every clone is the same registry.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    uploads: Uploads,
    limits: Limits,
    /// None where everybody may do everything.
    access: Option<Access>,
}

/// Where a registry keeps what it is given.
pub struct Storage {
    content: Content,
    index: Index,
}

/// What bounds a registry.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest blob, in bytes.
    pub blob: u64,
    /// All content together, open uploads included, in bytes.
    pub total: u64,
    /// Uploads open at once.
    pub open_uploads: usize,
    /// How long an upload may lie untouched before its place is given away.
    pub upload_idle: Duration,
    /// How long the next bytes of a body may take to come.
    pub stall: Duration,
    /// Repositories.
    pub repositories: usize,
    /// Blobs, manifests and tags, of each so many in one repository.
    pub per_repository: usize,
    /// Entries in one page of a list.
    pub page: usize,
}

impl Limits {
    /// For a registry that lives in memory.
    pub fn memory() -> Self {
        Self {
            blob: 1 << 30,
            total: 2 << 30,
            ..Self::disk()
        }
    }

    /// For a registry on disk.
    pub fn disk() -> Self {
        Self {
            blob: 16 << 30,
            total: 1 << 40,
            open_uploads: 256,
            upload_idle: Duration::from_secs(3600),
            stall: Duration::from_secs(60),
            repositories: 100_000,
            per_repository: 1_000_000,
            page: 1000,
        }
    }
}

impl Storage {
    /// Forgotten when the registry is dropped.
    pub fn memory() -> Self {
        Self {
            content: Content::memory(),
            index: Index::default(),
        }
    }

    /// Below `directory`, which is made if it does not exist, and belongs to this registry alone while it lives. Reads what is stored
    /// there, and removes what an interrupted push or delete left.
    pub fn disk(directory: &Path) -> Result<Self, StorageError> {
        let (disk, index) = disk::Disk::open(directory)?;
        Ok(Self {
            content: Content::disk(disk),
            index,
        })
    }
}

impl Registry {
    /// A registry over `storage`, open to everyone who reaches it.
    pub fn new(storage: Storage, limits: Limits) -> Self {
        Self::made(storage, limits, None)
    }

    /// A registry over `storage` that lets in whom `access` lets in.
    pub fn guarded(storage: Storage, limits: Limits, access: Access) -> Self {
        Self::made(storage, limits, Some(access))
    }

    fn made(storage: Storage, limits: Limits, access: Option<Access>) -> Self {
        let store = Store::new(storage.content, storage.index, limits);
        Self(Arc::new(Inner {
            store: Arc::new(store),
            uploads: Uploads::new(limits),
            limits,
            access,
        }))
    }

    /// A registry in memory with [`Limits::memory`].
    pub fn memory() -> Self {
        Self::new(Storage::memory(), Limits::memory())
    }

    /// A registry below `directory` with [`Limits::disk`].
    pub fn disk(directory: &Path) -> Result<Self, StorageError> {
        Ok(Self::new(Storage::disk(directory)?, Limits::disk()))
    }

    /// Everything below `/v2/`, and `/token` where tokens are wanted. Bodies are bounded here; a server around it needs no cap of its own.
    pub fn router(&self) -> Router {
        let tokens = match self.0.access {
            Some(_) => Router::new().route("/token", any(token)),
            None => Router::new(),
        };
        tokens
            .route("/v2", any(answer))
            .route("/v2/", any(answer))
            .route("/v2/{*path}", any(answer))
            .with_state(self.clone())
    }

    /// Runs `change` where it may block, and to its end even if the client hangs up meanwhile: the disk and the index
    /// must not part.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Store) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let store = Arc::clone(&self.0.store);
        if !store.content.blocks() {
            return change(&store);
        }
        tokio::task::spawn_blocking(move || change(&store))
            .await
            .unwrap_or_else(|_| Err(Refusal::Interrupted))
    }
}

async fn answer(State(registry): State<Registry>, request: Request) -> Response {
    let answered = async {
        let (parts, body) = request.into_parts();
        let route = Route::parse(parts.uri.path())?;
        let permit = access::admit(registry.0.access.as_ref(), &route, &parts)?;
        dispatch(&registry, route, &permit, &parts, body).await
    };
    let mut response = answered
        .await
        .unwrap_or_else(|refusal: Refusal| refusal.into_response());
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

async fn token(State(registry): State<Registry>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match &registry.0.access {
        Some(access) => access.token(&parts, body, &registry.0.limits).await,
        None => Err(Refusal::Path),
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

async fn dispatch(
    registry: &Registry,
    route: Route,
    permit: &Permit<'_>,
    parts: &http::request::Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let (get, head) = (Method::GET, Method::HEAD);
    let method = &parts.method;
    match (route, method) {
        (Route::Support, m) if m == get || m == head => Ok((StatusCode::OK, "{}").into_response()),
        (Route::Catalog, m) if m == get => registry.catalog(permit, parts),
        (Route::Tags(name), m) if m == get => registry.tags(&name, parts),
        (Route::Referrers(name, digest), m) if m == get => registry.referrers(&name, &digest, parts).await,
        (Route::Blob(name, digest), m) if m == get || m == head => registry.get_blob(&name, &digest, parts).await,
        (Route::Blob(name, digest), &Method::DELETE) => registry.delete_blob(name, &digest).await,
        (Route::Uploads(name), &Method::POST) => registry.begin_upload(name, permit, parts, body).await,
        (Route::Upload(name, id), m) if m == get => registry.upload_status(&name, &id).await,
        (Route::Upload(name, id), &Method::PATCH) => registry.append_chunk(&name, &id, parts, body).await,
        (Route::Upload(name, id), &Method::PUT) => registry.finish_upload(name, &id, parts, body).await,
        (Route::Upload(name, id), &Method::DELETE) => registry.cancel_upload(&name, &id),
        (Route::Manifest(name, reference), m) if m == get || m == head => {
            registry.get_manifest(&name, &reference, parts).await
        }
        (Route::Manifest(name, reference), &Method::PUT) => registry.put_manifest(name, &reference, parts, body).await,
        (Route::Manifest(name, reference), &Method::DELETE) => registry.delete_manifest(name, &reference).await,
        (route, _) => Err(Refusal::Method {
            allowed: route.methods(),
        }),
    }
}

#[cfg(test)]
mod tests;
