//! The answer as it is written (`k8s.io/api/admission/v1`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::Answer;
use crate::Patch;
use crate::review::API_VERSION;

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(super) uid: String,
    pub(super) answer: Answer,
    pub(super) message: String,
    pub(super) warnings: Vec<String>,
    pub(super) audit: BTreeMap<&'static str, String>,
    pub(super) patch: Option<Patch>,
}

impl Response {
    /// The uid of the request; empty if it had none.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// What the API server is told.
    pub fn answer(&self) -> Answer {
        self.answer
    }

    /// Whether the object may be stored.
    pub fn allowed(&self) -> bool {
        matches!(self.answer, Answer::Allowed)
    }

    /// The status that the API server's caller gets; 200 stands for what the API server itself has to say.
    pub fn code(&self) -> u16 {
        match self.answer {
            Answer::Allowed => 200,
            Answer::Denied => 400,
            Answer::Undecided => 503,
        }
    }

    /// What the caller reads when the object is turned away; empty when it is not.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the caller is warned of.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the audit log keeps, by key.
    pub fn audit_annotations(&self) -> &BTreeMap<&'static str, String> {
        &self.audit
    }

    /// What is changed in the object.
    pub fn patch(&self) -> Option<&Patch> {
        self.patch.as_ref()
    }

    /// The AdmissionReview to answer with.
    pub fn to_bytes(&self) -> Vec<u8> {
        let status = match self.answer {
            Answer::Allowed => None,
            Answer::Denied => Some("BadRequest"),
            Answer::Undecided => Some("ServiceUnavailable"),
        };
        let review = Envelope {
            api_version: API_VERSION,
            kind: "AdmissionReview",
            response: Body {
                uid: &self.uid,
                allowed: self.allowed(),
                status: status.map(|reason| Status {
                    status: "Failure",
                    message: &self.message,
                    reason,
                    code: self.code(),
                }),
                patch: self.patch.as_ref().map(|patch| STANDARD.encode(patch.to_json())),
                patch_type: self.patch.as_ref().map(|_| "JSONPatch"),
                audit_annotations: &self.audit,
                warnings: &self.warnings,
            },
        };
        serde_json::to_vec(&review).expect("strings, numbers and maps of strings are always JSON")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// `metav1.Status`. There is no `retryAfterSeconds`: with it every client would ask ten times more on its own, and a person
/// would wait at the terminal for a cause that is known already.
#[derive(Serialize)]
struct Status<'a> {
    status: &'static str,
    message: &'a str,
    reason: &'static str,
    code: u16,
}
