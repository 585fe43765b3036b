//! `PUT /v1/submissions/{id}/evidence/{slot}`: a report, recognised by its content, and stored without the secrets in it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_wire::{Code, EVIDENCE_PLATFORM, Evidence, MAX_SLOT_NAME, Problem};
use http::{HeaderMap, StatusCode};

use super::caller::Caller;
use super::{Refusal, answer, body};
use crate::service::{Service, Taken};

/// The longest name of a platform, in bytes.
const MAX_PLATFORM: usize = 64;

/// Hands in a report. The same bytes in the same slot are the same report.
#[utoipa::path(
    put,
    path = "/v1/submissions/{id}/evidence/{slot}",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The report as the tool wrote it; with `Content-Encoding: gzip` compressed"),
    params(
        ("id" = String, Path, description = "The submission"),
        ("slot" = String, Path, description = "A name for the report: letters, digits, `.`, `_` and `-`"),
        ("Content-Digest" = String, Header, description = "`sha-256=:<base64>:` of the bytes as sent (RFC 9530)"),
        ("Evidence-Format" = Option<String>, Header, description = "What the sender takes it for. The content decides."),
        ("Evidence-Platform" = Option<String>, Header, description = "The platform that it is about: `linux/arm64`"),
    ),
    responses(
        (status = 201, description = "Taken in", body = Evidence),
        (status = 200, description = "It was there already", body = Evidence),
        (status = 400, description = "`content_digest_required`", body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`slot_taken` or `already_sealed`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too_large` or `too_many_slots`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`content_digest_mismatch` or `report_refused`", body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn put(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    Path((id, slot)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    // Who may not is told before the body is read.
    let open = service.open_for_evidence(&job, &id).await?;
    if !is_slot(&slot) {
        let detail = format!("a slot's name has up to {MAX_SLOT_NAME} letters, digits, `.`, `_` and `-`");
        return Err(Refusal::with(Code::Malformed, detail));
    }
    let platform = platform(&headers)?;
    let place = service.place_for_upload().await?;
    let bytes = body::report(&headers, body).await?;
    let taken = service.take_in(&job, &open, &slot, platform, bytes).await?;
    drop(place);
    Ok(match taken {
        Taken::New(evidence) => answer(StatusCode::CREATED, &evidence),
        Taken::Same(evidence) => answer(StatusCode::OK, &evidence),
    })
}

fn is_slot(slot: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_SLOT_NAME).contains(&slot.len()) && slot.bytes().all(fits)
}

fn platform(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(platform) = headers.get(EVIDENCE_PLATFORM) else {
        return Ok(None);
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-');
    let platform = platform.to_str().ok();
    let platform = platform.filter(|text| (3..=MAX_PLATFORM).contains(&text.len()) && text.bytes().all(fits));
    match platform {
        Some(platform) => Ok(Some(platform)),
        None => Err(Refusal::with(
            Code::Malformed,
            "expected `Evidence-Platform` such as `linux/arm64`",
        )),
    }
}
