//! What an entry is held against: one signature, and what is demanded of its log.

use crate::envelope::Envelope;
use crate::key::{Hash, PublicKey};

/// Who signed.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// The holder of a certificate, DER.
    Certificate(&'a [u8]),
    /// The holder of a key that is known without a certificate.
    Key(&'a PublicKey),
}

/// What was signed.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// These bytes.
    Message(&'a [u8]),
    /// Bytes of which only one hash is at hand.
    Digest {
        /// The hash function.
        hash: Hash,
        /// The hash.
        value: &'a [u8],
    },
    /// A DSSE envelope.
    Envelope {
        /// The envelope.
        envelope: &'a Envelope,
        /// The bytes that the envelope was read from, where it was stored as a document of its own: entries of kind `intoto`
        /// 0.0.1 know their hash and nothing else. `None` for an envelope in a bundle, which has no bytes of its own.
        raw: Option<&'a [u8]>,
    },
}

/// One signature, as it would be submitted to a log.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// What was signed.
    pub signed: Signed<'a>,
    /// The signature; of an envelope, the one that was verified.
    pub signature: &'a [u8],
    /// Who signed.
    pub signer: Signer<'a>,
}

/// What is demanded of an entry besides that it is about the signature.
///
/// An entry without promise and without proof never counts, and what is there and wrong always refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRule {
    /// Whether the inclusion proof is demanded. Without it, the promise of a Rekor v1 is enough. Bundles from version 0.2
    /// on must have the proof.
    pub inclusion_proof: bool,
    /// Whether the promise is demanded: bundles of version 0.1 must have it.
    pub promise: bool,
    /// Witnesses that must have seen the log's tree.
    pub witnesses: Witnesses,
}

impl LogRule {
    /// A promise or a proof, whichever there is.
    pub const EITHER: Self = Self {
        inclusion_proof: false,
        promise: false,
        witnesses: Witnesses::NONE,
    };
    /// The inclusion proof.
    pub const PROOF: Self = Self {
        inclusion_proof: true,
        promise: false,
        witnesses: Witnesses::NONE,
    };
    /// The promise.
    pub const PROMISE: Self = Self {
        inclusion_proof: false,
        promise: true,
        witnesses: Witnesses::NONE,
    };
}

/// Witnesses that are believed, and how many of them must have cosigned (C2SP tlog-cosignature).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witnesses {
    /// The fewest distinct witnesses. More than 0 demands the inclusion proof as well.
    pub at_least: usize,
    /// Those that count.
    pub known: Vec<Witness>,
}

impl Witnesses {
    /// No witness is demanded, and none known.
    pub const NONE: Self = Self {
        at_least: 0,
        known: Vec::new(),
    };
}

/// A witness of trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name, which is the key name of its cosignatures.
    pub name: String,
    /// Its Ed25519 key.
    pub key: PublicKey,
}
