//! The envelope as written, alone or in a bundle.

use serde::Deserialize;

use super::{EnvelopeError, MAX_PAYLOAD_TYPE_BYTES, MAX_SIGNATURES};
use crate::capped::{Capped, capped};
use crate::encoding;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    payload: String,
    #[serde(alias = "payload_type")]
    payload_type: String,
    #[serde(default, deserialize_with = "capped::<_, _, MAX_SIGNATURES>")]
    signatures: Capped<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
    #[serde(alias = "key_id")]
    keyid: Option<String>,
}

impl Envelope {
    pub(crate) fn read(self) -> Result<super::Envelope, EnvelopeError> {
        let (types, found) = (1..=MAX_PAYLOAD_TYPE_BYTES, self.payload_type.len());
        if !types.contains(&found) {
            return Err(EnvelopeError::PayloadType {
                limit: MAX_PAYLOAD_TYPE_BYTES,
                found,
            });
        }
        let (counts, found) = (1..=MAX_SIGNATURES, self.signatures.found);
        if !counts.contains(&found) {
            return Err(EnvelopeError::SignatureCount {
                limit: MAX_SIGNATURES,
                found,
            });
        }
        let signatures = self.signatures.kept.into_iter().map(|signature| {
            let bytes = decode("signatures.sig", &signature.sig)?;
            Ok(super::Signature {
                bytes,
                key_id: signature.keyid.filter(|id| !id.is_empty()),
            })
        });
        Ok(super::Envelope {
            signatures: signatures.collect::<Result<_, _>>()?,
            payload: decode("payload", &self.payload)?,
            payload_type: self.payload_type,
        })
    }
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, EnvelopeError> {
    encoding::decode(text).map_err(|source| EnvelopeError::Base64 { field, source })
}
