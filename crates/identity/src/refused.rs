//! Why nobody was let in: every code there is, in one table.

use std::fmt;

/// What a caller answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The token proves nothing: 401.
    Token,
    /// It proves who asks, and what started the job lets strangers decide what runs: 403.
    Event,
    /// It proves who asks, and that one may not: 403.
    Job,
    /// Whether it proves anything cannot be known now; the same token may be shown again: 503.
    Unavailable,
}

impl Class {
    /// The status of the answer (RFC 9110).
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Token => 401,
            Self::Event | Self::Job => 403,
            Self::Unavailable => 503,
        }
    }
}

macro_rules! codes {
    ($($code:ident $name:literal $class:ident $meaning:literal;)+) => {
        /// Why nobody was let in. A code is never used again for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $code,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The word.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)+ }
            }

            /// What the caller answers with.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Self::$code => Class::$class,)+ }
            }

            /// What it means, for whoever looks it up.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$code => $meaning,)+ }
            }
        }
    };
}

codes! {
    Malformed "token.malformed" Token "It is no signed JSON Web Token, or two readers could read it in two ways.";
    TooLarge "token.too_large" Token "It is longer than any token of an issuer.";
    Algorithm "token.algorithm" Token "It is signed with something else than `RS256`, `ES256` or `EdDSA`, or not at all.";
    Type "token.type" Token "Its `typ` says that it is some other kind of token.";
    Critical "token.critical" Token "Its header demands an extension (`crit`) that nobody here knows.";
    Issuer "token.issuer" Token "Its `iss` is none of the configured issuers.";
    LegacySecret "token.legacy_secret" Token "It is the token of a Kubernetes secret, which never expires and is meant for nobody in particular.";
    KeyNeeded "token.key_needed" Token "It does not say which of the issuer's keys has signed it (`kid`).";
    KeyUnknown "token.key_unknown" Token "The issuer has no such key, or one that does not fit the algorithm.";
    Signature "token.signature" Token "The issuer's key did not sign it.";
    Revoked "token.revoked" Token "The cluster's API server does not accept it (any more): its service account or its pod is gone.";
    Audience "token.audience" Token "It is not for this service, or not for it alone.";
    Expired "token.expired" Token "Its time is over.";
    NotYet "token.not_yet" Token "Its time has not come, or it was issued in the future.";
    Lifetime "token.lifetime" Token "It is good for longer than an hour.";
    Claim "token.claim" Token "A claim is missing, or has another form than its issuer gives it.";
    Event "event_not_allowed" Event "What started the job lets somebody from outside decide what runs: a pull or merge request, a fork, a comment.";
    Ref "ref_not_allowed" Job "The job runs for a branch or tag that the issuer's configuration does not name.";
    RefNotProtected "ref_not_protected" Job "The job runs for a branch or tag that is not protected.";
    Owner "owner_not_allowed" Job "The repository, project or namespace belongs to an owner that the issuer's configuration does not name.";
    Runner "runner_not_allowed" Job "The job runs on a machine of its owner's, and the configuration asks for one of the issuer's.";
    PodRequired "pod_required" Job "The token is not bound to a pod, so it does not end with a job.";
    ClaimNotAllowed "claim_not_allowed" Job "A claim has none of the values that the issuer's configuration asks for.";
    Unavailable "issuer.unavailable" Unavailable "The issuer's keys, or the cluster's API server, cannot be obtained now.";
    KeysStale "issuer.keys_stale" Unavailable "The issuer's keys could not be obtained for so long that those at hand are not believed any more.";
}

/// Nobody was let in. It never holds bytes of the token other than claims that are named, shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    code: Code,
    detail: String,
}

impl Refused {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// Which refusal it is.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the caller answers with.
    #[must_use]
    pub fn class(&self) -> Class {
        self.code.class()
    }

    /// The status of the answer: 401, 403 or 503.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.class().status()
    }

    /// What a person reads: what was expected, and what was found.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl std::error::Error for Refused {}
