//! `GET /v1/keys`: the public halves of every key that ever signed here. Nobody has to say who he is for that.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use countersign_wire::{Code, Keys, Problem};
use http::{HeaderValue, StatusCode, header};

use super::{Refusal, answer};
use crate::service::Service;

/// Every version of every key that was ever used.
#[utoipa::path(get, path = "/v1/keys", responses((status = 200, body = Keys)))]
pub(super) async fn all(State(service): State<Arc<Service>>) -> Result<Response, Refusal> {
    let keys = service.keys().await?;
    Ok(answer(StatusCode::OK, &Keys { keys }))
}

/// The public half of one version: `/v1/keys/release/1.pem`.
#[utoipa::path(
    get,
    path = "/v1/keys/{name}/{file}",
    params(
        ("name" = String, Path, description = "What it signs: `release`, `attest`, `emergency` or `log`"),
        ("file" = String, Path, description = "The version, and `.pem`"),
    ),
    responses(
        (status = 200, description = "The public half", body = String, content_type = "application/x-pem-file"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pem(
    State(service): State<Arc<Service>>,
    Path((name, file)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let version = file
        .strip_suffix(".pem")
        .and_then(|version| version.parse::<u64>().ok());
    let version = version.ok_or_else(|| Refusal::new(Code::NotFound))?;
    let keys = service.keys().await?;
    let key = keys.into_iter().find(|key| key.name == name && key.version == version);
    let key = key.ok_or_else(|| Refusal::new(Code::NotFound))?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"))];
    Ok((headers, key.pem).into_response())
}
