//! `GET /v1/ledger/…`: the ledger as its tiles (C2SP tlog-tiles), for whoever wants to hold us to it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use countersign_ledger::Tile;
use countersign_wire::{Code, Problem};
use http::{HeaderValue, header};

use super::Refusal;
use crate::service::Service;

/// The newest checkpoint that the log has signed.
#[utoipa::path(
    get,
    path = "/v1/ledger/checkpoint",
    responses((status = 200, description = "A signed note", body = String, content_type = "text/plain"))
)]
pub(super) async fn checkpoint(State(service): State<Arc<Service>>) -> Result<Response, Refusal> {
    let note = service
        .checkpoint()
        .await?
        .ok_or_else(|| Refusal::new(Code::NotFound))?;
    Ok(text(note))
}

/// A tile of hashes or entries: `/v1/ledger/tile/0/000`, `/v1/ledger/tile/entries/000.p/17`.
#[utoipa::path(
    get,
    path = "/v1/ledger/tile/{*path}",
    params(("path" = String, Path, description = "`<level>/<index>[.p/<width>]` or `entries/<index>[.p/<width>]`")),
    responses(
        (status = 200, description = "The tile", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn tile(State(service): State<Arc<Service>>, Path(path): Path<String>) -> Result<Response, Refusal> {
    let tile = Tile::parse(&format!("tile/{path}")).map_err(|_| Refusal::new(Code::NotFound))?;
    let bytes = service.tile(&tile).await?.ok_or_else(|| Refusal::new(Code::NotFound))?;
    // A partial tile of one width never changes either.
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
    ];
    Ok((headers, bytes).into_response())
}

/// The receipt of one entry (C2SP tlog-proof), with the entry as extra data.
#[utoipa::path(
    get,
    path = "/v1/ledger/proof/{index}",
    params(("index" = u64, Path, description = "The entry's number, from 0")),
    responses(
        (status = 200, description = "The receipt", body = String, content_type = "text/plain"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn proof(State(service): State<Arc<Service>>, Path(index): Path<String>) -> Result<Response, Refusal> {
    let index = index.parse().map_err(|_| Refusal::new(Code::NotFound))?;
    let receipt = service
        .receipt(index)
        .await?
        .ok_or_else(|| Refusal::new(Code::NotFound))?;
    Ok(text(receipt))
}

fn text(text: String) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
