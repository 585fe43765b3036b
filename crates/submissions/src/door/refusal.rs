//! Why a request got nothing, as the answer that says so.

use std::fmt;

use axum::response::{IntoResponse, Response};
use countersign_store::StoreError;
use countersign_wire::{Code, PROBLEM_JSON, Problem};
use http::{HeaderValue, StatusCode, header};

/// A problem on its way out. What broke inside is in the log, never in the answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Problem,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(code: Code) -> Self {
        Self {
            problem: Problem::new(code),
            retry_after: None,
        }
    }

    /// What exactly, for people. Nothing of a token or a body may be in it.
    pub(crate) fn with(code: Code, detail: impl fmt::Display) -> Self {
        Self::new(code).detail(detail)
    }

    pub(crate) fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.problem.detail = Some(detail.to_string());
        self
    }

    /// A finer word, which another list has.
    pub(crate) fn reason(mut self, reason: impl Into<String>) -> Self {
        self.problem.reason = Some(reason.into());
        self
    }

    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What is not the caller's fault: the log has it whole.
    pub(crate) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error = %Chain(error), "a request could not be answered");
        Self::new(Code::Unavailable).after(5)
    }

    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Chain(error), "a request broke");
        Self::new(Code::Internal)
    }

    pub(crate) fn code(&self) -> Code {
        self.problem.code
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).expect("texts and numbers are always JSON");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// An error with all that it rests on, in one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_passing() {
            Self::unavailable(&error)
        } else {
            Self::internal(&error)
        }
    }
}
