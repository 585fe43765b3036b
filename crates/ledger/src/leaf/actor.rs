//! Who did something.

use super::commitment::Commitment;

/// The most roles that are told of one actor.
pub const MAX_ROLES: usize = 32;

/// What somebody is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// The service itself.
    Service,
    /// A job of a pipeline, by the token it came with.
    Job,
    /// A person who has logged in.
    Person,
    /// Somebody who did not prove who he is.
    Stranger,
}

impl ActorKind {
    pub(super) const ALL: [Self; 4] = [Self::Service, Self::Job, Self::Person, Self::Stranger];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Job => "job",
            Self::Person => "person",
            Self::Stranger => "stranger",
        }
    }
}

/// Who did something, without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What he is to the service.
    pub kind: ActorKind,
    /// Who says who he is: the issuer of his token, an address.
    pub issuer: Option<String>,
    /// Who he is, as that issuer says: its `sub`, or ids that stay.
    pub subject: Option<Commitment>,
    /// What he may do here: words of the service.
    pub roles: Vec<String>,
    /// The address that he came from.
    pub address: Option<Commitment>,
}

impl Actor {
    /// The service, at its own work.
    pub const SERVICE: Self = Self {
        kind: ActorKind::Service,
        issuer: None,
        subject: None,
        roles: Vec::new(),
        address: None,
    };
}
