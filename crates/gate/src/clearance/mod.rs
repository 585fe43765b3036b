//! What may be signed of an image that a gate opens for: the exact statements, and no others.
//!
//! A clearance says what is so. There is no statement of something that failed: to `cosign verify` any statement of a key is a
//! signature of the image.

mod reports;
mod statements;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_evidence::ToBeSigned;
use countersign_image::{Digest, Pinned, Tag};
use jiff::Timestamp;
use thiserror::Error;

use crate::check::{Outcome, Submitted};
use crate::document::Gate;

/// Everything that a clearance is asked with.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// The gate, as it is now, above its floors.
    pub gate: &'a Gate,
    /// What is submitted, looked at again just now.
    pub submitted: &'a Submitted<'a>,
    /// The bytes of what was handed in, by slot: those that are attested whole.
    pub bodies: &'a BTreeMap<&'a str, &'a [u8]>,
    /// The submission.
    pub submission: &'a str,
    /// Who decides.
    pub verifier: &'a Verifier,
    /// What the decision was made upon, hex: the view's SHA-256, if the service has one.
    pub view_digest: Option<&'a str>,
    /// The number of the ledger's leaf that the decision is written in.
    pub log_index: Option<u64>,
    /// The time.
    pub now: Timestamp,
}

/// Who decides, as verification summaries name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// A URI of ours that never changes: `https://signer.corp/gate/v1`.
    pub id: String,
    /// Our own version.
    pub version: String,
    /// Where gates can be read: `https://signer.corp/v1/policies`.
    pub gates: String,
}

/// That a gate opened for an image, and what may be signed therefore. There is no other way to one than [`Clearance::open`].
///
/// ```compile_fail
/// # use countersign_gate::Clearance;
/// let forged = Clearance { statements: Vec::new() };
/// ```
#[derive(Clone, Debug)]
pub struct Clearance {
    destination: Pinned,
    tags: Vec<Tag>,
    outcomes: Vec<Outcome>,
    statements: Vec<Cleared>,
    copies: Vec<String>,
    valid_until: Option<Timestamp>,
}

/// One statement that may be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    kind: Kind,
    key: KeyRole,
    key_name: String,
    predicate_type: Option<&'static str>,
    content: Content,
}

/// What is signed, before it is written for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Simple(BTreeMap<String, String>),
    Sign(BTreeMap<String, String>),
    Predicate(String),
}

/// Which statement one is. With a submission and a key it is told apart from all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The signature as cosign 2 makes it: a simple-signing payload.
    Simple,
    /// The signature as cosign 3 makes it: a statement with the sign predicate.
    Sign,
    /// SLSA's verification summary.
    Vsa,
    /// The decision in its simple form.
    Svr,
    /// in-toto's vulnerability predicate, of the report in a slot.
    Vulns(String),
    /// cosign's vulnerability predicate, of the report in a slot.
    CosignVuln(String),
    /// The list of contents in a slot.
    Sbom(String),
    /// The result of a check of tests, of SAST or of a search for secrets.
    TestResult(String),
    /// Where the reports are that were weighed, by digest.
    References,
}

impl Kind {
    /// A stable name: `vsa`, `sbom:bom`.
    pub fn name(&self) -> String {
        match self {
            Self::Simple => "signature-simple".to_owned(),
            Self::Sign => "signature".to_owned(),
            Self::Vsa => "vsa".to_owned(),
            Self::Svr => "svr".to_owned(),
            Self::Vulns(slot) => format!("vulns:{slot}"),
            Self::CosignVuln(slot) => format!("cosign-vuln:{slot}"),
            Self::Sbom(slot) => format!("sbom:{slot}"),
            Self::TestResult(check) => format!("test-result:{check}"),
            Self::References => "references".to_owned(),
        }
    }
}

/// Which of the keys signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRole {
    /// The key of the signature.
    Release,
    /// The key of what is attested.
    Attest,
}

impl Cleared {
    /// Which statement it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Which key signs it.
    pub fn key(&self) -> KeyRole {
        self.key
    }

    /// That key's name, as the gate writes it.
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// The predicate type; `None` for a simple-signing payload.
    pub fn predicate_type(&self) -> Option<&'static str> {
        self.predicate_type
    }
}

impl Clearance {
    /// Asks the gate, and where it opens says what may be signed. What is signed is the same bytes for the same question.
    ///
    /// # Errors
    /// With every outcome where the gate does not open.
    pub fn open(opening: &Opening<'_>) -> Result<Self, Refusal> {
        statements::open(opening)
    }

    /// The image at the place where it is published.
    pub fn destination(&self) -> &Pinned {
        &self.destination
    }

    /// The tags that it gets there, last of all.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// What came of each check.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Each statement that may be signed, in the order in which they are.
    pub fn statements(&self) -> &[Cleared] {
        &self.statements
    }

    /// What a signer takes of one of them.
    pub fn to_be_signed(&self, cleared: &Cleared) -> ToBeSigned {
        statements::to_be_signed(&self.destination, cleared)
    }

    /// The slots whose bytes are published as they are, with somebody else's signature.
    pub fn copies(&self) -> &[String] {
        &self.copies
    }

    /// Until when what was decided holds.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }
}

/// Why nothing may be signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The gate does not open: a decision.
    #[error("the gate `{gate}` does not open")]
    Closed {
        /// The gate.
        gate: String,
        /// What came of each check.
        outcomes: Vec<Outcome>,
    },
    /// The gate says nothing of where to, or of how long.
    #[error("the gate `{gate}` does not say `{what}`")]
    Unsaid {
        /// The gate.
        gate: String,
        /// What it does not say.
        what: &'static str,
    },
    /// The place that the gate names is none.
    #[error("`{found}` is no {what} to publish to")]
    Place {
        /// What was to be named.
        what: &'static str,
        /// What came out, shortened.
        found: String,
    },
    /// The bytes of a report that is attested whole were not given, or are other bytes.
    #[error("the bytes in the slot `{slot}` are not those that were handed in")]
    Body {
        /// The slot.
        slot: String,
        /// What they were.
        expected: Digest,
    },
    /// A list of contents that the gate wants attested, and that cannot be.
    #[error("the list of contents in the slot `{slot}` cannot be attested: {why}")]
    Contents {
        /// The slot.
        slot: String,
        /// Why not.
        why: &'static str,
    },
    /// A validity beyond the end of time.
    #[error("{validity:?} from now is beyond what a time can say")]
    TooLong {
        /// The validity.
        validity: Duration,
    },
}
