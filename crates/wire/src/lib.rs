//! What a pipeline and the signing door say to each other under `/v1`: the JSON of questions and answers, and the codes of
//! problems. No server and no client is behind these types; both sides use them.
#![warn(missing_docs)]

mod code;
mod images;
mod problem;
mod session;
mod simulation;
mod state;
mod submission;

pub use code::{Code, Kind};
pub use images::{ImageHistory, Key, KeyStatus, Keys};
pub use problem::{PROBLEM_JSON, Problem};
pub use session::{NewSession, Session, Whom};
pub use simulation::{NewSimulation, Simulated, Simulation};
pub use state::State;
pub use submission::{
    Check, CheckStatus, Evidence, GateName, ImageName, NewSubmission, Promotion, Published, Reason, Signature, Source,
    Submission,
};

/// The header that makes the creation of a submission safe to repeat.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header that says the digest of a report's bytes as sent (RFC 9530): `sha-256=:<base64>:`.
pub const CONTENT_DIGEST: &str = "content-digest";
/// The header that says which platform of the image a report is about: `linux/arm64`.
pub const EVIDENCE_PLATFORM: &str = "evidence-platform";

/// The most bytes of a report as sent.
pub const MAX_REPORT_WIRE: usize = 32 << 20;
/// The most bytes of a report that was sent compressed.
pub const MAX_REPORT: usize = 256 << 20;
/// The most reports of one submission.
pub const MAX_SLOTS: usize = 64;
/// The longest name of a slot, in bytes: letters, digits, `.`, `_` and `-`.
pub const MAX_SLOT_NAME: usize = 64;
/// The longest that an answer is waited for with `?wait=`, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 60;
