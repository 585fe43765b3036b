//! A problem (RFC 9457) as the door answers it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::Code;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:countersign:problem:` and the code.
    pub r#type: String,
    /// What kind of thing went wrong: the same for each problem of the code.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// The code: what programs look at.
    pub code: Code,
    /// What exactly went wrong this time, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A finer word for the same, such as the reason why a token was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Problem {
    /// A problem that says no more than its code.
    pub fn new(code: Code) -> Self {
        Self {
            r#type: format!("urn:countersign:problem:{}", code.name()),
            title: code.meaning().to_owned(),
            status: code.status(),
            code,
            detail: None,
            reason: None,
        }
    }
}
