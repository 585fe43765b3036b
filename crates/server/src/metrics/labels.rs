//! The values that labels may have. Each is a closed list, so no caller can make a series of its own.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// Declares a label: an enum whose variants are written as the words given.
macro_rules! label {
    ($(#[$about:meta])* $name:ident { $($(#[$said:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$said])* $variant,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word as it stands in the metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                EncodeLabelValue::encode(&self.as_str(), encoder)
            }
        }
    };
}

label! {
    /// What the API server was asked to do.
    Operation {
        Create = "create",
        Update = "update",
        Delete = "delete",
        Connect = "connect",
        /// The review could not be read far enough to say.
        Unknown = "unknown",
    }
}

label! {
    /// Which admission path was called.
    Endpoint {
        Mutate = "mutate",
        Validate = "validate",
        ValidatePolicies = "validate_policies",
    }
}

label! {
    /// How a request or an image came out.
    Outcome {
        Admit = "admit",
        Deny = "deny",
        Undecided = "undecided",
        /// The request could not be read, so nothing was judged. It was refused.
        Malformed = "malformed",
    }
}

label! {
    /// Which cache was asked.
    Cache {
        Tags = "tags",
        Evidence = "evidence",
        Verdicts = "verdicts",
    }
}

label! {
    /// What a cache answered.
    Lookup {
        Hit = "hit",
        Miss = "miss",
        /// Someone else was already fetching the same thing.
        Shared = "shared",
        /// Older than its freshness, served because the registry could not be reached.
        Stale = "stale",
    }
}

label! {
    /// How a request to a registry ended.
    RegistryOutcome {
        Found = "found",
        NotFound = "not_found",
        Denied = "denied",
        Throttled = "throttled",
        Unavailable = "unavailable",
        Unreachable = "unreachable",
        TimedOut = "timed_out",
        Content = "content",
    }
}

label! {
    /// How a reload from files ended.
    Reload {
        Loaded = "loaded",
        /// The new content was refused and the old one stays in force.
        Refused = "refused",
    }
}

label! {
    /// Which of our listeners.
    Door {
        Admission = "admission",
        Registry = "registry",
        Signing = "signing",
        Admin = "admin",
    }
}

label! {
    /// Why a TLS handshake did not end in a connection.
    HandshakeFailure {
        TimedOut = "timed_out",
        Refused = "refused",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AdmissionLabels {
    pub(super) operation: Operation,
    pub(super) endpoint: Endpoint,
    pub(super) verdict: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndpointLabels {
    pub(super) endpoint: Endpoint,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    pub(super) code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VerdictLabels {
    pub(super) verdict: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CacheLabels {
    pub(super) cache: Cache,
    pub(super) lookup: Lookup,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RegistryLabels {
    pub(super) outcome: RegistryOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReloadLabels {
    pub(super) outcome: Reload,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct GenerationLabels {
    pub(super) generation: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VersionLabels {
    pub(super) version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DoorLabels {
    pub(super) door: Door,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HandshakeLabels {
    pub(super) door: Door,
    pub(super) cause: HandshakeFailure,
}
