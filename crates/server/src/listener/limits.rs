//! What bounds a door and the requests through it, and the answers that say so.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http_body::Body as _;
use http_body_util::Limited;
use tokio::sync::Semaphore;

use super::guarded::guarded;
use crate::metrics::{Door, Metrics};

/// An answer of at most so many bytes, and held in memory whole, needs no place of its own.
const SMALL: u64 = 64 * 1024;

/// What bounds a door. There is no default: each kind of door has its own.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once; further ones wait in the kernel's backlog.
    pub connections: usize,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// From the first byte of an HTTP/1.1 request's head to its last, and from the handshake to the first request.
    pub head: Duration,
    /// How long a connection without a request is kept. Longer than clients keep theirs, so that they are the ones to close.
    pub silence: Duration,
    /// How long a connection without a request is kept once the door closes: a newcomer's, or one whose client does not go.
    pub parting: Duration,
    /// From an answer's head to its last byte, after which the connection is dropped. None where bodies of any length are streamed.
    pub answer: Option<Duration>,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
    /// Requests at once in the whole door; further ones are turned away with 503.
    pub in_flight: usize,
    /// Largest request body in bytes, 413 above. None where the router bounds its bodies itself.
    pub body: Option<usize>,
    /// From a request's head to its answer's head, 504 after. None where bodies of any length are streamed.
    pub request: Option<Duration>,
}

impl Limits {
    /// For the admission door. An AdmissionReview carries an object and its predecessor, each at most 3 MiB at the API server,
    /// and the API server itself waits thirty seconds at most.
    pub fn admission() -> Self {
        Self {
            connections: 2048,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(10),
            // Go's client, and with it the API server, closes its own after ninety seconds.
            silence: Duration::from_secs(150),
            parting: Duration::from_secs(2),
            answer: Some(Duration::from_secs(10)),
            streams: 250,
            // Of these, 2048 may wait for registries at once (`admission::waiting`): what is at hand always finds room.
            in_flight: 3072,
            body: Some(8 * 1024 * 1024),
            request: Some(Duration::from_secs(31)),
        }
    }

    /// For the embedded registry, which bounds its bodies itself and streams blobs for as long as they take.
    pub fn registry() -> Self {
        Self {
            in_flight: 512,
            answer: None,
            body: None,
            request: None,
            ..Self::admission()
        }
    }

    /// For the signing door: reports are bounded where they are read, and whoever watches a submission is answered for as
    /// long as he watches.
    pub fn signing() -> Self {
        Self {
            in_flight: 1024,
            answer: None,
            body: None,
            request: Some(Duration::from_secs(120)),
            ..Self::admission()
        }
    }

    /// For the admin door.
    pub fn admin() -> Self {
        Self {
            connections: 64,
            streams: 16,
            in_flight: 32,
            body: Some(64 * 1024),
            request: Some(Duration::from_secs(10)),
            ..Self::admission()
        }
    }

    /// `router` behind these limits: 1. too many at once are shed, 2. a panic becomes a 500, 3. too large a body a 413,
    /// 4. too long a wait a 504.
    pub fn guard(&self, router: Router, door: Door, metrics: &Metrics) -> Router {
        let router = self
            .request
            .map_or(router.clone(), |limit| deadline(router, limit, door, metrics));
        let router = self.body.map_or(router.clone(), |limit| body_cap(router, limit));
        let router = catch_panics(router, door, metrics);
        shed(router, self.in_flight, door, metrics)
    }
}

/// At most `limit` requests at once; one more is answered 503 at once, to be tried again in a second.
///
/// Shedding beats queueing here: a caller of a webhook waits under its own timeout, and an answer that comes after it was
/// worked for in vain.
pub fn shed(router: Router, limit: usize, door: Door, metrics: &Metrics) -> Router {
    let places = Arc::new(Semaphore::new(limit));
    let metrics = metrics.clone();
    router.layer(from_fn(move |request: Request, next: Next| {
        let place = Arc::clone(&places).try_acquire_owned();
        let metrics = metrics.clone();
        async move {
            let Ok(place) = place else {
                metrics.shed(door);
                return too_busy();
            };
            let held = metrics.request(door);
            let answer = next.run(request).await;
            // The work is done. Whoever does not take a small answer takes no place from others: their connection's patience ends it.
            if answer.body().size_hint().upper().is_some_and(|size| size <= SMALL) {
                return answer;
            }
            answer.map(|body| guarded(body, (place, held)))
        }
    }))
}

fn too_busy() -> Response {
    let told = "too many requests are being answered; try again in a second\n";
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, told).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// A panic while answering becomes a 500 for that request, and nothing else.
pub fn catch_panics(router: Router, door: Door, metrics: &Metrics) -> Router {
    let metrics = metrics.clone();
    router.layer(from_fn(move |request: Request, next: Next| {
        let metrics = metrics.clone();
        async move {
            // What the panicked request held is dropped with it; what it shares is behind locks that poison.
            AssertUnwindSafe(next.run(request))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| {
                    metrics.panicked(door);
                    tracing::error!(door = door.as_str(), "answering a request panicked");
                    (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
                })
        }
    }))
}

/// Bodies of at most `limit` bytes; a longer one is answered 413, before it is read where its length is declared.
pub fn body_cap(router: Router, limit: usize) -> Router {
    router
        .layer(DefaultBodyLimit::max(limit))
        .layer(from_fn(move |request: Request, next: Next| async move {
            if declared_length(&request).is_some_and(|length| length > limit as u64) {
                return (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("the body is larger than {limit} bytes\n"),
                )
                    .into_response();
            }
            next.run(request.map(|body| Body::new(Limited::new(body, limit)))).await
        }))
}

fn declared_length(request: &Request) -> Option<u64> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// At most `limit` from head to head; a later answer is given up and becomes a 504.
pub fn deadline(router: Router, limit: Duration, door: Door, metrics: &Metrics) -> Router {
    let metrics = metrics.clone();
    router.layer(from_fn(move |request: Request, next: Next| {
        let metrics = metrics.clone();
        async move {
            tokio::time::timeout(limit, next.run(request))
                .await
                .unwrap_or_else(|_| {
                    metrics.overdue(door);
                    (StatusCode::GATEWAY_TIMEOUT, format!("no answer within {limit:?}\n")).into_response()
                })
        }
    }))
}
