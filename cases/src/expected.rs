//! What must come of a case: `expected.json`.
//!
//! It names what is stable (verdicts, reason codes, kinds of ground) and no words of any message, so that wording can get
//! better without touching a case.

use std::fmt;

use countersign_policy::{Enforcement, Judgement, Verdict};
use serde::{Deserialize, Serialize};

/// The verdict, and what each policy had to say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// `admit`, `deny` or `undecided`, which the directory's name repeats.
    pub verdict: String,
    /// One per governing policy, in the order of their names.
    pub rulings: Vec<ExpectedRuling>,
}

/// What one policy had to say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRuling {
    /// The policy's name; absent where no policy governs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<String>,
    /// `enforce` or `warn`.
    pub enforcement: String,
    /// `admit`, `deny` or `undecided`.
    pub verdict: String,
    /// The kinds of ground of an `admit`; the reason codes of the others.
    pub because: Vec<String>,
}

impl Expected {
    /// What did come of a case, in the form of what must.
    #[must_use]
    pub fn of(judgement: &Judgement) -> Self {
        let rulings = judgement.rulings().iter().map(|ruling| ExpectedRuling {
            policy: ruling.policy().map(str::to_owned),
            enforcement: word(ruling.enforcement()).to_owned(),
            verdict: ruling.verdict().word().to_owned(),
            because: because(ruling.verdict()),
        });
        Self {
            verdict: judgement.verdict().word().to_owned(),
            rulings: rulings.collect(),
        }
    }

    /// The document, with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("strings and lists always have a JSON form");
        json + "\n"
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.verdict)?;
        for ruling in &self.rulings {
            let policy = ruling.policy.as_deref().unwrap_or("(no policy)");
            write!(
                formatter,
                " · {policy} ({}): {} {:?}",
                ruling.enforcement, ruling.verdict, ruling.because
            )?;
        }
        Ok(())
    }
}

fn because(verdict: &Verdict) -> Vec<String> {
    let grounds = verdict.grounds().map(|ground| ground.kind().word().to_owned());
    let codes = verdict.reasons().map(|reason| reason.code().as_str().to_owned());
    grounds.chain(codes).collect()
}

fn word(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Enforce => "enforce",
        Enforcement::Warn => "warn",
    }
}
