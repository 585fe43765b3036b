//! What is kept, as the callers have it.

use countersign_gate::submission::State;
use countersign_image::Digest;
use jiff::Timestamp;

/// What was asked for when something was submitted; it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The submission's id.
    pub id: String,
    /// By which the job has one submission of what it asks for.
    pub natural_key: Digest,
    /// The repository with its registry.
    pub repository: String,
    /// The image's digest.
    pub image: Digest,
    /// For which environment.
    pub environment: String,
    /// The issuer of the job's token.
    pub issuer: String,
    /// The id of the source repository, as the issuer says.
    pub repository_id: String,
    /// The commit that the token names, or the submitter.
    pub commit: Option<String>,
    /// Who submits, as JSON of the caller.
    pub submitter: String,
    /// What is asked for, as JSON of the caller: tags, annotations.
    pub request: String,
    /// When.
    pub created: Timestamp,
}

/// A submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// What was asked for.
    pub asked: Asked,
    /// Where it is.
    pub state: State,
    /// How many steps it took.
    pub version: u64,
    /// Where it failed.
    pub failed_in: Option<State>,
    /// Whether it was on its way to the registry once: from then on nobody knows that nothing of it is out.
    pub may_be_out: bool,
    /// The name of the gate.
    pub gate: String,
    /// The digest of the gate's text.
    pub gate_digest: Digest,
    /// Of everything that the image consists of.
    pub closure: Option<Digest>,
    /// Of its evidence, once it is sealed.
    pub evidence_set: Option<Digest>,
    /// Of what was judged.
    pub view: Option<Digest>,
    /// Why it is where it is, as a stable code.
    pub reason: Option<String>,
    /// What the gate answered, as JSON of the caller.
    pub outcome: Option<String>,
    /// When its time in this state is over.
    pub deadline: Option<Timestamp>,
    /// When it took the last step.
    pub changed: Timestamp,
}

/// What a step changes besides the state. What is `None` stays as it is, but for `reason` and `deadline`, which are of the
/// new state alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The gate that counts now: its name, and the digest of its text.
    pub gate: Option<(String, Digest)>,
    /// Of everything that the image consists of.
    pub closure: Option<Digest>,
    /// Of the evidence.
    pub evidence_set: Option<Digest>,
    /// Of what was judged.
    pub view: Option<Digest>,
    /// What the gate answered, as JSON of the caller.
    pub outcome: Option<String>,
    /// Why, as a stable code.
    pub reason: Option<String>,
    /// When its time in the new state is over.
    pub deadline: Option<Timestamp>,
}

/// The key of a request that may come twice (the header `Idempotency-Key`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key it is: two who use one word do not meet.
    pub scope: String,
    /// The key.
    pub key: String,
    /// The digest of the request's body.
    pub body: Digest,
}

/// What came of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New(Submission),
    /// The same was asked for before, by this key or by the same job.
    Same(Submission),
    /// Something else was asked for under this key.
    Mismatch,
    /// The image is published under this gate.
    AlreadyPublished(Submission),
}

/// Which submissions are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of this issuer and source repository.
    pub of: Option<(String, String)>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those of this image.
    pub image: Option<Digest>,
    /// Those that came before this id.
    pub before: Option<String>,
}

/// Evidence, as it was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRow {
    /// The slot.
    pub slot: String,
    /// The digest of what was sent.
    pub received: Digest,
    /// The digest of what is kept, which is the same but for redacted secrets.
    pub sha256: Digest,
    /// How long what is kept is, in bytes.
    pub size: u64,
    /// What it was recognised as.
    pub format: String,
    /// The platform that it was said to be of.
    pub platform: Option<String>,
    /// What else was read from it, as JSON of the caller.
    pub detail: String,
    /// When it came.
    pub time: Timestamp,
}

/// What came of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is kept.
    Added,
    /// The same was there.
    Same,
    /// Something else is in this slot.
    SlotTaken,
    /// All slots are taken.
    Full,
    /// Nothing more is taken in: the submission is not RECEIVED any more.
    Sealed,
}

/// Work that follows a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWork {
    /// What is to be done.
    pub kind: String,
    /// From when on.
    pub due: Timestamp,
}

/// The right to work on something until somebody else takes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub(crate) work: String,
    pub(crate) token: i64,
}

/// Work that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// What is to be done.
    pub kind: String,
    /// For which submission.
    pub submission: String,
    /// How often it was claimed, this time included.
    pub attempt: u64,
    /// When it was put into the queue.
    pub since: Timestamp,
    /// Why it was put off the last time.
    pub why: Option<String>,
    /// The right to do it.
    pub fence: Fence,
}

/// A signature. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRow {
    /// The submission.
    pub submission: String,
    /// What was decided, by the digest of what was judged: what one decision had signed is not published with another's.
    pub decision: Digest,
    /// What was signed: with the key, unique in the decision.
    pub kind: String,
    /// The key's name.
    pub key: String,
    /// The key's version.
    pub key_version: u64,
    /// The type of the predicate, of attestations.
    pub predicate_type: Option<String>,
    /// What was signed.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The bytes that are published.
    pub sealed: Vec<u8>,
    /// The vault's number of the request.
    pub request_id: Option<String>,
    /// When.
    pub time: Timestamp,
}

/// What came of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept.
    Kept,
    /// There is one for the same decision: that is what is published.
    There(Box<SignatureRow>),
}

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRow {
    /// The repository with its registry.
    pub repository: String,
    /// The image's digest.
    pub image: Digest,
    /// The submission that published it.
    pub submission: String,
    /// The digests of all manifests, as JSON of the caller.
    pub manifests: String,
    /// When it was published.
    pub time: Timestamp,
    /// When it was last read back.
    pub verified: Timestamp,
}

/// A gate's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateText {
    /// The digest of the text.
    pub digest: Digest,
    /// The gate's name.
    pub name: String,
    /// The text.
    pub text: String,
    /// When it was first loaded.
    pub loaded: Timestamp,
}

/// A version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    /// The key's name.
    pub name: String,
    /// The version; 0 for a key that has none.
    pub version: u64,
    /// The public key, PEM.
    pub pem: String,
    /// The SHA-256 of the public key's SPKI.
    pub spki: Digest,
    /// When it was first used.
    pub first_used: Timestamp,
    /// When another version took its place.
    pub retired: Option<Timestamp>,
}
