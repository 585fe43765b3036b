//! A submission's life: its states, the steps between them, and what it is known by.
//!
//! A submission is REJECTED by a decision and FAILED by an outage: who reads the answer does something else in either case.
//! FAILED goes on where it failed, or before: nothing is signed that was not judged, nothing published that was not signed.

mod known_by;
mod markdown;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use known_by::{Job, View, evidence_set_digest, id};
pub use markdown::markdown;

macro_rules! states {
    ($($(#[doc = $doc:literal])+ $state:ident $name:literal)+) => {
        /// Where a submission is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum State {
            $($(#[doc = $doc])+ $state,)+
        }

        impl State {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$state),+];

            /// As it is written.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$state => $name,)+
                }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$state => concat!($($doc),+).trim_start(),)+
                }
            }
        }
    };
}

states! {
    /// It takes evidence in.
    Received "RECEIVED"
    /// Its evidence is fixed, and the gate is being asked.
    Evaluating "EVALUATING"
    /// The gate is open but for people.
    AwaitingApproval "AWAITING_APPROVAL"
    /// The gate opened; it is asked once more, and the keys sign.
    Signing "SIGNING"
    /// Every signature is stored, and on its way to the registry.
    Publishing "PUBLISHING"
    /// It is at its destination, and was read back from there.
    Published "PUBLISHED"
    /// The gate or a person said no.
    Rejected "REJECTED"
    /// Something that does not pass by itself was in the way; nobody said no.
    Failed "FAILED"
    /// Nobody sealed or approved it in time.
    Expired "EXPIRED"
    /// Its submitter took it back.
    Cancelled "CANCELLED"
    /// What was published is not to run any more.
    Revoked "REVOKED"
}

impl State {
    /// Reads a [name](Self::name).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }

    /// Whether no step leads away from it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired | Self::Cancelled | Self::Revoked)
    }

    /// Whether the service does nothing more for it by itself, so that nobody need wait for it.
    pub fn is_settled(self) -> bool {
        self.is_terminal() || matches!(self, Self::Published | Self::Failed)
    }

    /// Where a step leads from here. What `may_be_out`, because it was on its way to the registry once, is not taken back and
    /// not turned away as if nobody had it: from then on a no revokes it.
    pub fn after(self, step: Step, may_be_out: bool) -> Result<Self, NotFrom> {
        let not_from = NotFrom {
            state: self,
            step,
            may_be_out,
        };
        let unless_out = |ended: Self| if may_be_out { Self::Revoked } else { ended };
        let next = match (self, step) {
            (Self::Received, Step::Seal) => Self::Evaluating,
            (Self::Evaluating, Step::Hold) => Self::AwaitingApproval,
            (Self::Evaluating | Self::AwaitingApproval, Step::Open) => Self::Signing,
            (Self::Evaluating | Self::AwaitingApproval | Self::Signing, Step::Refuse) => unless_out(Self::Rejected),
            (Self::AwaitingApproval | Self::Signing, Step::Reevaluate) => Self::Evaluating,
            (Self::Signing, Step::Sign) => Self::Publishing,
            (Self::Publishing, Step::Publish) => Self::Published,
            (Self::Evaluating | Self::Signing | Self::Publishing, Step::Fail) => Self::Failed,
            (Self::Failed, Step::Retry { failed_in }) => match failed_in {
                Self::Evaluating => Self::Evaluating,
                // Its signatures are stored: the gate is asked once more, and none is made again.
                Self::Signing | Self::Publishing => Self::Signing,
                _ => return Err(not_from),
            },
            (Self::Received | Self::AwaitingApproval, Step::Expire) => unless_out(Self::Expired),
            (
                Self::Received | Self::Evaluating | Self::AwaitingApproval | Self::Signing | Self::Failed,
                Step::Cancel,
            ) if !may_be_out => Self::Cancelled,
            (Self::Published, Step::Revoke) => Self::Revoked,
            (Self::Failed, Step::Revoke) if may_be_out => Self::Revoked,
            _ => return Err(not_from),
        };
        Ok(next)
    }
}

/// What happens to a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Intake ends.
    Seal,
    /// The gate is open but for people.
    Hold,
    /// The gate opened.
    Open,
    /// The gate or a person said no.
    Refuse,
    /// What was judged is not what holds now: the gate is asked anew.
    Reevaluate,
    /// Every signature is stored.
    Sign,
    /// It was read back from its destination.
    Publish,
    /// Something does not pass by itself, or took too long to.
    Fail,
    /// It goes on.
    Retry {
        /// Where it failed.
        failed_in: State,
    },
    /// Its time is over.
    Expire,
    /// Its submitter takes it back.
    Cancel,
    /// It is not to run any more.
    Revoke,
}

/// Who may do a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The job that submitted, or another of its repository.
    Submitter,
    /// The service itself, at its own work.
    Service,
    /// A person with that role.
    Person,
}

impl Step {
    /// Every step, a retry from each state.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = [
            Self::Seal,
            Self::Hold,
            Self::Open,
            Self::Refuse,
            Self::Reevaluate,
            Self::Sign,
            Self::Publish,
            Self::Fail,
            Self::Expire,
            Self::Cancel,
            Self::Revoke,
        ];
        let retries = State::ALL.iter().map(|failed_in| Self::Retry { failed_in: *failed_in });
        plain.into_iter().chain(retries)
    }

    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Hold => "hold",
            Self::Open => "open",
            Self::Refuse => "refuse",
            Self::Reevaluate => "reevaluate",
            Self::Sign => "sign",
            Self::Publish => "publish",
            Self::Fail => "fail",
            Self::Retry { .. } => "retry",
            Self::Expire => "expire",
            Self::Cancel => "cancel",
            Self::Revoke => "revoke",
        }
    }

    /// Who may do it. A person's no is given through the service, which counts it.
    pub fn who(self) -> Who {
        match self {
            Self::Seal | Self::Retry { .. } | Self::Cancel => Who::Submitter,
            Self::Revoke => Who::Person,
            _ => Who::Service,
        }
    }
}

/// A step that does not lead away from where a submission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a submission that is {state}{out} has no step `{step}`",
    state = .state.name(),
    step = .step.name(),
    out = if *.may_be_out { ", and whose signatures may be out," } else { "" }
)]
pub struct NotFrom {
    /// Where it is.
    pub state: State,
    /// What was to happen.
    pub step: Step,
    /// Whether it was on its way to the registry before.
    pub may_be_out: bool,
}
