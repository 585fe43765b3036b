//! What an entry records, and whether that is one signature.

mod wire;

use countersign_image::json;
use countersign_image::text::excerpt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::entry::EntryKind;
use super::error::LogError;
use super::rule::{Signed, Signer, Submission};
use crate::envelope::Envelope;
use crate::key::Hash;

/// The most signatures that one entry records.
const MAX_SIGNATURES: usize = crate::envelope::MAX_SIGNATURES;

/// What an entry records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    kind: EntryKind,
    what: What,
    by: By,
}

/// Over what the recorded signatures are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// A message with this hash: what was signed, or the encoding of an envelope that is signed.
    Message(Hashed),
    /// An envelope whose payload has this hash.
    Payload(Hashed),
    /// An envelope whose payload has this hash and is of this type.
    TypedPayload(Hashed, String),
    /// An envelope that, as it was stored, has this hash; and its payload's, which older entries do not have.
    Envelope(Hashed, Option<Hashed>),
}

/// By whom.
#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    /// Signatures, each with whoever made it.
    Signatures(Vec<(Vec<u8>, Verifier)>),
    /// One who signed something in the envelope.
    Somebody(Verifier),
}

/// A hash, and what it was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hashed {
    hash: Hash,
    value: Vec<u8>,
}

/// Who made a signature, DER.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verifier {
    Certificate(Vec<u8>),
    Key(Vec<u8>),
}

impl Body {
    /// Reads a body of a kind that the entry says, or of whatever kind it says itself.
    pub(super) fn read(bytes: &[u8], said: Option<EntryKind>) -> Result<Self, LogError> {
        let kind = match said {
            Some(kind) => kind,
            None => Head::of(bytes)?.kind()?,
        };
        let (what, by) = match kind {
            EntryKind::HashedRekordV001 => spec::<wire::HashedRekordV001>(bytes, kind)?.read()?,
            EntryKind::HashedRekordV002 => spec::<wire::HashedRekordV002>(bytes, kind)?.read()?,
            EntryKind::DsseV001 => spec::<wire::DsseV001>(bytes, kind)?.read()?,
            EntryKind::DsseV002 => spec::<wire::DsseV002>(bytes, kind)?.read()?,
            EntryKind::IntotoV001 => spec::<wire::IntotoV001>(bytes, kind)?.read()?,
            EntryKind::IntotoV002 => spec::<wire::IntotoV002>(bytes, kind)?.read()?,
        };
        Ok(Self { kind, what, by })
    }

    pub(super) fn kind(&self) -> EntryKind {
        self.kind
    }

    /// Proves that what is recorded is this signature: the same bytes, over the same data, by the same key or certificate.
    pub(super) fn bind(&self, of: &Submission<'_>) -> Result<(), LogError> {
        self.bind_data(&of.signed)?;
        match &self.by {
            By::Somebody(verifier) => {
                verifier.bind(&of.signer)?;
                has(&of.signed, of.signature)
            }
            By::Signatures(recorded) => {
                let mut same = recorded.iter().filter(|(signature, _)| signature == of.signature);
                let (_, verifier) = same.next().ok_or(LogError::OtherSignature)?;
                verifier.bind(&of.signer)?;
                // Each must be one of the envelope's, so that the entry is about this envelope and no other.
                recorded
                    .iter()
                    .try_for_each(|(signature, _)| has(&of.signed, signature))
            }
        }
    }

    fn bind_data(&self, signed: &Signed<'_>) -> Result<(), LogError> {
        match (&self.what, signed) {
            (What::Message(hashed), Signed::Message(bytes)) => hashed.bind(bytes, "message"),
            (What::Message(hashed), Signed::Digest { hash, value }) => hashed.bind_digest(*hash, value),
            // A Rekor v2 takes an envelope for the message that is signed of it.
            (What::Message(hashed), Signed::Envelope { envelope, .. }) if self.kind.is_v2() => {
                hashed.bind(&envelope.message(), "envelope")
            }
            (What::Payload(hashed), Signed::Envelope { envelope, .. }) => {
                hashed.bind(envelope.unverified_payload(), "payload")
            }
            (What::TypedPayload(hashed, payload_type), Signed::Envelope { envelope, .. }) => {
                if payload_type != envelope.payload_type() {
                    return Err(LogError::OtherPayloadType {
                        found: excerpt(payload_type, 100),
                    });
                }
                hashed.bind(envelope.unverified_payload(), "payload")
            }
            (What::Envelope(hashed, payload), Signed::Envelope { envelope, raw }) => {
                let raw = raw.ok_or(LogError::NoRawEnvelope)?;
                hashed.bind(raw, "envelope")?;
                // The hash says nothing about an envelope that was read from other bytes.
                if Envelope::parse(raw).as_ref() != Ok(*envelope) {
                    return Err(LogError::OtherData { what: "envelope" });
                }
                let payload = payload.as_ref();
                payload.map_or(Ok(()), |payload| payload.bind(envelope.unverified_payload(), "payload"))
            }
            (What::Message(_), Signed::Envelope { .. }) => Err(self.cannot("an envelope")),
            (_, Signed::Message(_) | Signed::Digest { .. }) => Err(self.cannot("a message")),
        }
    }

    fn cannot(&self, what: &'static str) -> LogError {
        LogError::KindCannot { kind: self.kind, what }
    }
}

/// That a signature is one of those on an envelope, where one was signed.
fn has(signed: &Signed<'_>, signature: &[u8]) -> Result<(), LogError> {
    match signed {
        Signed::Envelope { envelope, .. } if !envelope.signatures().any(|other| other == signature) => {
            Err(LogError::OtherSignature)
        }
        _ => Ok(()),
    }
}

impl Hashed {
    fn bind(&self, bytes: &[u8], what: &'static str) -> Result<(), LogError> {
        let function = match self.hash {
            Hash::Sha224 => &aws_lc_rs::digest::SHA224,
            Hash::Sha256 => &aws_lc_rs::digest::SHA256,
            Hash::Sha384 => &aws_lc_rs::digest::SHA384,
            Hash::Sha512 => &aws_lc_rs::digest::SHA512,
        };
        self.same(aws_lc_rs::digest::digest(function, bytes).as_ref(), what)
    }

    fn bind_digest(&self, hash: Hash, value: &[u8]) -> Result<(), LogError> {
        if hash != self.hash {
            return Err(LogError::OtherHash {
                known: hash,
                found: self.hash,
            });
        }
        self.same(value, "message")
    }

    fn same(&self, value: &[u8], what: &'static str) -> Result<(), LogError> {
        if value == self.value {
            Ok(())
        } else {
            Err(LogError::OtherData { what })
        }
    }
}

impl Verifier {
    fn bind(&self, signer: &Signer<'_>) -> Result<(), LogError> {
        let same = match (self, signer) {
            (Self::Certificate(recorded), Signer::Certificate(signer)) => recorded == signer,
            (Self::Key(recorded), Signer::Key(signer)) => recorded == signer.spki_der(),
            (Self::Certificate(_), Signer::Key(_)) | (Self::Key(_), Signer::Certificate(_)) => false,
        };
        if same {
            return Ok(());
        }
        Err(LogError::OtherSigner {
            expected: match signer {
                Signer::Certificate(_) => "certificate",
                Signer::Key(_) => "key",
            },
            found: match self {
                Self::Certificate(_) => "certificate",
                Self::Key(_) => "key",
            },
        })
    }
}

/// What every body says about itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    kind: String,
    api_version: String,
}

impl Head {
    fn of(bytes: &[u8]) -> Result<Self, LogError> {
        json::strict(bytes).map_err(LogError::Body)
    }

    fn kind(&self) -> Result<EntryKind, LogError> {
        EntryKind::of(&self.kind, &self.api_version)
    }

    /// That it is of the kind that the entry says.
    fn is(&self, said: EntryKind) -> Result<(), LogError> {
        let found = self.kind()?;
        if found == said {
            Ok(())
        } else {
            Err(LogError::OtherKind { said, found })
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<S> {
    kind: String,
    api_version: String,
    spec: S,
}

/// What is in a body of some kind.
fn spec<S: DeserializeOwned>(bytes: &[u8], kind: EntryKind) -> Result<S, LogError> {
    match json::strict::<Document<S>>(bytes) {
        Ok(Document {
            kind: said,
            api_version,
            spec,
        }) => Head {
            kind: said,
            api_version,
        }
        .is(kind)
        .map(|()| spec),
        // A body of another kind is of another shape: the kind is the better reason.
        Err(error) => Head::of(bytes)?.is(kind).and(Err(LogError::Body(error))),
    }
}
