//! Every way in which the registry says no, with the status, code and JSON of the specification's section "Error Codes".

use std::io;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_image::{Digest, DigestError, ManifestError};
use serde_json::json;
use thiserror::Error;

use super::MAX_MANIFEST;

/// Why a request is refused, as the client is told.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("there is nothing at this path")]
    Path,
    #[error("the method is not supported here; allowed: {allowed}")]
    Method { allowed: &'static str },
    #[error(
        "`{name}` is not a repository name: expected lower-case path components separated by `/`, at most {max} bytes"
    )]
    NameInvalid { name: String, max: usize },
    #[error("there is no repository `{name}`")]
    NameUnknown { name: String },
    #[error("`{text}` is not a digest that is supported here (sha256 or sha512, in lower-case hex)")]
    DigestInvalid {
        text: String,
        source: Option<Box<DigestError>>,
    },
    #[error("the content has the digest `{found}`, not `{expected}`")]
    DigestMismatch { expected: String, found: String },
    #[error("the repository holds no blob `{digest}`")]
    BlobUnknown { digest: Digest },
    #[error("there is no such upload in this repository; it may have been finished, cancelled, or idle for too long")]
    UploadUnknown,
    #[error("{0}")]
    UploadInvalid(String),
    #[error("no more of the body came for {} seconds", after.as_secs())]
    Stalled { after: Duration },
    #[error("the chunk begins at byte {found}, but the upload continues at byte {expected}")]
    OutOfOrder {
        expected: u64,
        found: u64,
        location: String,
    },
    #[error("the chunk's range spans {declared} bytes, its body {found}")]
    ChunkLength { declared: u64, found: u64 },
    #[error("the blob is larger than {limit} bytes")]
    BlobTooLarge { limit: u64 },
    #[error("{open} uploads are open already, {theirs} of them by the same user")]
    TooManyUploads { open: usize, theirs: usize },
    #[error("the range lies outside the blob's {size} bytes")]
    RangeOutside { size: u64 },
    #[error("the repository holds no manifest `{reference}`")]
    ManifestUnknown { reference: String },
    #[error("`{reference}` is neither a tag nor a digest")]
    ReferenceInvalid { reference: String },
    #[error("the manifest is larger than {MAX_MANIFEST} bytes")]
    ManifestTooLarge,
    #[error("the manifest is refused")]
    ManifestInvalid { source: Box<ManifestError> },
    #[error("the manifest refers to content that the repository does not hold")]
    ContentUnknown { missing: Vec<Digest> },
    #[error("more than {limit} tags in one request")]
    TooManyTags { limit: usize },
    #[error("the tag was changed by somebody else meanwhile")]
    Precondition,
    #[error("`n` must be a number that is not negative")]
    PageInvalid,
    #[error("the registry is full: at most {limit} {what}")]
    Full { what: &'static str, limit: u64 },
    #[error("the storage failed")]
    Storage {
        #[from]
        source: io::Error,
    },
    #[error("the change was interrupted")]
    Interrupted,
    /// `challenge` says where a token is had, and for what.
    #[error("a token is wanted that allows this")]
    Unauthorized { challenge: HeaderValue },
    #[error("the user may not do this here")]
    Denied,
    #[error("a user and the right password are wanted")]
    Login,
    #[error("too many others are logging in")]
    TooManyLogins,
    #[error("a token is asked for more than {limit} scopes")]
    TooManyScopes { limit: usize },
    #[error("no token is given: {0}")]
    TokenRequest(&'static str),
    #[error("the request does not say which host it is for")]
    Host,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Path
            | Self::NameUnknown { .. }
            | Self::BlobUnknown { .. }
            | Self::UploadUnknown
            | Self::ManifestUnknown { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NameInvalid { .. }
            | Self::DigestInvalid { .. }
            | Self::DigestMismatch { .. }
            | Self::UploadInvalid(_)
            | Self::ChunkLength { .. }
            | Self::ReferenceInvalid { .. }
            | Self::ManifestInvalid { .. }
            | Self::ContentUnknown { .. }
            | Self::TooManyScopes { .. }
            | Self::TokenRequest(_)
            | Self::Host
            | Self::PageInvalid => StatusCode::BAD_REQUEST,
            Self::Unauthorized { .. } | Self::Login => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Stalled { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::OutOfOrder { .. } | Self::RangeOutside { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::BlobTooLarge { .. } | Self::ManifestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyUploads { .. } | Self::TooManyLogins => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManyTags { .. } => StatusCode::URI_TOO_LONG,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Storage { .. } | Self::Interrupted => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Path
            | Self::Method { .. }
            | Self::PageInvalid
            | Self::TooManyScopes { .. }
            | Self::TokenRequest(_)
            | Self::Host => "UNSUPPORTED",
            Self::Unauthorized { .. } | Self::Login => "UNAUTHORIZED",
            Self::NameInvalid { .. } => "NAME_INVALID",
            Self::NameUnknown { .. } => "NAME_UNKNOWN",
            Self::DigestInvalid { .. } | Self::DigestMismatch { .. } => "DIGEST_INVALID",
            Self::BlobUnknown { .. } => "BLOB_UNKNOWN",
            Self::UploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::UploadInvalid(_) | Self::Stalled { .. } | Self::OutOfOrder { .. } => "BLOB_UPLOAD_INVALID",
            Self::ChunkLength { .. }
            | Self::RangeOutside { .. }
            | Self::BlobTooLarge { .. }
            | Self::ManifestTooLarge => "SIZE_INVALID",
            Self::TooManyUploads { .. } | Self::TooManyLogins => "TOOMANYREQUESTS",
            Self::ManifestUnknown { .. } => "MANIFEST_UNKNOWN",
            Self::ReferenceInvalid { .. } | Self::ManifestInvalid { .. } | Self::TooManyTags { .. } => {
                "MANIFEST_INVALID"
            }
            Self::ContentUnknown { .. } => "MANIFEST_BLOB_UNKNOWN",
            Self::Denied | Self::Precondition | Self::Full { .. } | Self::Storage { .. } | Self::Interrupted => {
                "DENIED"
            }
        }
    }

    /// The message with its causes, for the client: none of them tells more than what the client sent.
    fn message(&self) -> String {
        let mut message = self.to_string();
        if let Self::Storage { .. } = self {
            return message;
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        message
    }

    fn body(&self) -> serde_json::Value {
        let (code, message) = (self.code(), self.message());
        let errors = match self {
            Self::ContentUnknown { missing } => missing
                .iter()
                .map(|digest| json!({ "code": code, "message": message, "detail": { "digest": digest.to_string() } }))
                .collect(),
            _ => vec![json!({ "code": code, "message": message })],
        };
        json!({ "errors": errors })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Self::Storage { source } = &self {
            tracing::error!(
                error = source as &dyn std::error::Error,
                "the registry's storage failed"
            );
        }
        let body = self.body().to_string();
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.status(), json, body).into_response();
        let headers = response.headers_mut();
        match &self {
            Self::Method { allowed } => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Self::Unauthorized { challenge } => {
                headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Self::Login => {
                let basic = HeaderValue::from_static("Basic realm=\"countersign-registry\", charset=\"UTF-8\"");
                headers.insert(header::WWW_AUTHENTICATE, basic);
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Self::TooManyUploads { .. } | Self::TooManyLogins => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
            }
            Self::OutOfOrder { expected, location, .. } => {
                super::ranges::tell_upload(headers, location, *expected);
            }
            Self::RangeOutside { size } => {
                let outside = HeaderValue::try_from(format!("bytes */{size}")).expect("digits are a header value");
                headers.insert(header::CONTENT_RANGE, outside);
            }
            _ => {}
        }
        response
    }
}
