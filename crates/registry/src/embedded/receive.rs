//! The body of a request: how long it claims to be, and its bytes as they come, waited for with limited patience.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use super::refusal::Refusal;

/// A body that must not fall silent for longer than it was told.
pub(super) struct Receiving {
    body: Body,
    stall: Duration,
}

impl Receiving {
    pub(super) fn new(body: Body, stall: Duration) -> Self {
        Self { body, stall }
    }

    /// The next bytes. None after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = tokio::time::timeout(self.stall, self.body.frame()).await;
            match frame.map_err(|_| Refusal::Stalled { after: self.stall })? {
                None => return Ok(None),
                Some(Err(error)) => return Err(Refusal::UploadInvalid(format!("the body broke off: {error}"))),
                // Trailers say nothing to a registry.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(_trailers) => {}
                },
            }
        }
    }

    /// All of it, if it is no longer than `limit`.
    pub(super) async fn whole(mut self, limit: usize) -> Result<Bytes, Refusal> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > limit {
                return Err(Refusal::ManifestTooLarge);
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
