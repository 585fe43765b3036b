//! Whom an authority believes: patterns for identities, and whether a verified identity is one of them.
//!
//! A pattern has two halves, issuer and subject, and both have to match one and the same certificate. Only what a
//! certificate authority vouched for comes here: what a signature says of itself never does.

mod expression;
#[cfg(test)]
mod tests;

use std::fmt;

use countersign_evidence::certificate::{Identity, Subject};
use countersign_image::text::excerpt;

pub use self::expression::{Anchoring, Expression, ExpressionError, MAX_EXPRESSION_BYTES};

/// The longest name that a message repeats, in bytes.
const MAX_SHOWN: usize = 300;

/// What a name has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// Exactly this, byte for byte.
    Exact(String),
    /// Something that the expression matches.
    Expression(Expression),
}

impl NamePattern {
    /// Whether a name is such a one.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(expected) => expected == name,
            Self::Expression(expression) => expression.matches(name),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(f, "`{}`", excerpt(name, MAX_SHOWN)),
            Self::Expression(expression) => write!(f, "/{}/", excerpt(expression.written(), MAX_SHOWN)),
        }
    }
}

/// One identity that an authority believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityPattern {
    /// What the OIDC issuer has to be. A certificate without issuer has none that matches.
    pub issuer: NamePattern,
    /// What one of the certificate's subjects has to be.
    pub subject: NamePattern,
}

impl IdentityPattern {
    /// The subject that matches, if the identity is such a one.
    pub fn matching<'a>(&self, identity: &'a Identity) -> Option<&'a Subject> {
        let issuer = identity.issuer.as_deref()?;
        if !self.issuer.matches(issuer) {
            return None;
        }
        let mut subjects = identity.subjects.iter();
        subjects.find(|subject| self.subject.matches(subject.as_str()))
    }
}

impl fmt::Display for IdentityPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by issuer {}", self.subject, self.issuer)
    }
}

/// The first pattern that an identity is one of, by its number, with the subject that matches; or why it is none.
pub fn find<'a>(patterns: &[IdentityPattern], identity: &'a Identity) -> Result<(usize, &'a Subject), Stranger> {
    let mut matching = patterns.iter().map(|pattern| pattern.matching(identity));
    let found = matching
        .by_ref()
        .enumerate()
        .find_map(|(number, found)| Some((number, found?)));
    found.ok_or_else(|| Stranger::of(patterns, identity))
}

/// Why an identity is none that is believed: how near the nearest pattern is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stranger {
    /// The certificate names no issuer.
    NoIssuer,
    /// Neither issuer nor subject is one that is believed.
    Nothing,
    /// An issuer that is believed vouches for another subject.
    OtherSubject,
    /// A subject that is believed, and another issuer vouches for it.
    OtherIssuer,
}

impl Stranger {
    fn of(patterns: &[IdentityPattern], identity: &Identity) -> Self {
        let Some(issuer) = identity.issuer.as_deref() else {
            return Self::NoIssuer;
        };
        let is_subject = |pattern: &IdentityPattern| {
            let mut subjects = identity.subjects.iter();
            subjects.any(|subject| pattern.subject.matches(subject.as_str()))
        };
        if patterns.iter().any(is_subject) {
            Self::OtherIssuer
        } else if patterns.iter().any(|pattern| pattern.issuer.matches(issuer)) {
            Self::OtherSubject
        } else {
            Self::Nothing
        }
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoIssuer => "its certificate names no issuer",
            Self::Nothing => "neither its issuer nor its subject is one that is believed",
            Self::OtherSubject => "its issuer is believed, and not for this subject",
            Self::OtherIssuer => "its subject is believed, and not from this issuer",
        })
    }
}

/// An identity in words: policy-controller's, whose users search for them.
pub(crate) fn described(identity: &Identity) -> String {
    let subjects: Vec<String> = identity
        .subjects
        .iter()
        .map(|subject| excerpt(subject.as_str(), MAX_SHOWN))
        .collect();
    let issuer = identity.issuer.as_deref().map(|issuer| excerpt(issuer, MAX_SHOWN));
    format!(
        "subjects [{}] with issuer {}",
        subjects.join(", "),
        issuer.as_deref().unwrap_or("none")
    )
}
