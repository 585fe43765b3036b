//! DSSE envelopes: a payload, its type, and signatures over both.
//!
//! The format is `envelope.md` and `protocol.md` of `secure-systems-lab/dsse`, version 1.

#[cfg(test)]
mod tests;
pub(crate) mod wire;

use countersign_image::{JsonError, json};
use thiserror::Error;

use crate::encoding::NotBase64;

/// The largest envelope that is read, in bytes.
pub const MAX_ENVELOPE_BYTES: usize = 32 * 1024 * 1024;
/// The most signatures in an envelope.
pub const MAX_SIGNATURES: usize = 16;
/// The longest payload type, in bytes.
pub const MAX_PAYLOAD_TYPE_BYTES: usize = 256;

/// A DSSE envelope. The payload stays closed until a signature over it was verified; nothing but
/// [`verify_envelope`](crate::verify_envelope) opens it for more than display.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) bytes: Vec<u8>,
    /// Unsigned, so that it says nothing.
    pub(crate) key_id: Option<String>,
}

impl Envelope {
    /// Reads an envelope of 1 to [`MAX_SIGNATURES`] signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(EnvelopeError::TooLarge {
                limit: MAX_ENVELOPE_BYTES,
                found: bytes.len(),
            });
        }
        json::strict::<wire::Envelope>(bytes)
            .map_err(EnvelopeError::Json)?
            .read()
    }

    /// What the payload is: covered by the signatures, but not yet verified.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// How many signatures there are.
    pub fn signature_count(&self) -> usize {
        self.signatures.len()
    }

    /// The payload, about which nobody has proved anything: for display.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The hints at the signers' keys: unsigned, for display.
    pub fn unverified_key_ids(&self) -> impl Iterator<Item = &str> {
        self.signatures
            .iter()
            .filter_map(|signature| signature.key_id.as_deref())
    }

    /// What the signatures are over.
    pub(crate) fn message(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The signatures as bytes.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = &[u8]> {
        self.signatures.iter().map(|signature| signature.bytes.as_slice())
    }
}

/// The payload is not printed: a log is a display too, and it may be large.
impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope")
            .field("payload_type", &self.payload_type)
            .field("payload_bytes", &self.payload.len())
            .field("signatures", &self.signatures.len())
            .finish()
    }
}

/// DSSE's pre-authentication encoding, which is what signatures are over:
/// `DSSEv1 <length of type> <type> <length of payload> <payload>`, lengths in bytes, decimal.
///
/// ```
/// let encoded = countersign_evidence::envelope::pae("http://example.com/HelloWorld", b"hello world");
/// assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
/// ```
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// Why bytes are not a DSSE envelope that we read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The envelope is larger than is read.
    #[error("the envelope has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// Not strict JSON, or a field is missing or of the wrong type.
    #[error("the envelope is not readable")]
    Json(#[source] JsonError),
    /// A field is not base64.
    #[error("the envelope's `{field}` is not readable")]
    Base64 {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: NotBase64,
    },
    /// The payload's type is empty or too long.
    #[error("the envelope's `payloadType` has {found} bytes, and from 1 to {limit} are read")]
    PayloadType {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// There is no signature, or there are too many.
    #[error("the envelope has {found} signatures, and from 1 to {limit} are read")]
    SignatureCount {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
}
