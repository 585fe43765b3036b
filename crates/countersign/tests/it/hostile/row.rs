//! One row: who does what, what is asked for, and what must come of it.

use std::fmt;

use countersign_hostile::{Behaviour, Face, Login, Stock};

/// What one behaviour must come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) behaviour: Behaviour,
    pub(crate) face: Face,
    pub(crate) login: Login,
    pub(crate) stock: Stock,
    /// Whether the unsigned image beside the one of this stock is asked for.
    pub(crate) other: bool,
    pub(crate) expected: Expected,
    /// What the reason, or the ground, says.
    pub(crate) says: &'static str,
    /// What the program is given for the image, in seconds.
    pub(crate) seconds: u64,
    /// Most requests that may be made of the registry.
    pub(crate) requests: usize,
    /// Most memory that may be taken beside what a run against an honest registry takes, in bytes.
    pub(crate) memory: u64,
    pub(crate) others: Others,
}

/// The verdict, with the code of its first reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Admitted,
    Denied(&'static str),
    Undecided(&'static str),
}

/// How much the two servers beside the registry, and everybody that a proxy could lead to, may hear of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// Not so much as a connection.
    Nothing,
    /// Requests without any credential; and there are some.
    Anonymous,
}

impl Expected {
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Admitted => 0,
            Self::Denied(_) => 1,
            Self::Undecided(_) => 3,
        }
    }

    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Self::Admitted => None,
            Self::Denied(code) | Self::Undecided(code) => Some(code),
        }
    }
}

pub(crate) const fn row(behaviour: Behaviour, stock: Stock, expected: Expected) -> Row {
    Row {
        behaviour,
        face: Face::Plain,
        login: Login::Bearer,
        stock,
        other: false,
        expected,
        says: "",
        seconds: 60,
        requests: 20,
        memory: 64 << 20,
        others: Others::Nothing,
    }
}

impl Row {
    pub(crate) const fn met(self, face: Face) -> Self {
        Self { face, ..self }
    }

    pub(crate) const fn basic(self) -> Self {
        Self {
            login: Login::Basic,
            ..self
        }
    }

    pub(crate) const fn other(self) -> Self {
        Self { other: true, ..self }
    }

    pub(crate) const fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    pub(crate) const fn requests(self, requests: usize) -> Self {
        Self { requests, ..self }
    }

    /// Where only the deadline ends it.
    pub(crate) const fn until_the_deadline(self) -> Self {
        Self { seconds: 4, ..self }
    }

    /// Where as much is kept as one image may have.
    pub(crate) const fn with_full_budget(self) -> Self {
        Self {
            memory: 256 << 20,
            ..self
        }
    }

    pub(crate) const fn anonymous_elsewhere(self) -> Self {
        Self {
            others: Others::Anonymous,
            ..self
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            behaviour,
            face,
            login,
            stock,
            ..
        } = self;
        write!(f, "{behaviour} ({stock:?}, {face:?}, {login:?})")
    }
}
