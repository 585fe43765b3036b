//! What an entry says, before it is bytes.

use std::collections::BTreeMap;

use countersign_image::Digest;
use jiff::Timestamp;

use super::{Actor, Commitment, EventType, Field};

/// The most digests of objects in one entry.
pub const MAX_DIGESTS: usize = 256;

/// A key, and the vault's word on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key's name.
    pub key: String,
    /// Its version; for a key in a file, which has none, 0.
    pub version: u64,
    /// The vault's own number of the request, by which its audit log knows it; none before it was asked, and none for a
    /// key in a file.
    pub request_id: Option<String>,
}

/// One event. What a [type](EventType) has no place for is refused when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, which is its index in the tree.
    pub seq: u64,
    /// When, to the millisecond: what is finer is cut.
    pub time: Timestamp,
    /// What happened.
    pub event: EventType,
    /// Who did it.
    pub actor: Actor,
    /// Which submission it is about.
    pub submission: Option<String>,
    /// Which image, written `repository@digest` with the registry's name.
    pub image: Option<String>,
    /// The state before.
    pub previous_state: Option<String>,
    /// The state after.
    pub state: Option<String>,
    /// Digests of what it is about, each under a name: what is large is kept elsewhere.
    pub object_digests: BTreeMap<String, Digest>,
    /// The digest of the gate or policy that held.
    pub policy_digest: Option<Digest>,
    /// Why, as a stable code, with what it is about after a colon.
    pub reason_code: Option<String>,
    /// A name within the submission, or of a gate.
    pub item: Option<String>,
    /// Where an image was published: a repository with its registry, and a tag if it has one.
    pub destination: Option<String>,
    /// A key and the vault's word on it.
    pub vault: Option<KeyUse>,
    /// The SHA-256 of the signature.
    pub signature: Option<Digest>,
    /// The number of the entry that this one answers.
    pub answers: Option<u64>,
    /// What a person said for it.
    pub justification: Option<Commitment>,
}

impl Record {
    /// An event that says nothing yet but when it was, what, and by whom.
    pub fn new(seq: u64, time: Timestamp, event: EventType, actor: Actor) -> Self {
        Self {
            seq,
            time,
            event,
            actor,
            submission: None,
            image: None,
            previous_state: None,
            state: None,
            object_digests: BTreeMap::new(),
            policy_digest: None,
            reason_code: None,
            item: None,
            destination: None,
            vault: None,
            signature: None,
            answers: None,
            justification: None,
        }
    }

    /// Whether it says something there.
    pub fn has(&self, field: Field) -> bool {
        match field {
            Field::Submission => self.submission.is_some(),
            Field::Image => self.image.is_some(),
            Field::PreviousState => self.previous_state.is_some(),
            Field::State => self.state.is_some(),
            Field::ObjectDigests => !self.object_digests.is_empty(),
            Field::PolicyDigest => self.policy_digest.is_some(),
            Field::ReasonCode => self.reason_code.is_some(),
            Field::Item => self.item.is_some(),
            Field::Destination => self.destination.is_some(),
            Field::Vault => self.vault.is_some(),
            Field::Signature => self.signature.is_some(),
            Field::Answers => self.answers.is_some(),
            Field::Justification => self.justification.is_some(),
        }
    }
}
