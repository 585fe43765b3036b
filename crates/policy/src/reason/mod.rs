//! Why an image is kept out, in words for the people who have to do something about it.
//!
//! The same words stand in kubectl, the log, the event and the command line. Each reason has a [`ReasonCode`] that never
//! changes its meaning; each code has a page in `docs/reasons.md`, which [`markdown`] writes.

mod code;

mod catalogue;
mod markdown;

use std::fmt;
use std::sync::Arc;

pub use self::catalogue::ReasonCode;
pub use self::code::Outcome;
pub use self::markdown::markdown;
use crate::verdict::{NonEmpty, Verdict};

/// One reason: what happened, what was looked for, what was found, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    code: ReasonCode,
    policy: Option<Arc<str>>,
    authority: Option<Arc<str>>,
    /// Whether the sentence names the authority by itself.
    named: bool,
    what: String,
    expected: Vec<String>,
    looked: Vec<String>,
    found: Vec<String>,
    next: Option<String>,
}

impl Reason {
    /// A reason; `what` is one sentence that says what happened, without a full stop.
    pub fn new(code: ReasonCode, what: impl Into<String>) -> Self {
        Self {
            code,
            policy: None,
            authority: None,
            named: false,
            what: what.into(),
            expected: Vec::new(),
            looked: Vec::new(),
            found: Vec::new(),
            next: None,
        }
    }

    /// Names the policy that was not satisfied.
    #[must_use]
    pub fn with_policy(self, policy: impl Into<Arc<str>>) -> Self {
        Self {
            policy: Some(policy.into()),
            ..self
        }
    }

    /// Names the authority, within the policy.
    #[must_use]
    pub fn with_authority(self, authority: impl Into<Arc<str>>) -> Self {
        Self {
            authority: Some(authority.into()),
            ..self
        }
    }

    /// A key given by hand is an authority that is called after the key: where the sentence names the key, the
    /// headline does not name it twice.
    #[must_use]
    pub(crate) fn of_a_key_by_hand(self) -> Self {
        let named = self.authority.as_ref().is_some_and(|name| self.what.contains(&**name));
        Self { named, ..self }
    }

    /// Says what would have been enough.
    #[must_use]
    pub fn with_expected(self, expected: Vec<String>) -> Self {
        Self { expected, ..self }
    }

    /// Says where was looked.
    #[must_use]
    pub fn with_looked(self, looked: Vec<String>) -> Self {
        Self { looked, ..self }
    }

    /// Says what was found instead.
    #[must_use]
    pub fn with_found(self, found: Vec<String>) -> Self {
        Self { found, ..self }
    }

    /// Says what to do next: a command, or one sentence.
    #[must_use]
    pub fn with_next(self, next: impl Into<String>) -> Self {
        Self {
            next: Some(next.into()),
            ..self
        }
    }

    /// The stable code.
    pub fn code(&self) -> ReasonCode {
        self.code
    }

    /// The policy that was not satisfied, if it was one.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// The authority that was not satisfied, if it was one.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// What happened, in one sentence.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What would have been enough.
    pub fn expected(&self) -> &[String] {
        &self.expected
    }

    /// Where was looked.
    pub fn looked(&self) -> &[String] {
        &self.looked
    }

    /// What was found instead.
    pub fn found(&self) -> &[String] {
        &self.found
    }

    /// What to do next.
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// The first line of the text: authority, what happened, and the code.
    pub fn headline(&self) -> String {
        match &self.authority {
            Some(authority) if !self.named => format!("authority `{authority}`: {} [{}]", self.what, self.code),
            _ => format!("{} [{}]", self.what, self.code),
        }
    }

    /// `Deny` or `Undecided`, as the code says, for this one reason.
    pub fn into_verdict(self) -> Verdict {
        match self.code.outcome() {
            Outcome::Denied => Verdict::Deny(NonEmpty::one(self)),
            Outcome::Undecided => Verdict::Undecided(NonEmpty::one(self)),
        }
    }
}

/// The whole text, without the policy's name: several lines, all but the first indented by two blanks.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        let lists = [
            ("expected", &self.expected),
            ("looked in", &self.looked),
            ("found", &self.found),
        ];
        for (title, lines) in lists {
            for (index, line) in lines.iter().enumerate() {
                let title = if index == 0 { title } else { "" };
                let colon = if index == 0 { ':' } else { ' ' };
                write!(f, "\n  {title:>9}{colon} {line}")?;
            }
        }
        if let Some(next) = &self.next {
            write!(f, "\n  {:>9}: {next}", "next")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reads_well_in_a_terminal() {
        let reason = Reason::new(ReasonCode::ImageUnsigned, "no signatures found for x")
            .with_policy("p")
            .with_authority("a")
            .with_looked(vec!["here: nothing".into(), "there: nothing".into()])
            .with_found(vec!["1 by another key".into()])
            .with_next("sign it");
        let expected = "authority `a`: no signatures found for x [image.unsigned]
  looked in: here: nothing
             there: nothing
      found: 1 by another key
       next: sign it";
        assert_eq!(reason.to_string(), expected);
        assert_eq!(
            (reason.policy(), reason.authority(), reason.next()),
            (Some("p"), Some("a"), Some("sign it"))
        );
        let bare = Reason::new(ReasonCode::ServerBusy, "too many requests at once");
        assert_eq!(bare.to_string(), "too many requests at once [server.busy]");
    }
}
