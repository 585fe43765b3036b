//! What a caller can have done to a submission: seal it, stop it, try it again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_wire::{Problem, Submission};
use http::StatusCode;

use super::caller::Caller;
use super::{Refusal, answer};
use crate::service::Service;

/// Ends the intake: from now on the gate is asked. Done again it changes nothing.
#[utoipa::path(
    post,
    path = "/v1/submissions/{id}/seal",
    params(("id" = String, Path, description = "The submission")),
    responses(
        (status = 200, body = Submission),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn seal(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    Ok(answer(StatusCode::OK, &service.seal(&job, &id).await?))
}

/// Stops a submission that is not over.
#[utoipa::path(
    post,
    path = "/v1/submissions/{id}/cancel",
    params(("id" = String, Path, description = "The submission")),
    responses(
        (status = 200, body = Submission),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn cancel(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    Ok(answer(StatusCode::OK, &service.cancel(&job, &id).await?))
}

/// Tries again what failed. What was rejected was decided, and is not tried again.
#[utoipa::path(
    post,
    path = "/v1/submissions/{id}/retry",
    params(("id" = String, Path, description = "The submission")),
    responses(
        (status = 200, body = Submission),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn retry(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    Ok(answer(StatusCode::OK, &service.retry(&job, &id).await?))
}
