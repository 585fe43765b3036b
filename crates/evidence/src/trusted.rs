//! Whom an authority believes, and what it wants to see beside a signature.

use std::sync::Arc;

use crate::certificate::SctRule;
use crate::key::{HashRule, PublicKey};
use crate::log::LogRule;
use crate::trust::TrustRoot;

/// Whom an authority believes. Which identities it accepts is not said here: that is asked of what was proved.
#[derive(Clone, Debug)]
pub enum Trusted {
    /// A key. A log entry or a timestamp is looked at only where it is demanded.
    Key {
        /// The key.
        key: PublicKey,
        /// Which hash its signatures are made over.
        rule: HashRule,
        /// The log entries that are wanted; `None` is that nobody looks.
        logs: Option<LogDemand>,
        /// The timestamps that are wanted; `None` is that nobody looks.
        times: Option<TimeDemand>,
    },
    /// Whoever a certificate authority vouched for at the time of signing.
    Keyless {
        /// The certificate authorities and the logs of certificates.
        root: Arc<TrustRoot>,
        /// Whether a certificate has to be in a log of certificates.
        sct: SctRule,
        /// The log entries that are wanted; `None` is that nobody looks, and that none proves a time.
        logs: Option<LogDemand>,
        /// The timestamps that are wanted; `None` is that nobody looks, and that none proves a time.
        times: Option<TimeDemand>,
    },
}

impl Trusted {
    /// A key alone.
    pub fn key(key: PublicKey, rule: HashRule) -> Self {
        Self::Key {
            key,
            rule,
            logs: None,
            times: None,
        }
    }

    /// What a Sigstore instance vouches for: a certificate that is in a log of certificates, a signature that is in a log of
    /// signatures, and any time that a log or a timestamp authority of the root proves.
    pub fn keyless(root: Arc<TrustRoot>) -> Self {
        Self::Keyless {
            logs: Some(LogDemand::of(root.clone(), 1)),
            times: Some(TimeDemand::of(root.clone(), 0)),
            sct: SctRule::Required,
            root,
        }
    }

    pub(crate) fn logs(&self) -> Option<&LogDemand> {
        let (Self::Key { logs, .. } | Self::Keyless { logs, .. }) = self;
        logs.as_ref()
    }

    pub(crate) fn times(&self) -> Option<&TimeDemand> {
        let (Self::Key { times, .. } | Self::Keyless { times, .. }) = self;
        times.as_ref()
    }

    /// Whether anybody looks at log entries or timestamps.
    pub(crate) fn looks_beside(&self) -> bool {
        self.logs().is_some() || self.times().is_some()
    }
}

impl PartialEq for Trusted {
    fn eq(&self, other: &Self) -> bool {
        let beside = self.logs() == other.logs() && self.times() == other.times();
        beside
            && match (self, other) {
                (
                    Self::Key { key, rule, .. },
                    Self::Key {
                        key: other,
                        rule: others,
                        ..
                    },
                ) => (key, rule) == (other, others),
                (
                    Self::Keyless { root, sct, .. },
                    Self::Keyless {
                        root: other,
                        sct: others,
                        ..
                    },
                ) => (root.generation(), sct) == (other.generation(), others),
                _ => false,
            }
    }
}

impl Eq for Trusted {}

/// The log entries that are wanted beside a signature. One that is there and broken refuses the signature, however many are
/// wanted.
#[derive(Clone, Debug)]
pub struct LogDemand {
    /// Where the logs are taken from.
    pub root: Arc<TrustRoot>,
    /// How many logs, each counted once, must have the signature; 0 is that one without an entry is accepted.
    pub at_least: usize,
    /// What an entry has to show.
    pub rule: LogRule,
}

impl LogDemand {
    /// Entries in so many logs of a root, shown by a promise or a proof.
    pub fn of(root: Arc<TrustRoot>, at_least: usize) -> Self {
        Self {
            root,
            at_least,
            rule: LogRule::EITHER,
        }
    }
}

impl PartialEq for LogDemand {
    fn eq(&self, other: &Self) -> bool {
        let of = |demand: &Self| (*demand.root.generation(), demand.at_least);
        of(self) == of(other) && self.rule == other.rule
    }
}

impl Eq for LogDemand {}

/// The RFC 3161 timestamps that are wanted beside a signature. One that is there and broken refuses the signature, however
/// many are wanted.
#[derive(Clone, Debug)]
pub struct TimeDemand {
    /// Where the timestamp authorities are taken from.
    pub root: Arc<TrustRoot>,
    /// How many authorities, each counted once, must have stamped the signature; 0 is that one without a timestamp is
    /// accepted.
    pub at_least: usize,
}

impl TimeDemand {
    /// Timestamps of so many authorities of a root.
    pub fn of(root: Arc<TrustRoot>, at_least: usize) -> Self {
        Self { root, at_least }
    }
}

impl PartialEq for TimeDemand {
    fn eq(&self, other: &Self) -> bool {
        let of = |demand: &Self| (*demand.root.generation(), demand.at_least);
        of(self) == of(other)
    }
}

impl Eq for TimeDemand {}
