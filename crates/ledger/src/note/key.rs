//! Keys of notes: who may have signed, as a name, a type and a public key.

use std::fmt;
use std::str::FromStr;

use countersign_evidence::{HashRule, PublicKey, Scheme};
use countersign_image::Digest;
use countersign_image::text::excerpt;

use super::NoteError;
use crate::encoding;

/// The longest name of a key, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// What a SubjectPublicKeyInfo of Ed25519 has before the key (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What a key signs (C2SP signed-note, "Signature types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// The text of notes.
    Note,
    /// As a witness, a checkpoint and the time at which it was the newest that the witness knew (C2SP tlog-cosignature).
    Cosignature,
}

impl KeyType {
    fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Note, Self::Cosignature]
            .into_iter()
            .find(|kind| kind.byte() == byte)
    }
}

/// An Ed25519 key under its name, written `name+id+key`: the id in hex, the key in base64 after the byte of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyType,
    raw: [u8; 32],
    key: PublicKey,
    id: [u8; 4],
}

impl VerifierKey {
    /// A key of 32 bytes (RFC 8032, section 5.1.5) under a name, which is best an address without its scheme.
    pub fn new(name: &str, kind: KeyType, raw: [u8; 32]) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Name {
                name: excerpt(name, 80),
            });
        }
        let spki = [&SPKI[..], &raw].concat();
        let key = PublicKey::from_spki_der(&spki).map_err(|_| no_key(name, "its key is not one of Ed25519"))?;
        Ok(Self {
            name: name.to_owned(),
            kind,
            raw,
            id: id(name, kind, &raw),
            key,
        })
    }

    /// Reads a key as it is written. Its id must be that of its name and key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let wrong = |detail| no_key(text, detail);
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("it has not three parts"));
        };
        let bytes = encoding::decode(key).ok_or_else(|| wrong("its key is not base64"))?;
        let (kind, raw) = bytes.split_first().ok_or_else(|| wrong("it has no key"))?;
        let kind = KeyType::of(*kind).ok_or_else(|| wrong("its key is of a type that is not known here"))?;
        let raw = raw.try_into().map_err(|_| wrong("its key has not 32 bytes"))?;
        let read = Self::new(name, kind, raw)?;
        if hex::encode(read.id) != id {
            return Err(wrong("its id is not that of its name and key"));
        }
        Ok(read)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyType {
        self.kind
    }

    /// The key without its name: two names may have one.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The beginning of SHA-256 over name, line's end, type and key: what signatures are told by.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Whether it has signed exactly this message, with Ed25519 and none of its variants.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = self.key.verify(HashRule::Natural, message, signature);
        verified.is_ok_and(|scheme| scheme == Scheme::Ed25519)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.byte()][..], &self.raw].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), encoding::encode(&key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        Self::parse(text)
    }
}

pub(crate) fn is_name(name: &str) -> bool {
    let kept_out = |character: char| character.is_whitespace() || character.is_control() || character == '+';
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.contains(kept_out)
}

fn id(name: &str, kind: KeyType, raw: &[u8; 32]) -> [u8; 4] {
    let named = [name.as_bytes(), b"\n", &[kind.byte()], raw].concat();
    let hash = Digest::sha256(&named);
    *hash.raw().first_chunk().expect("SHA-256 has more than four bytes")
}

fn no_key(text: &str, detail: &'static str) -> NoteError {
    NoteError::Key {
        text: excerpt(text, 120),
        detail,
    }
}
