//! Asking a gate's checks of what was handed in.

mod findings;
mod image;
mod outcome;
mod sources;
mod strictness;
mod weigh;

use std::collections::BTreeMap;

use countersign_image::Digest;
use jiff::Timestamp;

pub(crate) use findings::is_known_exploited;
pub(crate) use image::base;
pub use outcome::{CODES, markdown};
pub use outcome::{Code, Outcome, Reason, Status};
pub(crate) use strictness::stricter;
pub(crate) use weigh::proof_of;

use crate::document::{Bind, Gate, Proof};
use crate::facts::{Image, Known, Source};
use crate::glob::Globs;
use crate::report::{Class, CustomDocument, Report};

/// An image as we fetched it ourselves: its digest, and everything below it that a tool may name in its stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// The digest that was submitted.
    pub digest: Digest,
    /// Of an index each platform's manifest; of a manifest itself, under the platform of its configuration.
    pub platforms: BTreeMap<String, Platform>,
}

/// The digests that stand for one platform of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Of its manifest.
    pub manifest: Digest,
    /// Of its configuration: `docker images` calls it the image's id.
    pub config: Digest,
}

impl Closure {
    /// The platforms that a digest stands for: all of them, if it is the image's own.
    fn covered_by(&self, digest: &str) -> Vec<&str> {
        if digest == self.digest.to_string() && self.platforms.len() == 1 {
            return self.platforms.keys().map(String::as_str).collect();
        }
        let is_named = |platform: &Platform| {
            [platform.manifest, platform.config]
                .iter()
                .any(|own| own.to_string() == digest)
        };
        let named = self.platforms.iter().filter(|(_, platform)| is_named(platform));
        named.map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn names(&self, digest: &str) -> bool {
        digest == self.digest.to_string() || !self.covered_by(digest).is_empty()
    }
}

/// A report that was handed in, and what is known of how.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Its slot in the submission.
    pub slot: &'a str,
    /// The digest of its bytes as they are kept, behind redaction.
    pub digest: Digest,
    /// What it says.
    pub report: &'a Report,
    /// Who vouches for it, as far as the service knows it: `E1` of a job that logged in, `E3` where a signature over it was
    /// verified, `E4` where the service looked itself. Whether a job is of a workflow that is believed more (`E2`) is the
    /// gate's to say.
    pub proof: Proof,
    /// The workflow of the job that handed it in, as its token proved it.
    pub workflow: Option<&'a str>,
    /// The commit of the job that handed it in.
    pub job_commit: Option<&'a str>,
    /// The platform that the job says it is about, for tools that name an index only.
    pub platform: Option<&'a str>,
    /// When it came, for reports that do not say when they were made.
    pub received: Timestamp,
    /// Whether the same bytes were handed in for another image before.
    pub reused: bool,
    /// The commits of the other images that the same bytes were handed in for.
    pub reused_for: &'a [&'a str],
    /// Of a document of an organisation's own what is in it ([`Report::custom`]).
    pub custom: Option<&'a CustomDocument>,
}

/// What is submitted.
#[derive(Clone, Debug)]
pub struct Submitted<'a> {
    /// The image.
    pub closure: &'a Closure,
    /// The commit of the job that submits it: its claim of what the image was built from.
    pub commit: Option<&'a str>,
    /// The reports.
    pub evidence: &'a [Evidence<'a>],
    /// Who submits.
    pub source: &'a Source,
    /// What the image is.
    pub image: &'a Image,
    /// What is known of what was found.
    pub known: &'a Known,
}

/// How the commit is known that an image was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A provenance says it, whose builder's signature was verified.
    Provenance,
    /// The job says it.
    Claim,
}

impl Link {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provenance => "provenance",
            Self::Claim => "claim",
        }
    }
}

impl Submitted<'_> {
    /// How the commit is known.
    pub fn commit_link(&self) -> Link {
        match self.proven_commits().next() {
            Some(_) => Link::Provenance,
            None => Link::Claim,
        }
    }

    /// The commits that verified provenances of this image name.
    fn proven_commits(&self) -> impl Iterator<Item = &str> {
        let proven = self.evidence.iter().filter(|evidence| {
            evidence.proof >= Proof::E3
                && evidence.report.classes.contains(&Class::Provenance)
                && weigh::is_about(Bind::Image, evidence, self)
        });
        proven.filter_map(|evidence| evidence.report.subject.commit.as_deref())
    }
}

impl Evidence<'_> {
    /// Who vouches for it, where these workflows of this issuer are believed more than others. Patterns name the issuer first:
    /// what one issuer calls a workflow says nothing of the workflows of another.
    pub fn proof_where(&self, issuer: &str, trusted_workflows: &Globs) -> Proof {
        let is_trusted = |workflow: &str| {
            // A pattern's issuer ends at its first colon.
            !trusted_workflows.is_empty()
                && !issuer.contains(':')
                && trusted_workflows.accept(&format!("{issuer}:{workflow}"))
        };
        match self.proof {
            Proof::E1 if self.workflow.is_some_and(is_trusted) => Proof::E2,
            // That is the gate's to say.
            Proof::E2 => Proof::E1,
            proof => proof,
        }
    }
}

/// Asks every check of a gate, in its order.
pub fn ask(gate: &Gate, submitted: &Submitted<'_>, now: Timestamp) -> Vec<Outcome> {
    let asked = gate
        .checks
        .iter()
        .map(|check| weigh::ask(check, &gate.trusted_workflows, submitted, now));
    let mut outcomes: Vec<Outcome> = asked.collect();
    outcomes.extend(sources::ask(&gate.sources, submitted.source));
    // Each demand on every platform would hold of none.
    if submitted.closure.platforms.is_empty() {
        outcomes.push(Outcome::without_platforms());
    }
    if gate.expires.is_some_and(|expires| now >= expires) {
        outcomes.push(Outcome::expired(&gate.name));
    }
    outcomes
}

/// Whether an image may go on: no check turns it away, and at least one was asked of something that was handed in.
pub fn opens(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| outcome.status != Status::Failed)
        && outcomes.iter().any(|outcome| outcome.status != Status::Skipped)
}
