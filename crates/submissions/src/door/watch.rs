//! Watching a submission: asked once, asked until something happens, or told of each step.
#![allow(
    unused_qualifications,
    reason = "what the macro of utoipa writes for the parameters of a query"
)]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use countersign_wire::{Code, MAX_WAIT_SECONDS, Problem, Submission};
use futures_util::stream;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::{Refusal, answer};
use crate::service::Service;

/// How long one stream of events goes on: then the caller asks again, with a session that is still good.
const LONGEST_STREAM: Duration = Duration::from_secs(15 * 60);

/// How to wait.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Waiting {
    /// The answer may come so many seconds later, at most 60.
    wait: Option<u64>,
    /// Wait until the version is above this one. Without it: until nothing happens any more by itself.
    since: Option<u64>,
}

/// A submission as it is now, or as it is once something has happened.
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}",
    params(("id" = String, Path, description = "The submission"), Waiting),
    responses(
        (status = 200, body = Submission),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn one(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    Path(id): Path<String>,
    waiting: Result<Query<Waiting>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Waiting { wait, since }) = waiting.map_err(|error| Refusal::with(Code::Malformed, error.body_text()))?;
    let wait = wait.unwrap_or(0).min(MAX_WAIT_SECONDS);
    let deadline = Instant::now() + Duration::from_secs(wait);
    let mut submission = service.see(&job, &id).await?;
    loop {
        let over = match since {
            Some(since) => submission.version > since,
            None => submission.state.is_settled(),
        };
        if over || Instant::now() >= deadline {
            return Ok(answer(StatusCode::OK, &submission));
        }
        submission = service.see_after(&job, &id, submission.version, deadline).await?;
    }
}

/// A submission at each of its steps, as server-sent events (`event: submission`), until nothing happens any more by itself.
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}/events",
    params(("id" = String, Path, description = "The submission")),
    responses(
        (status = 200, description = "Events whose data is the submission", body = Submission, content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub(super) async fn events(
    State(service): State<Arc<Service>>,
    Caller(job): Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let first = service.see(&job, &id).await?;
    let end = Instant::now() + LONGEST_STREAM;
    let steps = stream::unfold(Some((first, true)), move |next| {
        let (service, job, id) = (Arc::clone(&service), job.clone(), id.clone());
        async move {
            let (mut submission, mut fresh) = next?;
            loop {
                if fresh {
                    let data = serde_json::to_string(&submission).ok()?;
                    let event = Event::default()
                        .event("submission")
                        .id(submission.version.to_string())
                        .data(data);
                    let next = (!submission.state.is_settled()).then_some((submission, false));
                    return Some((Ok::<_, Infallible>(event), next));
                }
                if Instant::now() >= end {
                    return None;
                }
                let later = service.see_after(&job, &id, submission.version, end).await.ok()?;
                fresh = later.version > submission.version;
                submission = later;
            }
        }
    });
    Ok(Sse::new(steps).keep_alive(KeepAlive::default()).into_response())
}
