//! Who asks: the session in `Authorization: Bearer …`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_identity::SessionToken;
use countersign_wire::Code;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::Refusal;
use crate::service::{Job, Service};

/// A job with a session that is not over.
pub(super) struct Caller(pub(super) Job);

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Refusal> {
        let mut shown = parts.headers.get_all(AUTHORIZATION).iter();
        let (first, second) = (shown.next(), shown.next());
        let text = first.filter(|_| second.is_none()).and_then(|shown| shown.to_str().ok());
        let text = text.and_then(|text| {
            let (scheme, rest) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
        });
        let token = text.and_then(|text| SessionToken::read(text).ok());
        let token = token.ok_or_else(|| {
            Refusal::with(
                Code::SessionRequired,
                "expected `Authorization: Bearer` and a session from `POST /v1/session`",
            )
        })?;
        let found = service.session(&token).await?;
        found
            .map(Self)
            .ok_or_else(|| Refusal::with(Code::SessionRequired, "the session is over, or there never was one"))
    }
}
