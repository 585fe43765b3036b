//! A job's token for a session.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/session`: a token for a session. The token counts once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// The OIDC token that the pipeline gave its job, with this service as its audience.
    pub subject_token: String,
}

/// A session: shown as `Authorization: Bearer …` from now on.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The session itself. Nothing can be read from it.
    pub session: String,
    /// When it is over.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
    /// Whom it stands for.
    pub submitter: Whom,
}

/// Whom a session stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whom {
    /// The name that the service has for the issuer.
    pub issuer: String,
    /// The subject, as the token has it.
    pub subject: String,
    /// The repository, by the number that stays when it is renamed.
    pub repository_id: String,
    /// The repository's name, for people.
    pub repository: String,
    /// The commit that the job runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}
