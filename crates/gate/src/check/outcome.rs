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
    /// What is suffered for now, and will not be for ever.
    pub notes: Vec<Reason>,
    /// The slots of the reports that it rests on.
    pub slots: Vec<String>,
    /// Those of them against which nothing speaks, whatever they found.
    pub sound: Vec<String>,
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
#[non_exhaustive]
pub enum Code {
    /// No report of the kind was handed in.
    Missing,
    /// A report of another tool.
    ToolNotAccepted,
    /// A report in another format, or in an older version of it.
    FormatNotAccepted,
    /// The tool failed, or looked at nothing.
    ToolError,
    /// A report that says nothing, not even whose it is.
    UnattributedEmpty,
    /// It is not about this image, or this commit.
    Unbound,
    /// A verified provenance says that the image was built from another commit.
    CommitMismatch,
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
    /// A vulnerability that was found is used by attackers.
    Exploited,
    /// The gate asks for vulnerabilities that attackers use, and the service has no list of them.
    ExploitedUnknown,
    /// What was found does not pass, and is suffered until a date. It turns nobody away.
    Leeway,
    /// Tests failed.
    TestsFailed,
    /// There are fewer tests, components or kinds of reports than there have to be.
    TooFew,
    /// Built by somebody who is not believed.
    BuilderNotAccepted,
    /// A platform of the image has no configuration that was read.
    ConfigurationMissing,
    /// The image runs as root, or as a name of which nobody knows who it is.
    ImageUser,
    /// The image starts something else.
    ImageEntrypoint,
    /// The image lacks a label, or has something else in it.
    ImageLabel,
    /// The image is not there for a platform.
    ImagePlatform,
    /// The image is built upon something else, or does not say upon what.
    ImageBase,
    /// A condition of the gate does not hold.
    ConditionFailed,
    /// A condition of the gate came to no answer.
    ConditionError,
    /// The gate does not open for this issuer's jobs.
    SourceNotAccepted,
    /// The gate does not open for what is built from this reference.
    RefNotAccepted,
    /// The job runs on a machine that the gate does not believe.
    RunnerNotAccepted,
    /// Nobody has looked at the gate itself for too long.
    GateExpired,
}

/// Every code, with its name, what it says, and what to do.
pub const CODES: &[(Code, &str, &str, &str)] = &[
    (
        Code::Missing,
        "missing",
        "No report of the kind was handed in.",
        "hand in a report of the kind that the check names",
    ),
    (
        Code::ToolNotAccepted,
        "tool_not_accepted",
        "A report of another tool.",
        "run one of the tools that the check names",
    ),
    (
        Code::FormatNotAccepted,
        "format_not_accepted",
        "A report in another format, or in an older version of it.",
        "let the tool write one of the formats that the check names",
    ),
    (
        Code::ToolError,
        "tool_error",
        "The tool failed, or looked at nothing.",
        "look at the tool's own log, mend what stopped it, and run it again",
    ),
    (
        Code::UnattributedEmpty,
        "unattributed_empty",
        "A report that says nothing, not even whose it is.",
        "let the tool write SARIF, which says who wrote it also where nothing was found",
    ),
    (
        Code::Unbound,
        "unbound",
        "It is not about this image, or this commit.",
        "scan this image by its digest, or run the tool in the job of this commit",
    ),
    (
        Code::CommitMismatch,
        "commit_mismatch",
        "A verified provenance says that the image was built from another commit.",
        "submit from the job of the commit that the provenance names",
    ),
    (
        Code::CoverageMissing,
        "coverage_missing",
        "A platform of the image has no report.",
        "scan each platform of the image, and say with `--platform` which one a report is about",
    ),
    (
        Code::ProofTooWeak,
        "proof_too_weak",
        "Nobody who counts vouches for it.",
        "run the tool in a workflow of `trustedWorkflows`, or hand in its signed attestation",
    ),
    (
        Code::EvidenceReused,
        "evidence_reused",
        "It was handed in for another image before.",
        "run the tool again for this image",
    ),
    (Code::Stale, "stale", "It is too old.", "run the tool again"),
    (
        Code::InvalidTime,
        "invalid_time",
        "It comes out of the future.",
        "set the clock of the machine on which the tool runs",
    ),
    (
        Code::DbStale,
        "db_stale",
        "The tool's database is too old, or nobody knows how old it is.",
        "update the tool's database, and let the report say how old it is",
    ),
    (
        Code::Findings,
        "findings",
        "What was found does not pass.",
        "mend what was found",
    ),
    (
        Code::Exploited,
        "exploited",
        "A vulnerability that was found is used by attackers.",
        "update the package that has it: there is no leeway",
    ),
    (
        Code::ExploitedUnknown,
        "exploited_unknown",
        "The gate asks for vulnerabilities that attackers use, and the service has no list of them.",
        "the operator of the service gives it the list, or the gate does without `kev`",
    ),
    (
        Code::Leeway,
        "leeway",
        "What was found does not pass, and is suffered until a date. It turns nobody away.",
        "mend what was found before the date",
    ),
    (
        Code::TestsFailed,
        "tests_failed",
        "Tests failed.",
        "mend what the tests found",
    ),
    (
        Code::TooFew,
        "too_few",
        "There are fewer tests, components or kinds of reports than there have to be.",
        "let the tool look at everything: it may have been started in the wrong place",
    ),
    (
        Code::BuilderNotAccepted,
        "builder_not_accepted",
        "Built by somebody who is not believed.",
        "build with one of the builders that the check names",
    ),
    (
        Code::ConfigurationMissing,
        "configuration_missing",
        "A platform of the image has no configuration that was read.",
        "push the image again: its configuration could not be read",
    ),
    (
        Code::ImageUser,
        "image_user",
        "The image runs as root, or as a name of which nobody knows who it is.",
        "set `USER` to a number other than 0",
    ),
    (
        Code::ImageEntrypoint,
        "image_entrypoint",
        "The image starts something else.",
        "set `ENTRYPOINT` to what the gate allows",
    ),
    (
        Code::ImageLabel,
        "image_label",
        "The image lacks a label, or has something else in it.",
        "set the label with `LABEL` or `--label`",
    ),
    (
        Code::ImagePlatform,
        "image_platform",
        "The image is not there for a platform.",
        "build and push the image for the platform",
    ),
    (
        Code::ImageBase,
        "image_base",
        "The image is built upon something else, or does not say upon what.",
        "build upon one of the bases that the gate names, and let the builder write `org.opencontainers.image.base.name`",
    ),
    (
        Code::ConditionFailed,
        "condition_failed",
        "A condition of the gate does not hold.",
        "see the condition: it says what has to be so",
    ),
    (
        Code::ConditionError,
        "condition_error",
        "A condition of the gate came to no answer.",
        "ask with `has(…)` for what may be missing, or hand in a document that has it",
    ),
    (
        Code::SourceNotAccepted,
        "source_not_accepted",
        "The gate does not open for this issuer's jobs.",
        "submit from a job of an issuer that the gate names",
    ),
    (
        Code::RefNotAccepted,
        "ref_not_accepted",
        "The gate does not open for what is built from this reference.",
        "submit from a branch or a tag that the gate names",
    ),
    (
        Code::RunnerNotAccepted,
        "runner_not_accepted",
        "The job runs on a machine that the gate does not believe.",
        "run the job on a runner of the issuer's own",
    ),
    (
        Code::GateExpired,
        "gate_expired",
        "Nobody has looked at the gate itself for too long.",
        "the gate's owner looks at it and sets another `expires`",
    ),
];

impl Code {
    /// Its name.
    pub fn name(self) -> &'static str {
        let known = CODES.iter().find(|(code, ..)| *code == self);
        known.map_or("unknown", |(_, name, ..)| name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Outcome {
    pub(super) fn without_platforms() -> Self {
        Self {
            check: "image".to_owned(),
            status: Status::Failed,
            reasons: vec![Reason {
                code: Code::ImagePlatform,
                what: "there is no platform of the image that could be looked at".to_owned(),
            }],
            notes: Vec::new(),
            slots: Vec::new(),
            sound: Vec::new(),
        }
    }

    pub(super) fn expired(gate: &str) -> Self {
        Self {
            check: "gate".to_owned(),
            status: Status::Failed,
            reasons: vec![Reason {
                code: Code::GateExpired,
                what: format!("the gate `{gate}` has expired: its owner has to look at it and set a new date"),
            }],
            notes: Vec::new(),
            slots: Vec::new(),
            sound: Vec::new(),
        }
    }
}

/// The page of all codes.
pub fn markdown() -> String {
    let mut page = "# Reasons of gates

Each reason for which a gate turns an image away has a code that never changes its meaning. This page is made from the code.

| code | what it says | what to do |
|---|---|---|
"
    .to_owned();
    for (_, name, meaning, remedy) in CODES {
        page.push_str(&format!("| `{name}` | {meaning} | {remedy} |\n"));
    }
    page
}
