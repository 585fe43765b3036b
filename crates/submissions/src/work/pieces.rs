//! What is sealed, as it is stored: published later byte for byte, whoever does it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Layout, PublicKey, SealError, Sealed, ToBeSigned};
use countersign_gate::Kind;
use serde::{Deserialize, Serialize};

/// One form of what was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case", deny_unknown_fields)]
enum Piece {
    /// Under the image's `.sig` tag.
    Simple { payload: String, signature: String },
    /// Under the image's `.att` tag.
    Envelope { bytes: String },
    /// As a referrer.
    Bundle { bytes: String },
}

/// Wraps a signature for every layout that holds it. Each is read back as a stranger would, with the key's public half.
pub(super) fn seal(
    kind: &Kind,
    what: &ToBeSigned,
    signature: &[u8],
    key: &PublicKey,
) -> Result<Vec<(Layout, Sealed)>, SealError> {
    let layouts: &[Layout] = match kind {
        Kind::Simple => &[Layout::Tag],
        Kind::Sign => &[Layout::Bundle],
        _ => &[Layout::Tag, Layout::Bundle],
    };
    let sealed = layouts
        .iter()
        .map(|layout| Ok((*layout, what.clone().seal(*layout, signature, key)?)));
    sealed.collect()
}

/// As bytes for the store.
pub(super) fn written(pieces: &[(Layout, Sealed)]) -> Vec<u8> {
    let pieces: Vec<Piece> = pieces
        .iter()
        .map(|(_, sealed)| match sealed {
            Sealed::Simple { payload, signature_b64 } => Piece::Simple {
                payload: STANDARD.encode(payload),
                signature: signature_b64.clone(),
            },
            Sealed::Envelope(bytes) => Piece::Envelope {
                bytes: STANDARD.encode(bytes),
            },
            Sealed::Bundle(bytes) => Piece::Bundle {
                bytes: STANDARD.encode(bytes),
            },
        })
        .collect();
    serde_json::to_vec(&pieces).expect("texts are always JSON")
}

/// Bytes that are no pieces: nobody but us has written them.
#[derive(Debug, thiserror::Error)]
#[error("what is stored of a signature cannot be read")]
pub(super) struct Unreadable;

/// Back from the store.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(Layout, Sealed)>, Unreadable> {
    let pieces: Vec<Piece> = serde_json::from_slice(bytes).map_err(|_| Unreadable)?;
    let decoded = |text: &str| STANDARD.decode(text).map_err(|_| Unreadable);
    let read = pieces.into_iter().map(|piece| {
        Ok(match piece {
            Piece::Simple { payload, signature } => (
                Layout::Tag,
                Sealed::Simple {
                    payload: decoded(&payload)?,
                    signature_b64: signature,
                },
            ),
            Piece::Envelope { bytes } => (Layout::Tag, Sealed::Envelope(decoded(&bytes)?)),
            Piece::Bundle { bytes } => (Layout::Bundle, Sealed::Bundle(decoded(&bytes)?)),
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_what_was_sealed() {
        let pieces = vec![
            (
                Layout::Tag,
                Sealed::Simple {
                    payload: b"{}".to_vec(),
                    signature_b64: "AAAA".to_owned(),
                },
            ),
            (Layout::Tag, Sealed::Envelope(vec![0, 255])),
            (Layout::Bundle, Sealed::Bundle(b"bundle".to_vec())),
        ];
        assert_eq!(read(&written(&pieces)).unwrap(), pieces);
        assert!(read(b"[{\"form\":\"other\"}]").is_err());
    }
}
