//! `POST /v1/session`: a job's token for a session.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use countersign_identity::{Class, Refused};
use countersign_wire::{Code, NewSession, Problem, Session};
use http::{HeaderMap, StatusCode};

use super::{Refusal, answer, body};
use crate::service::{Opened, Service, whom};

/// A token for a session. The token counts once, and the session for a quarter of an hour.
#[utoipa::path(
    post,
    path = "/v1/session",
    request_body = NewSession,
    responses(
        (status = 201, description = "A session", body = Session),
        (status = 401, description = "`token_refused` (the reason says which way) or `jti_replayed`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`event_not_allowed` or `job_not_allowed`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: the issuer's keys cannot be obtained", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn open(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (question, _): (NewSession, _) = body::question(&headers, body).await?;
    match service.open_session(&question.subject_token).await? {
        Opened::Session {
            token,
            expires,
            submitter,
        } => {
            let session = Session {
                session: token.expose().to_owned(),
                expires,
                submitter: whom(&submitter),
            };
            Ok(answer(StatusCode::CREATED, &session))
        }
        Opened::Refused(refused) => Err(of(&refused)),
        Opened::Replayed => Err(Refusal::with(
            Code::JtiReplayed,
            "this token was exchanged for a session before: use that session, or have the job ask for a new token",
        )),
    }
}

fn of(refused: &Refused) -> Refusal {
    let code = match refused.class() {
        Class::Token => Code::TokenRefused,
        Class::Event => Code::EventNotAllowed,
        Class::Job => Code::JobNotAllowed,
        Class::Unavailable => Code::Unavailable,
    };
    let refusal = Refusal::with(code, refused.detail()).reason(refused.code().name());
    if code == Code::Unavailable {
        refusal.after(10)
    } else {
        refusal
    }
}
