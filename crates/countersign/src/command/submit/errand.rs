//! A submission by somebody who has all of it in hand: what a job's command does, without its flags.

use std::path::PathBuf;
use std::time::Instant;

use countersign_image::{Pinned, Tag};
use countersign_wire::{ImageName, NewSubmission, Promotion, Submission};

use super::door::Door;
use super::reports::{self, ReportName};
use super::who::Who;
use super::{follow, leave};
use crate::failure::Failure;
use crate::keyless::Given;

/// What is submitted, and by whom.
pub(crate) struct Errand<'a> {
    pub(crate) server: reqwest::Url,
    /// The service, as the token names it.
    pub(crate) audience: &'a str,
    /// The job's token, or the file with it.
    pub(crate) token: Given,
    pub(crate) image: &'a Pinned,
    pub(crate) environment: &'a str,
    pub(crate) tag: &'a Tag,
    pub(crate) reports: Vec<PathBuf>,
}

impl Errand<'_> {
    /// Submits, and waits for the end.
    ///
    /// # Errors
    /// [`Failure`] where there is no answer. A rejection is an answer.
    pub(crate) async fn run(self, http: reqwest::Client, until: Instant) -> Result<Submission, Failure> {
        let named: Vec<ReportName> = self.reports.into_iter().map(ReportName::of).collect();
        let reports = reports::read(&named)?;
        let who = Who::new(Some(self.token), self.audience.to_owned())?;
        let mut door = Door::new(http, self.server, who)?;
        door.enter(until).await?;
        let asked = NewSubmission {
            image: ImageName {
                registry: self.image.repository().host().to_owned(),
                repository: self.image.repository().path().to_owned(),
                digest: self.image.digest().to_string(),
            },
            environment: self.environment.to_owned(),
            gate: None,
            source: None,
            promote: Promotion {
                tag: Some(self.tag.as_str().to_owned()),
            },
        };
        let mut unsaid = |_| ();
        let left = leave(&mut door, &asked, &reports, until, &mut unsaid).await?;
        follow(&mut door, left, until, &mut unsaid).await
    }
}
