//! How far a submission has come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a submission has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum State {
    /// Evidence is taken in.
    Received,
    /// The gate is asked.
    Evaluating,
    /// The gate waits for people.
    AwaitingApproval,
    /// The keys are asked.
    Signing,
    /// It is on its way to the registry.
    Publishing,
    /// It is there, signed. This is the end.
    Published,
    /// The gate said no. This is the end.
    Rejected,
    /// Something broke that did not pass by itself; it can be tried again.
    Failed,
    /// It was left lying for too long. This is the end.
    Expired,
    /// Somebody stopped it. This is the end.
    Cancelled,
    /// It was published, and must not run any more. This is the end.
    Revoked,
    /// A state of a later version than this reader's.
    #[serde(other)]
    Unknown,
}

impl State {
    /// Whether nothing happens any more unless somebody asks for it.
    pub fn is_settled(self) -> bool {
        matches!(
            self,
            Self::Published | Self::Rejected | Self::Failed | Self::Expired | Self::Cancelled | Self::Revoked
        )
    }
}
