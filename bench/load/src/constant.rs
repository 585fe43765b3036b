//! The *constant* door: our server with a fixed answer. What it costs is what any door costs that is built as ours is.
//!
//! It has the same listener, TLS, limits and metrics, and reads each body whole, but parses nothing: the uid is copied from
//! where it stands, and the answer around it never changes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use countersign_server::admin::Readiness;
use countersign_server::certificate::Certificates;
use countersign_server::drain::{DrainPlan, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use jiff::Timestamp;

/// Answers on `address` for as long as the process lives.
pub async fn serve(address: SocketAddr, certificate: &Path, key: &Path) -> Result<()> {
    let certificates = Certificates::load(certificate, key, Timestamp::now())?;
    let listener = Listener::bind(address, Transport::Tls(certificates.server_config())).await?;
    let plan = DrainPlan {
        grace: Duration::ZERO,
        deadline: Duration::ZERO,
    };
    let drainer = Drainer::new(plan, &Readiness::new());
    listener
        .serve(
            router(),
            Door::Admission,
            Limits::admission(),
            Metrics::new(),
            drainer.door(),
        )
        .await;
    Ok(())
}

fn router() -> Router {
    Router::new()
        .route("/mutate", post(answer))
        .route("/validate", post(answer))
        .layer(DefaultBodyLimit::disable())
}

async fn answer(body: Bytes) -> Response {
    let mut text = Vec::with_capacity(192);
    text.extend_from_slice(br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":""#);
    text.extend_from_slice(uid(&body));
    text.extend_from_slice(br#"","allowed":true}}"#);
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The text of the first `"uid"`, which is the request's: it stands first in what the API server writes.
fn uid(body: &[u8]) -> &[u8] {
    const NAME: &[u8] = br#""uid":""#;
    let begin = body.windows(NAME.len()).position(|window| window == NAME);
    let rest = begin.map_or(&b""[..], |begin| &body[begin + NAME.len()..]);
    rest.split(|byte| *byte == b'"').next().unwrap_or_default()
}
