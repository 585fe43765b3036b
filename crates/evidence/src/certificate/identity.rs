//! Whom a certificate names: subjects, issuer, claims.

use super::claims::Claims;

/// A name in a certificate's subject alternative name (RFC 5280, section 4.2.1.6), exactly as it is written there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An e-mail address.
    Email(String),
    /// A URI: of a workflow, or of a SPIFFE workload.
    Uri(String),
    /// A DNS name.
    Dns(String),
    /// A name of another kind, under Fulcio's 1.3.6.1.4.1.57264.1.7: a user name.
    OtherName(String),
}

impl Subject {
    /// The name without its kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(name) | Self::Uri(name) | Self::Dns(name) | Self::OtherName(name) => name,
        }
    }

    /// The kind: `email`, `uri`, `dns` or `other name`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Uri(_) => "uri",
            Self::Dns(_) => "dns",
            Self::OtherName(_) => "other name",
        }
    }
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Every name, in the certificate's order.
    pub subjects: Vec<Subject>,
    /// Who vouched for the name to the authority: the OIDC issuer (1.3.6.1.4.1.57264.1.1 and .1.8).
    pub issuer: Option<String>,
    /// What else the issuer said.
    pub claims: Claims,
}
