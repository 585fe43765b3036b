//! What another gate would have said of what was submitted before.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::submission::Check;

/// `POST /v1/gates:simulate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSimulation {
    /// The candidate: the text of a `Gate` document.
    pub gate: String,
    /// How many of the latest submissions are looked at; at most 200, 50 where nothing is said.
    #[serde(default)]
    pub last: Option<usize>,
}

/// What would have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Simulation {
    /// How many submissions were looked at.
    pub looked_at: usize,
    /// Those that would have come out otherwise.
    pub changed: Vec<Simulated>,
}

/// A submission that would have come out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Simulated {
    /// Its name.
    pub submission: String,
    /// The image.
    pub image: String,
    /// Whether the gate opened then.
    pub opened: bool,
    /// Whether the candidate would open.
    pub would_open: bool,
    /// What would have come of the candidate's checks.
    pub checks: Vec<Check>,
}
