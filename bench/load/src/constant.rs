//! The *constant* door: our server with a fixed answer. What it costs is what any door costs that is built as ours is.
//!
//! It has the same listener, TLS, limits and metrics, and reads each body whole, but parses nothing: the uid is copied from
//! where it stands, and the answer around it never changes. Where it is told what to pin, `/mutate` answers with that patch,
//! whatever image it is asked about: an API server has as much to do with it as with a patch of ours.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_server::admin::Readiness;
use countersign_server::certificate::Certificates;
use countersign_server::drain::{DrainPlan, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use jiff::Timestamp;
use serde_json::json;

/// Answers on `address` for as long as the process lives. `pin` is what `/mutate` writes for a Pod's first image, if
/// anything.
pub async fn serve(address: SocketAddr, certificate: &Path, key: &Path, pin: Option<&str>) -> Result<()> {
    let certificates = Certificates::load(certificate, key, Timestamp::now())?;
    let listener = Listener::bind(address, Transport::Tls(certificates.server_config())).await?;
    let plan = DrainPlan {
        grace: Duration::ZERO,
        deadline: Duration::ZERO,
    };
    let drainer = Drainer::new(plan, &Readiness::new());
    listener
        .serve(
            router(pin),
            Door::Admission,
            Limits::admission(),
            Metrics::new(),
            drainer.door(),
        )
        .await;
    Ok(())
}

fn router(pin: Option<&str>) -> Router {
    let answers = |patch| post(answer).with_state(after_uid(patch));
    Router::new()
        .route("/mutate", answers(pin))
        .route("/validate", answers(None))
        .layer(DefaultBodyLimit::disable())
}

/// All of an answer that comes after the uid.
fn after_uid(pin: Option<&str>) -> Bytes {
    let patch = pin.map(|image| {
        let patch = json!([{ "op": "replace", "path": "/spec/containers/0/image", "value": image }]);
        format!(
            r#","patch":"{}","patchType":"JSONPatch""#,
            STANDARD.encode(patch.to_string())
        )
    });
    format!(r#"","allowed":true{}}}}}"#, patch.unwrap_or_default()).into()
}

async fn answer(State(after_uid): State<Bytes>, body: Bytes) -> Response {
    const BEFORE_UID: &[u8] = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":""#;
    let text = [BEFORE_UID, uid(&body), &after_uid].concat();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The text of the first `"uid"`, which is the request's: it stands first in what the API server writes.
fn uid(body: &[u8]) -> &[u8] {
    const NAME: &[u8] = br#""uid":""#;
    let begin = body.windows(NAME.len()).position(|window| window == NAME);
    let rest = begin.map_or(&b""[..], |begin| &body[begin + NAME.len()..]);
    rest.split(|byte| *byte == b'"').next().unwrap_or_default()
}
