//! `POST /v1/submissions`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use countersign_image::Digest;
use countersign_wire::{Code, IDEMPOTENCY_KEY, NewSubmission, Problem, Submission};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::caller::Caller;
use super::{Refusal, answer, body};
use crate::service::{Creation, Service};

/// The longest `Idempotency-Key`, in bytes.
const MAX_KEY: usize = 255;

/// Submits an image by its digest. The same key with the same body is the same submission.
#[utoipa::path(
    post,
    path = "/v1/submissions",
    request_body = NewSubmission,
    params(("Idempotency-Key" = String, Header, description = "A text of the caller's own: the same for a request that is repeated")),
    responses(
        (status = 201, description = "A new submission", body = Submission),
        (status = 200, description = "The same as before, or one that is published already", body = Submission),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`image_not_bound`, `source_not_allowed`, `job_not_allowed`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`idempotency_mismatch`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`digest_required`, `image_refused`, `registry_not_allowed`, `gate_unknown`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`quota_exceeded`", body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn create(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let key = idempotency_key(&headers)?;
    let (question, bytes): (NewSubmission, _) = body::question(&headers, body).await?;
    let created = service.create(&job, question, key, Digest::sha256(&bytes)).await?;
    let (status, submission) = match created {
        Creation::New(submission) => (StatusCode::CREATED, submission),
        Creation::Same(submission) => (StatusCode::OK, submission),
        Creation::AlreadyPublished(mut submission) => {
            submission.already_published = true;
            (StatusCode::OK, submission)
        }
    };
    let mut response = answer(status, &submission);
    let location = HeaderValue::from_str(&format!("/v1/submissions/{}", submission.id));
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn idempotency_key(headers: &HeaderMap) -> Result<&str, Refusal> {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok());
    let key = key.filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    key.ok_or_else(|| {
        let detail = format!("expected `Idempotency-Key` with up to {MAX_KEY} printable characters");
        Refusal::with(Code::IdempotencyKeyRequired, detail)
    })
}
