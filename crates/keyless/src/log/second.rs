//! Rekor's second version: every signature is a `hashedrekord` 0.0.2, that of an envelope over its encoding.
//!
//! Source: `CLIENTS.md` and `rekor_service.proto` of `sigstore/rekor-tiles` 2.3.

use std::time::Instant;

use serde::Serialize;

use super::wire::LogEntry;
use super::{Submission, base64, send};
use crate::services::Service;
use crate::web::{Party, Web, WebError};

#[derive(Serialize)]
struct Proposed {
    #[serde(rename = "hashedRekordRequestV002")]
    hashed_rekord: HashedRekord,
}

#[derive(Serialize)]
struct HashedRekord {
    digest: String,
    signature: Signature,
}

#[derive(Serialize)]
struct Signature {
    content: String,
    verifier: Verifier,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verifier {
    x509_certificate: Certificate,
    key_details: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    raw_bytes: String,
}

/// It answers once the entry is below a checkpoint, which may take some seconds.
pub(super) async fn enter(
    web: &Web,
    log: &Service,
    submission: &Submission<'_>,
    deadline: Instant,
) -> Result<LogEntry, WebError> {
    let proposed = Proposed {
        hashed_rekord: HashedRekord {
            digest: base64(&submission.digest()),
            signature: Signature {
                content: base64(submission.signature),
                verifier: Verifier {
                    x509_certificate: Certificate {
                        raw_bytes: base64(submission.certificate),
                    },
                    key_details: "PKIX_ECDSA_P256_SHA_256",
                },
            },
        },
    };
    let answer = send(web, log, "api/v2/log/entries", &proposed, deadline).await?;
    let entry: LogEntry = countersign_image::json::strict(&answer)
        .map_err(|_| WebError::unreadable(Party::Log, "the JSON of an entry with its proof"))?;
    Ok(LogEntry {
        // It writes 0 for a time that it does not say.
        integrated_time: None,
        ..entry
    })
}
