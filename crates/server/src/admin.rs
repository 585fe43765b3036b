//! The admin door: is it alive, may it be sent requests, and what does it count. On an address of its own, never public.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::{self, Metrics};

/// A set of named conditions, all of which must be met before requests may be sent here. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// Name → why it is not met, or nothing where it is.
    conditions: Arc<Mutex<BTreeMap<&'static str, Option<String>>>>,
}

/// The one who can say whether a condition of [`Readiness`] is met.
#[derive(Clone, Debug)]
pub struct Condition {
    name: &'static str,
    readiness: Readiness,
}

/// A condition that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The condition's name.
    pub condition: &'static str,
    /// Why it is not met.
    pub reason: String,
}

impl Readiness {
    /// Without conditions, and therefore not ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition, not met at first for the reason given.
    pub fn condition(&self, name: &'static str, reason: impl Into<String>) -> Condition {
        self.set(name, Some(reason.into()));
        Condition {
            name,
            readiness: self.clone(),
        }
    }

    /// Whether there are conditions and all of them are met.
    pub fn is_ready(&self) -> bool {
        self.unmet().is_empty()
    }

    /// What is not met. Not empty before the first condition was added: readiness is shown, not assumed.
    pub fn unmet(&self) -> Vec<Unmet> {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        if conditions.is_empty() {
            return vec![Unmet {
                condition: "started",
                reason: "nothing was started yet".to_owned(),
            }];
        }
        conditions
            .iter()
            .filter_map(|(name, reason)| {
                Some(Unmet {
                    condition: name,
                    reason: reason.clone()?,
                })
            })
            .collect()
    }

    fn set(&self, name: &'static str, reason: Option<String>) {
        self.conditions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, reason);
    }
}

impl Condition {
    /// From now on it is met.
    pub fn met(&self) {
        self.readiness.set(self.name, None);
    }

    /// From now on it is not met, for this reason.
    pub fn unmet(&self, reason: impl Into<String>) {
        self.readiness.set(self.name, Some(reason.into()));
    }
}

/// `/healthz` (the process answers), `/readyz` (200, or 503 with one line per condition that is not met), `/metrics`.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    router_of(readiness, move || metrics.text())
}

/// The same for a part that counts more than the doors do: `text` is the whole exposition.
pub fn router_of(readiness: Readiness, text: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || async move { ready(&readiness) }))
        .route(
            "/metrics",
            get(move || async move { ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text()) }),
        )
}

fn ready(readiness: &Readiness) -> Response {
    let unmet = readiness.unmet();
    if unmet.is_empty() {
        return "ready\n".into_response();
    }
    let mut body = String::from("not ready\n");
    for Unmet { condition, reason } in unmet {
        writeln!(body, "{condition}: {reason}").expect("writing into a string does not fail");
    }
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_names_what_is_missing() {
        let readiness = Readiness::new();
        let router = router(readiness.clone(), Metrics::new());
        assert_eq!(
            get(&router, "/readyz").await,
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready\nstarted: nothing was started yet\n".to_owned()
            )
        );

        let policies = readiness.condition("policies", "not loaded yet");
        let certificate = readiness.condition("certificate", "not loaded yet");
        certificate.met();
        assert_eq!(
            get(&router, "/readyz").await,
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready\npolicies: not loaded yet\n".to_owned()
            )
        );

        policies.met();
        assert_eq!(get(&router, "/readyz").await, (StatusCode::OK, "ready\n".to_owned()));

        certificate.unmet("expired");
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(get(&router, "/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    }

    #[tokio::test]
    async fn metrics_are_served_as_openmetrics() {
        let router = router(Readiness::new(), Metrics::new());
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], metrics::CONTENT_TYPE);
        assert!(
            get(&router, "/metrics")
                .await
                .1
                .contains("countersign_build_info{version=")
        );
    }
}
