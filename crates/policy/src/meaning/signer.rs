//! Who has to have signed, and what has to stand beside the signature: as a policy says it, and with the trust roots that
//! it names.

use std::sync::Arc;

use crate::document::SourcePosition;
use crate::identity::IdentityPattern;
use countersign_evidence::certificate::SctRule;
use countersign_evidence::trust::TrustRoot;
use countersign_evidence::{HashRule, LogDemand, LogRule, PublicKey, TimeDemand, Trusted};

/// Who has to have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The holder of a key.
    Key {
        /// The key.
        key: PublicKey,
        /// Which hash its signatures have to be made over.
        rule: HashRule,
    },
    /// Whoever a certificate authority vouched for, as one of these.
    Keyless {
        /// The identities, any of which is enough.
        identities: Vec<IdentityPattern>,
        /// Whose certificates are believed.
        root: TrustRootRef,
        /// Whether they have to be in a log of certificates.
        sct: SctRule,
    },
}

/// A trust root that a policy names, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRootRef {
    pub(crate) root: RootName,
    /// The field that names it.
    pub(crate) path: String,
    pub(crate) position: SourcePosition,
}

/// Which trust root it is.
#[derive(Clone, Debug)]
pub(crate) enum RootName {
    /// The one of policies that name none.
    Standing,
    /// That of a TrustRoot document.
    Named(Arc<str>),
    /// One that the policy itself holds, or the command line names: its own words.
    Given(Arc<TrustRoot>),
}

impl PartialEq for RootName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Standing, Self::Standing) => true,
            (Self::Named(one), Self::Named(other)) => one == other,
            (Self::Given(one), Self::Given(other)) => one.generation() == other.generation(),
            _ => false,
        }
    }
}

impl Eq for RootName {}

/// Whether something is looked for beside a signature, and by whom it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Nobody looks.
    Ignored,
    /// It may prove a time, where the trust root knows any of its kind.
    Welcome(TrustRootRef),
    /// There has to be one.
    Demanded(TrustRootRef),
}

/// What a demand amounts to with the trust roots that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Nobody has looked for the trust roots yet; nothing is believed.
    Unresolved,
    /// Whom it believes.
    Known(Box<Trusted>),
    /// A trust root that it names is not there, and why.
    Unknown {
        /// The field that names it.
        path: String,
        /// Why.
        why: String,
    },
}

/// Who has to sign, what has to stand beside, and what that amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Belief {
    pub(crate) signer: Signer,
    pub(crate) log: Beside,
    /// What a log entry has to show.
    pub(crate) log_rule: LogRule,
    pub(crate) time: Beside,
    pub(crate) trust: Trust,
}

/// Finds the trust root that a reference means, or says why there is none.
pub(crate) type Find<'a> = dyn Fn(&RootName) -> Result<Arc<TrustRoot>, String> + 'a;

impl Belief {
    pub(crate) fn new(signer: Signer, log: Beside, time: Beside) -> Self {
        let trust = Trust::Unresolved;
        Self {
            signer,
            log,
            log_rule: LogRule::EITHER,
            time,
            trust,
        }
    }

    /// The same where a log entry has to show this.
    pub(crate) fn with_log_rule(self, log_rule: LogRule) -> Self {
        Self { log_rule, ..self }
    }

    /// The same with the trust roots that there are.
    pub(crate) fn resolve(&mut self, find: &Find<'_>) {
        self.trust = match self.trusted(find) {
            Ok(trusted) => Trust::Known(Box::new(trusted)),
            Err((path, why)) => Trust::Unknown { path, why },
        };
    }

    fn trusted(&self, find: &Find<'_>) -> Result<Trusted, (String, String)> {
        let found = |reference: &TrustRootRef| find(&reference.root).map_err(|why| (reference.path.clone(), why));
        let entries = |root, at_least| LogDemand {
            root,
            at_least,
            rule: self.log_rule.clone(),
        };
        let logs = match &self.log {
            Beside::Ignored => None,
            Beside::Welcome(reference) => Some(found(reference)?)
                .filter(|root| !root.logs().is_empty())
                .map(|root| entries(root, 0)),
            Beside::Demanded(reference) => Some(entries(found(reference)?, 1)),
        };
        let times = match &self.time {
            Beside::Ignored => None,
            Beside::Welcome(reference) => Some(found(reference)?)
                .filter(|root| !root.time_authorities().is_empty())
                .map(|root| TimeDemand::of(root, 0)),
            Beside::Demanded(reference) => Some(TimeDemand::of(found(reference)?, 1)),
        };
        Ok(match &self.signer {
            Signer::Key { key, rule } => Trusted::Key {
                key: key.clone(),
                rule: *rule,
                logs,
                times,
            },
            Signer::Keyless { root, sct, .. } => Trusted::Keyless {
                root: found(root)?,
                sct: sct.clone(),
                logs,
                times,
            },
        })
    }

    /// Every trust root that it rests on.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &RootName> {
        let signer = match &self.signer {
            Signer::Keyless { root, .. } => Some(root),
            Signer::Key { .. } => None,
        };
        let beside = [&self.log, &self.time].into_iter().filter_map(|beside| match beside {
            Beside::Welcome(reference) | Beside::Demanded(reference) => Some(reference),
            Beside::Ignored => None,
        });
        signer.into_iter().chain(beside).map(|reference| &reference.root)
    }

    /// Every trust root that it names, with what has to be in it: a word for people, and whether it is there.
    pub(crate) fn references(&self) -> impl Iterator<Item = (&TrustRootRef, Needed)> {
        let signer = match &self.signer {
            Signer::Keyless { root, sct, .. } => {
                let logged = (*sct != SctRule::Ignored).then_some((root, Needed::CtLogs));
                Some((root, Needed::Authorities)).into_iter().chain(logged)
            }
            Signer::Key { .. } => None.into_iter().chain(None),
        };
        let log = match &self.log {
            Beside::Demanded(reference) => Some((reference, Needed::Logs)),
            Beside::Ignored | Beside::Welcome(_) => None,
        };
        let time = match &self.time {
            Beside::Demanded(reference) => Some((reference, Needed::TimeAuthorities)),
            Beside::Ignored | Beside::Welcome(_) => None,
        };
        signer.chain(log).chain(time)
    }

    /// Writes down which trust roots it rests on, as they are now: a verdict has to be kept under that.
    pub(crate) fn write_generation(&self, out: &mut String) {
        let trusted = match &self.trust {
            Trust::Known(trusted) => &**trusted,
            Trust::Unknown { why, .. } => return out.push_str(&format!("\n?{why}")),
            Trust::Unresolved => return,
        };
        let (Trusted::Key { logs, times, .. } | Trusted::Keyless { logs, times, .. }) = trusted;
        let root = match trusted {
            Trusted::Key { .. } => None,
            Trusted::Keyless { root, .. } => Some(root),
        };
        let roots = [
            root,
            logs.as_ref().map(|logs| &logs.root),
            times.as_ref().map(|times| &times.root),
        ];
        for root in roots.into_iter().flatten() {
            out.push_str(&format!("\n{}", root.generation()));
        }
    }
}

/// What a policy needs of a trust root that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    Authorities,
    CtLogs,
    Logs,
    TimeAuthorities,
}

impl Needed {
    pub(crate) fn is_in(self, root: &TrustRoot) -> bool {
        match self {
            Self::Authorities => !root.authorities().is_empty(),
            Self::CtLogs => !root.ct_logs().is_empty(),
            Self::Logs => !root.logs().is_empty(),
            Self::TimeAuthorities => !root.time_authorities().is_empty(),
        }
    }

    /// What it is, and how to do without.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Authorities => ("certificate authority", "add `certificateAuthorities`"),
            Self::CtLogs => (
                "log of certificates",
                "add `ctLogs`, or write `insecureIgnoreSCT: true` in `keyless`",
            ),
            Self::Logs => ("transparency log", "add `tLogs`, or take `ctlog` out"),
            Self::TimeAuthorities => (
                "timestamp authority",
                "add `timestampAuthorities`, or take `rfc3161timestamp` out",
            ),
        }
    }
}
