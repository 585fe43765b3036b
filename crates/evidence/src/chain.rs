//! The chain of trust from a signature to what an authority believes: who signed, with what, in which logs it stands, and
//! which times are proved.
//!
//! ```compile_fail
//! use countersign_evidence::{Chain, PublicKey, Scheme, SignedBy};
//! fn forge(key: PublicKey) -> Chain {
//!     Chain { signer: SignedBy::Key(key), scheme: Scheme::Ed25519, logs: Vec::new(), times: Vec::new() }
//! }
//! ```

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use crate::certificate::{Identity, Leaf, Vouched, vouch};
use crate::key::{HashRule, PublicKey, Scheme, SignatureError};
use crate::log::{Logged, Signed, Signer, Submission, verify_entry};
use crate::material::Material;
use crate::refusal::VerifyError;
use crate::timestamp::{Stamped, verify_timestamp};
use crate::trusted::{LogDemand, TimeDemand, Trusted};

/// Who signed.
#[derive(Clone, Debug)]
pub enum SignedBy {
    /// A key that is believed by itself.
    Key(PublicKey),
    /// Whoever a certificate authority vouched for, at every time that is proved.
    Identity(Box<Vouched>),
}

impl SignedBy {
    /// The key that the signature is by: the one that is believed, or the one in the certificate.
    pub fn key(&self) -> &PublicKey {
        match self {
            Self::Key(key) => key,
            Self::Identity(vouched) => vouched.key(),
        }
    }

    /// Who the certificate says has signed; `None` if a key is believed by itself.
    pub fn identity(&self) -> Option<&Identity> {
        self.vouched().map(Vouched::identity)
    }

    /// The certificate and who vouched for it; `None` if a key is believed by itself.
    pub fn vouched(&self) -> Option<&Vouched> {
        match self {
            Self::Key(_) => None,
            Self::Identity(vouched) => Some(vouched),
        }
    }
}

/// A time at which the signature was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedTime {
    /// The time.
    pub time: Timestamp,
    /// Who proves it.
    pub by: TimeSource,
}

/// Who proves a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// A log, whose name this is: it promised the entry at that time.
    Log(String),
    /// A timestamp authority, whose name this is.
    Authority(String),
}

impl fmt::Display for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(name) => write!(f, "log {name}"),
            Self::Authority(name) => write!(f, "timestamp authority {name}"),
        }
    }
}

/// What holds between a signature and what an authority believes.
#[derive(Clone, Debug)]
pub struct Chain {
    signer: SignedBy,
    scheme: Scheme,
    logs: Vec<Logged>,
    times: Vec<ProvedTime>,
}

impl Chain {
    /// Called where the signature, and everything that is wanted beside it, has just verified, and nowhere else.
    fn assertion(signer: SignedBy, scheme: Scheme, logs: Vec<Logged>, times: Vec<ProvedTime>) -> Self {
        Self {
            signer,
            scheme,
            logs,
            times,
        }
    }

    /// Who signed.
    pub fn signer(&self) -> &SignedBy {
        &self.signer
    }

    /// The scheme under which the signature verified.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The log entries that hold. Empty where nobody looks at them.
    pub fn logs(&self) -> &[Logged] {
        &self.logs
    }

    /// The times that are proved. Empty where nobody looks at what proves them.
    pub fn times(&self) -> &[ProvedTime] {
        &self.times
    }
}

/// A signature, and all that it takes to check it.
pub(crate) struct Claim<'a, V> {
    /// What is signed, as a log knows it.
    pub(crate) signed: Signed<'a>,
    /// Signatures over it, of which one is enough.
    pub(crate) signatures: &'a [&'a [u8]],
    /// Whether one of them is by a key.
    pub(crate) verify: V,
    /// What timestamps are over; `None` is the signature.
    pub(crate) stamped: Option<&'a [u8]>,
    /// What stands beside it.
    pub(crate) material: Material<'a>,
    /// How much of such is still looked at.
    pub(crate) beside_left: &'a Cell<usize>,
}

impl<V> Claim<'_, V>
where
    V: Fn(&PublicKey, HashRule, &[u8]) -> Result<Scheme, SignatureError>,
{
    /// Goes along the chain, the cheapest and the most telling steps first:
    ///
    /// 1. what stands beside the signature is read, and is what its version demands;
    /// 2. the signature is by the key, or by the key in the certificate, whoever that may belong to;
    /// 3. the log entries are about this very signature, and the logs of the root say so;
    /// 4. the timestamps are over this very signature, and are by the authorities of the root;
    /// 5. as many as are wanted, logs that are believed at the times that others prove where they prove none themselves, and
    ///    at least one time where a certificate has to be believed;
    /// 6. the root vouches for the certificate at every one of these times.
    pub(crate) fn follow(&self, trusted: &Trusted) -> Result<Chain, VerifyError> {
        match trusted {
            Trusted::Key { key, rule, .. } => {
                let (signature, scheme) = self.one_by(key, *rule)?;
                let (logs, times) = self.beside(trusted, signature, Signer::Key(key))?;
                Ok(Chain::assertion(SignedBy::Key(key.clone()), scheme, logs, times))
            }
            Trusted::Keyless { root, sct, .. } => {
                // 1.
                let certificates = self.material.certificates()?;
                let leaf = Leaf::parse(&certificates.leaf)?;
                // 2. Legacy signatures are over SHA-256 whatever the curve, and the natural rule has that.
                let (signature, scheme) = self.one_by(leaf.key(), HashRule::Natural)?;
                // 3. to 5.
                let (logs, times) = self.beside(trusted, signature, Signer::Certificate(leaf.der()))?;
                if times.is_empty() {
                    return Err(VerifyError::NoTime);
                }
                // 6.
                let at: Vec<Timestamp> = times.iter().map(|proved| proved.time).collect();
                let vouched = vouch(&leaf, &certificates.others, &at, root, sct)?;
                let signer = SignedBy::Identity(Box::new(vouched));
                Ok(Chain::assertion(signer, scheme, logs, times))
            }
        }
    }

    /// What stands beside the signature and is looked at: the log entries, and the times that are proved.
    fn beside(
        &self,
        trusted: &Trusted,
        signature: &[u8],
        signer: Signer<'_>,
    ) -> Result<(Vec<Logged>, Vec<ProvedTime>), VerifyError> {
        if trusted.looks_beside() {
            // Only here, as what nobody has signed must not use up what is left for others.
            let left = self.beside_left.get().checked_sub(self.material.weight());
            self.beside_left.set(left.ok_or(VerifyError::TooMuchBeside)?);
        }
        let logs = trusted.logs().map(|demand| self.logged(demand, signature, signer));
        let logs = logs.transpose()?.unwrap_or_default();
        let stamps = trusted.times().map(|demand| self.stamped(demand, signature));
        let stamps = stamps.transpose()?.unwrap_or_default();
        let times = times(&logs, &stamps);
        for logged in logs.iter().filter(|logged| logged.integrated_time().is_none()) {
            if times.is_empty() {
                // Nobody knows when that was: only a log that is believed to this day is believed then.
                logged.believed_at(Timestamp::MAX)?;
            }
            for proved in &times {
                logged.believed_at(proved.time)?;
            }
        }
        Ok((logs, times))
    }

    fn one_by(&self, key: &PublicKey, rule: HashRule) -> Result<(&[u8], Scheme), VerifyError> {
        let mut refusal = SignatureError::NotByThisKey { kind: key.kind() };
        for signature in self.signatures {
            match (self.verify)(key, rule, signature) {
                Ok(scheme) => return Ok((signature, scheme)),
                Err(error) => refusal = error,
            }
        }
        Err(VerifyError::Signature(refusal))
    }

    fn logged(&self, demand: &LogDemand, signature: &[u8], signer: Signer<'_>) -> Result<Vec<Logged>, VerifyError> {
        let submission = Submission {
            signed: self.signed,
            signature,
            signer,
        };
        let entries = self.material.entries()?;
        let rule = self.material.rule(&demand.rule);
        let logs = entries
            .iter()
            .map(|entry| verify_entry(entry, &submission, demand.root.logs(), &rule))
            .collect::<Result<Vec<_>, _>>()?;
        let found = logs.iter().map(Logged::counts_as).collect::<BTreeSet<_>>().len();
        if found < demand.at_least {
            let wanted = demand.at_least;
            return Err(VerifyError::TooFewLogs { wanted, found });
        }
        Ok(logs)
    }

    fn stamped(&self, demand: &TimeDemand, signature: &[u8]) -> Result<Vec<Stamped>, VerifyError> {
        let over = self.stamped.unwrap_or(signature);
        let stamps = self
            .material
            .timestamps()?
            .iter()
            .map(|token| verify_timestamp(token, over, &demand.root))
            .collect::<Result<Vec<_>, _>>()?;
        let found = stamps.iter().map(Stamped::counts_as).collect::<BTreeSet<_>>().len();
        if found < demand.at_least {
            let wanted = demand.at_least;
            return Err(VerifyError::TooFewTimes { wanted, found });
        }
        Ok(stamps)
    }
}

fn times(logs: &[Logged], stamps: &[Stamped]) -> Vec<ProvedTime> {
    let promised = logs.iter().filter_map(|logged| {
        Some(ProvedTime {
            time: logged.integrated_time()?,
            by: TimeSource::Log(logged.log_name().to_owned()),
        })
    });
    let stamped = stamps.iter().map(|stamped| ProvedTime {
        time: stamped.time(),
        by: TimeSource::Authority(stamped.authority().to_string()),
    });
    promised.chain(stamped).collect()
}

#[cfg(test)]
mod tests;
