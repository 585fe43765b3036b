//! What can happen, and what an entry about it says.

use Field::{
    Answers, Destination, Image, Item, Justification, ObjectDigests, PolicyDigest, PreviousState, ReasonCode,
    Signature, State, Submission, Vault,
};

/// A part of an entry that only some types of events have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Which submission it is about.
    Submission,
    /// Which image, by digest.
    Image,
    /// The state before.
    PreviousState,
    /// The state after.
    State,
    /// Digests of what it is about, each under a name.
    ObjectDigests,
    /// The digest of the gate or policy that held.
    PolicyDigest,
    /// Why, as a stable code.
    ReasonCode,
    /// A name within the submission: a slot of evidence, a check.
    Item,
    /// Where an image was published, or its signatures put back.
    Destination,
    /// A key and the vault's word on it.
    Vault,
    /// The SHA-256 of the signature.
    Signature,
    /// The number of the entry that this one answers.
    Answers,
    /// A commitment to what a person said for it.
    Justification,
}

impl Field {
    pub(super) const ALL: [Self; 13] = [
        Submission,
        Image,
        PreviousState,
        State,
        ObjectDigests,
        PolicyDigest,
        ReasonCode,
        Item,
        Destination,
        Vault,
        Signature,
        Answers,
        Justification,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Submission => "submission",
            Image => "image",
            PreviousState => "prev_state",
            State => "state",
            ObjectDigests => "object_digests",
            PolicyDigest => "policy_digest",
            ReasonCode => "reason_code",
            Item => "item",
            Destination => "destination",
            Vault => "vault",
            Signature => "sig_sha256",
            Answers => "answers",
            Justification => "justification",
        }
    }
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $event:ident $name:literal needs [$($need:ident)*] may [$($may:ident)*])+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($(#[doc = $doc])+ $event,)+
        }

        impl EventType {
            /// Every type that this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$event),+];

            /// As it is written.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)+
                }
            }

            /// What an entry of this type has.
            pub fn needs(self) -> &'static [Field] {
                match self {
                    $(Self::$event => &[$($need),*],)+
                }
            }

            /// What an entry of this type may have besides.
            pub fn may(self) -> &'static [Field] {
                match self {
                    $(Self::$event => &[$($may),*],)+
                }
            }
        }
    };
}

events! {
    /// The log began, or a new one follows an old one, whose last checkpoint is among the digests.
    LogStarted "log_started" needs [] may [ObjectDigests]
    /// The service's configuration is another.
    ConfigurationChanged "config_changed" needs [ObjectDigests] may [ReasonCode]
    /// A gate or policy counts from now on.
    GateLoaded "gate_loaded" needs [PolicyDigest Item] may [ObjectDigests]
    /// A gate or policy was refused, and the one before it still counts.
    GateRefused "gate_refused" needs [ReasonCode Item] may [PolicyDigest ObjectDigests]
    /// Somebody was given a session.
    SessionOpened "session_opened" needs [] may [ObjectDigests]
    /// Somebody was not believed who he is.
    AuthenticationRefused "auth_denied" needs [ReasonCode] may [ObjectDigests]
    /// Somebody may not do what he asked for.
    AccessRefused "access_denied" needs [ReasonCode] may [Submission Image ObjectDigests]
    /// An image was submitted.
    Submitted "submission" needs [Submission Image State PolicyDigest] may [ObjectDigests]
    /// Evidence was taken in, into the slot that the item names.
    EvidenceReceived "evidence" needs [Submission Item ObjectDigests] may [Image ReasonCode]
    /// Nothing more is taken in: the digest of all evidence is fixed.
    Sealed "seal" needs [Submission ObjectDigests] may [Image]
    /// A check was asked, and answered with the code.
    CheckJudged "check" needs [Submission Item ReasonCode PolicyDigest] may [Image ObjectDigests]
    /// A submission went from one state to another.
    StateChanged "state" needs [Submission Image PreviousState State] may [PolicyDigest ReasonCode ObjectDigests]
    /// A key is about to sign what the digests name: for a submission, or the list of what is revoked, which is for none. No signature leaves before this is in a signed checkpoint.
    KeyUseIntended "key_use_intent" needs [Vault ObjectDigests] may [Submission Image PolicyDigest]
    /// The key has signed; this answers the intent.
    KeyUseDone "key_use_result" needs [Vault Signature Answers] may [Submission Image ObjectDigests]
    /// The key has not signed, or what it signed is not believed; this answers the intent.
    KeyUseFailed "key_use_failed" needs [Vault ReasonCode Answers] may [Submission Image ObjectDigests]
    /// An image and its signatures are at their destination, read back from there.
    Published "publish" needs [Submission Image Destination ObjectDigests] may [PolicyDigest]
    /// What was gone from a destination is there again, byte for byte.
    Healed "healed" needs [Image Destination ObjectDigests] may [Submission ReasonCode]
    /// An image is not to run any more.
    Revoked "revoke" needs [Image ReasonCode] may [Submission ObjectDigests Justification]
    /// A revocation was taken back.
    Unrevoked "unrevoke" needs [Image Answers] may [Submission ReasonCode ObjectDigests Justification]
    /// Something that was verified before does not verify any more.
    VerificationFailed "verify_failure" needs [ReasonCode] may [Submission Image Destination ObjectDigests]
    /// The vault knows of a use of a key that no entry here explains.
    OrphanFound "orphan" needs [Vault ReasonCode] may [ObjectDigests]
    /// The emergency key was let loose on an image, past its gate.
    BreakGlass "break_glass" needs [Image ReasonCode Justification] may [Submission PolicyDigest ObjectDigests]
    /// Somebody took a copy of the records.
    Exported "export" needs [ObjectDigests] may [Submission Image Item]
}
