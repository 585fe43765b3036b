//! Entries of the ledger as the service writes them.

use countersign_identity::Submitter;
use countersign_image::Digest;
use countersign_ledger::leaf::{ActorKind, KeyUse};
use countersign_ledger::{Actor, Commitment, EventType, Record};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A job, and the salt under which the ledger commits to who it is. Kept with the session and with what it submits; whoever
/// forgets it has forgotten the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) submitter: Submitter,
    /// Random, hex.
    pub(crate) salt: String,
}

/// The job as the ledger has it: by its issuer, and by a commitment to its subject.
pub(crate) fn job(job: &Job) -> Actor {
    Actor {
        kind: ActorKind::Job,
        issuer: Some(job.submitter.issuer_url.clone()),
        subject: Commitment::of(job.salt.as_bytes(), &job.submitter.subject),
        roles: Vec::new(),
        address: None,
    }
}

/// Somebody who did not prove who he is.
pub(crate) fn stranger() -> Actor {
    Actor {
        kind: ActorKind::Stranger,
        ..Actor::SERVICE
    }
}

/// An entry on its way: its number is given when it is stored.
pub(crate) struct Happened(Record);

/// Begins an entry.
pub(crate) fn record(event: EventType, actor: Actor, now: Timestamp) -> Happened {
    Happened(Record::new(0, now, event, actor))
}

impl Happened {
    pub(crate) fn submission(mut self, id: &str) -> Self {
        self.0.submission = Some(id.to_owned());
        self
    }

    /// `repository@digest`, with the registry's name.
    pub(crate) fn image(mut self, image: &str) -> Self {
        self.0.image = Some(image.to_owned());
        self
    }

    pub(crate) fn states(mut self, before: Option<&str>, after: &str) -> Self {
        self.0.previous_state = before.map(str::to_owned);
        self.0.state = Some(after.to_owned());
        self
    }

    pub(crate) fn object(mut self, name: &str, digest: Digest) -> Self {
        self.0.object_digests.insert(name.to_owned(), digest);
        self
    }

    pub(crate) fn gate(mut self, digest: Digest) -> Self {
        self.0.policy_digest = Some(digest);
        self
    }

    pub(crate) fn reason(mut self, code: &str) -> Self {
        self.0.reason_code = Some(code.to_owned());
        self
    }

    pub(crate) fn item(mut self, item: &str) -> Self {
        self.0.item = Some(item.to_owned());
        self
    }

    pub(crate) fn destination(mut self, destination: &str) -> Self {
        self.0.destination = Some(destination.to_owned());
        self
    }

    pub(crate) fn key(mut self, key: KeyUse) -> Self {
        self.0.vault = Some(key);
        self
    }

    pub(crate) fn signature(mut self, signature: &[u8]) -> Self {
        self.0.signature = Some(Digest::sha256(signature));
        self
    }

    pub(crate) fn answers(mut self, seq: u64) -> Self {
        self.0.answers = Some(seq);
        self
    }

    pub(crate) fn done(self) -> Record {
        self.0
    }
}
