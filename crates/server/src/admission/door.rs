//! The admission door's paths: a body under its cap and a deadline come in, an AdmissionReview goes out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::{Door, Phase};

/// What the API server waits where it does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that the API server can be told to wait.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// `/mutate` and `/validate`, with policy-controller's paths as aliases.
pub fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/mutate", post(mutate))
        .route("/mutations", post(mutate))
        .route("/validate", post(validate))
        .route("/validations", post(validate))
        // The listener's limits bound the body; the framework's own, smaller default would refuse large objects.
        .layer(DefaultBodyLimit::disable())
        .with_state(door)
}

async fn mutate(state: State<Arc<Door>>, query: RawQuery, headers: HeaderMap, body: Bytes) -> Response {
    answer(state, Phase::Mutate, query, &headers, body).await
}

async fn validate(state: State<Arc<Door>>, query: RawQuery, headers: HeaderMap, body: Bytes) -> Response {
    answer(state, Phase::Validate, query, &headers, body).await
}

async fn answer(
    State(door): State<Arc<Door>>,
    phase: Phase,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let received = Instant::now();
    if !is_json(headers) {
        let told = "expected one AdmissionReview of admission.k8s.io/v1 with content type `application/json`\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, told).into_response();
    }
    let deadline = received + budget(query.as_deref());
    let response = door.answer(phase, body, received, deadline).await;
    ([(header::CONTENT_TYPE, "application/json")], response.to_bytes()).into_response()
}

/// Exactly one content type: two are two readings of the same bytes.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(media_type), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = media_type.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The API server adds `timeout=10s`, in whole seconds rounded up; a tenth less leaves the answer time to arrive.
fn budget(query: Option<&str>) -> Duration {
    let stated = query
        .unwrap_or("")
        .split('&')
        .find_map(|pair| pair.strip_prefix("timeout="));
    let timeout = stated
        .and_then(|value| value.strip_suffix('s'))
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs)
        .min(MAX_TIMEOUT);
    timeout - timeout / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_what_the_api_server_waits_less_a_tenth() {
        for (query, milliseconds) in [
            (None, 9_000),
            (Some(""), 9_000),
            (Some("timeout=1s"), 900),
            (Some("timeout=10s"), 9_000),
            (Some("dryRun=All&timeout=5s"), 4_500),
            (Some("timeout=30s"), 27_000),
            (Some("timeout=3600s"), 27_000),
            (Some("timeout=0s"), 9_000),
            (Some("timeout=-1s"), 9_000),
            (Some("timeout=1m0s"), 9_000),
        ] {
            assert_eq!(budget(query), Duration::from_millis(milliseconds), "{query:?}");
        }
    }
}
