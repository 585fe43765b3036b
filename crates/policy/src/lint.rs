//! What a policy says that its author probably did not mean.

use std::fmt;

use crate::document::SourcePosition;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Probably not what was meant, or not for long.
    Warning,
    /// The policy cannot do its work: `policy check` fails.
    Error,
}

/// One finding in a policy that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// What it is about.
    pub code: LintCode,
    /// The policy's name.
    pub policy: String,
    /// Where it is.
    pub position: SourcePosition,
    /// The field, `spec.images[0].glob`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub advice: String,
}

impl Lint {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity() {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let Self {
            code,
            position,
            path,
            message,
            advice,
            ..
        } = self;
        write!(f, "{position}: {severity} [{code}] {path}: {message}; {advice}")
    }
}

macro_rules! lint_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// What a lint is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum LintCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl LintCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as text, `glob.never_matches`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii(),)*
                }
            }
        }
    };
}

lint_codes! {
    /// The policy asks for something that this version does not do; its images stay undecided.
    PolicyUnsupported = "policy.unsupported",
    /// Two policies have the same name; both are in force.
    PolicyDuplicateName = "policy.duplicate_name",
    /// No image ever matches the glob.
    GlobNeverMatches = "glob.never_matches",
    /// The glob matches images of Docker Hub only, although it looks as if it matched all.
    GlobHubOnly = "glob.hub_only",
    /// In a policy that lets its images in without looking, the glob matches names of strangers too.
    GlobOpenEnded = "glob.open_ended",
    /// No object ever matches the entry of `match`.
    MatchNeverMatches = "match.never_matches",
    /// Two authorities of one policy have the same name.
    AuthorityDuplicateName = "authority.duplicate_name",
    /// Another authority lets every image in, so this one is never asked.
    AuthorityNeverNeeded = "authority.never_needed",
    /// Two attestations of one authority have the same name.
    AttestationDuplicateName = "attestation.duplicate_name",
    /// The predicate type is neither a URI nor a short name that is known.
    AttestationUnknownType = "attestation.unknown_type",
    /// The predicate type is a short name; the URI is clearer.
    AttestationShortType = "attestation.short_type",
    /// The key's text holds more than one key; only the first is used.
    KeyFirstOnly = "key.first_only",
    /// The hash algorithm means nothing for a key of this kind.
    KeyHashIgnored = "key.hash_ignored",
    /// The field is there and asks for nothing.
    FieldAsksNothing = "field.asks_nothing",
    /// A regular expression matches anywhere in the text, and so more than its author probably meant.
    IdentityUnanchored = "identity.unanchored",
    /// No trust root of this name is among the documents, or it cannot be used; the policy's images stay undecided.
    TrustRootMissing = "trust_root.missing",
    /// The trust root has nothing of a kind that the policy asks for, so that nothing can satisfy it.
    TrustRootLacks = "trust_root.lacks",
    /// Two trust roots have the same name; the policies that name it stay undecided.
    TrustRootDuplicateName = "trust_root.duplicate_name",
    /// policy-controller never uses this certificate authority.
    IdentityCaCert = "identity.ca_cert",
}

impl LintCode {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::PolicyUnsupported | Self::TrustRootMissing | Self::TrustRootLacks | Self::TrustRootDuplicateName => {
                Severity::Error
            }
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
