//! One root at one moment: what is believed, since when, and what went wrong since.

use std::sync::Arc;

use countersign_image::Digest;
use jiff::Timestamp;

use crate::embedded::EMBEDDED_AT;
use crate::error::RootError;
use crate::file::{self, Mark};
use crate::follow::Renewed;
use crate::roots::Obtained;
use crate::source::Source;
use crate::tuf;

/// One root at one moment.
#[derive(Clone, Debug)]
pub(crate) struct State {
    root: Obtained,
    /// When it was verified at its source.
    verified: Option<Timestamp>,
    expires: Option<Timestamp>,
}

impl State {
    /// What a source amounts to that lies at hand.
    pub(crate) fn of(source: &Source, now: Timestamp) -> Self {
        let (verified, root) = match source {
            Source::Given(root) => (None, Ok(Arc::clone(root))),
            Source::Embedded(instance) => (Some(EMBEDDED_AT), instance.root().map_err(RootError::Unreadable)),
            Source::File(path) => {
                let written = Mark::of(path).and_then(|mark| mark.written());
                (written, file::read(path).map_err(RootError::File))
            }
            Source::Archive(archive) => match tuf::found_in(archive, now) {
                Ok(found) => {
                    return Self {
                        root: Ok(found.root),
                        verified: Some(now),
                        expires: Some(found.expires),
                    };
                }
                Err(error) => (None, Err(RootError::Archive(error))),
            },
            Source::Repository(_) => (None, Err(RootError::NotYet)),
            Source::Nowhere(why) => (None, Err(RootError::Nowhere(why.clone()))),
        };
        Self {
            verified: verified.filter(|_| root.is_ok()),
            root: root.map_err(Arc::new),
            expires: None,
        }
    }

    /// No root, and why.
    pub(crate) fn none(why: RootError) -> Self {
        Self {
            root: Err(Arc::new(why)),
            verified: None,
            expires: None,
        }
    }

    /// What is remembered of a repository, if anything.
    pub(crate) fn remembered(renewed: Option<Renewed>) -> Self {
        renewed.map_or_else(|| Self::none(RootError::NotYet), Self::from)
    }

    pub(crate) fn root(&self) -> &Obtained {
        &self.root
    }

    pub(crate) fn verified(&self) -> Option<Timestamp> {
        self.verified
    }

    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    pub(crate) fn generation(&self) -> Option<Digest> {
        self.root.as_ref().ok().map(|root| *root.generation())
    }

    /// What was good stays; where nothing was, the latest trouble is what there is to say.
    pub(crate) fn failed(&mut self, error: Arc<RootError>) {
        if self.root.is_err() {
            self.root = Err(error);
        }
    }
}

impl From<Renewed> for State {
    fn from(renewed: Renewed) -> Self {
        Self {
            root: Ok(renewed.root),
            verified: Some(renewed.at),
            expires: Some(renewed.expires),
        }
    }
}
