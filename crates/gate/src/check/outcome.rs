//! What came of one check.

use std::fmt;

/// What came of one check, with all that speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The check's name.
    pub check: String,
    /// What it comes to.
    pub status: Status,
    /// What was found wanting, each with its code and in words.
    pub reasons: Vec<Reason>,
    /// The slots of the reports that it rests on.
    pub slots: Vec<String>,
}

/// One thing that was found wanting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which kind of thing.
    pub code: Code,
    /// What exactly, in words.
    pub what: String,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is passed.
    Passed,
    /// It is not, and says so without turning the image away.
    Warned,
    /// It is not, and turns the image away.
    Failed,
    /// Nothing was handed in, and nothing has to be.
    Skipped,
}

/// What can be wanting. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// No report of the kind was handed in.
    Missing,
    /// A report of another tool.
    ToolNotAccepted,
    /// The tool failed, or looked at nothing.
    ToolError,
    /// A report that says nothing, not even whose it is.
    UnattributedEmpty,
    /// It is not about this image, or this commit.
    Unbound,
    /// A platform of the image has no report.
    CoverageMissing,
    /// Nobody who counts vouches for it.
    ProofTooWeak,
    /// It was handed in for another image before.
    EvidenceReused,
    /// It is too old.
    Stale,
    /// It comes out of the future.
    InvalidTime,
    /// The tool's database is too old, or nobody knows how old it is.
    DbStale,
    /// What was found does not pass.
    Findings,
    /// Tests failed.
    TestsFailed,
    /// There are fewer tests or components than there have to be.
    TooFew,
    /// Built by somebody who is not believed.
    BuilderNotAccepted,
    /// Nobody has looked at the gate itself for too long.
    GateExpired,
}

impl Code {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::ToolNotAccepted => "tool_not_accepted",
            Self::ToolError => "tool_error",
            Self::UnattributedEmpty => "unattributed_empty",
            Self::Unbound => "unbound",
            Self::CoverageMissing => "coverage_missing",
            Self::ProofTooWeak => "proof_too_weak",
            Self::EvidenceReused => "evidence_reused",
            Self::Stale => "stale",
            Self::InvalidTime => "invalid_time",
            Self::DbStale => "db_stale",
            Self::Findings => "findings",
            Self::TestsFailed => "tests_failed",
            Self::TooFew => "too_few",
            Self::BuilderNotAccepted => "builder_not_accepted",
            Self::GateExpired => "gate_expired",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Outcome {
    pub(super) fn expired(gate: &str) -> Self {
        Self {
            check: "gate".to_owned(),
            status: Status::Failed,
            reasons: vec![Reason {
                code: Code::GateExpired,
                what: format!("the gate `{gate}` has expired: its owner has to look at it and set a new date"),
            }],
            slots: Vec::new(),
        }
    }
}
