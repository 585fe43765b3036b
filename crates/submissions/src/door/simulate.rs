//! `POST /v1/gates:simulate`: what another gate would have said.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use countersign_wire::{NewSimulation, Problem, Simulation};
use http::{HeaderMap, StatusCode};

use super::caller::Caller;
use super::{Refusal, answer, body};
use crate::service::Service;

/// What a candidate would have said of the latest submissions that the session may see. Nothing is changed by it.
#[utoipa::path(
    post,
    path = "/v1/gates:simulate",
    request_body = NewSimulation,
    responses(
        (status = 200, body = Simulation),
        (status = 422, description = "`gate_refused`", body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn simulate(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (question, _): (NewSimulation, _) = body::question(&headers, body).await?;
    Ok(answer(StatusCode::OK, &service.simulate(&job, question).await?))
}
