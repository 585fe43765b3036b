//! `GET /v1/images/{digest}`: what happened to an image.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_image::Digest;
use countersign_wire::{Code, ImageHistory, Problem};
use http::StatusCode;

use super::caller::Caller;
use super::{Refusal, answer};
use crate::service::Service;

/// Every submission of an image that the session may see.
#[utoipa::path(
    get,
    path = "/v1/images/{digest}",
    params(("digest" = String, Path, description = "`sha256:…`")),
    responses(
        (status = 200, body = ImageHistory),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn image(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    Path(digest): Path<String>,
) -> Result<Response, Refusal> {
    let digest = Digest::parse(&digest).map_err(|_| Refusal::new(Code::NotFound))?;
    let submissions = service.of_image(&job, &digest).await?;
    if submissions.is_empty() {
        return Err(Refusal::new(Code::NotFound));
    }
    let history = ImageHistory {
        digest: digest.to_string(),
        submissions,
    };
    Ok(answer(StatusCode::OK, &history))
}
