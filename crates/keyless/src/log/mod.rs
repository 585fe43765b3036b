//! The transparency logs: Rekor, by either version of its interface.

mod first;
mod second;
mod wire;

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::authority::{below, json};
use crate::services::Service;
use crate::web::{Ask, Party, Web, WebError};

/// The most bytes of an entry with its proof, beside what was sent.
const CAP: usize = 256 * 1024;

/// What is to be logged.
pub(crate) struct Submission<'a> {
    /// What the key signed.
    pub(crate) message: &'a [u8],
    /// The envelope that holds it, JSON; `None` for a file.
    pub(crate) envelope: Option<&'a [u8]>,
    pub(crate) signature: &'a [u8],
    /// DER.
    pub(crate) certificate: &'a [u8],
}

impl Submission<'_> {
    /// SHA-256, which is what the key signs with.
    fn digest(&self) -> Vec<u8> {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.message)
            .as_ref()
            .to_vec()
    }
}

/// Logs a signature, and gives back the entry as bundles hold it: protobuf's JSON of `TransparencyLogEntry`. Whether it
/// holds is the verifier's question.
pub(crate) async fn enter(
    web: &Web,
    log: &Service,
    submission: &Submission<'_>,
    deadline: Instant,
) -> Result<Box<RawValue>, WebError> {
    let entry = match log.version {
        1 => first::enter(web, log, submission, deadline).await?,
        _ => second::enter(web, log, submission, deadline).await?,
    };
    serde_json::value::to_raw_value(&entry).map_err(|_| WebError::unreadable(Party::Log, "an entry"))
}

async fn send(
    web: &Web,
    log: &Service,
    path: &str,
    proposed: &impl Serialize,
    deadline: Instant,
) -> Result<Bytes, WebError> {
    let body = json(proposed);
    let ask = Ask {
        party: Party::Log,
        method: Method::POST,
        url: below(&log.url, path),
        headers: HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ]),
        cap: CAP + 2 * body.len(),
        body,
    };
    web.ask(&ask, deadline).await
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
