//! Annotations that cosign 2 puts beside a signature, on its layer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use countersign_image::{annotation, json};
use serde::Deserialize;

use super::{Certificates, MaterialError};
use crate::bundle::MAX_CERTIFICATES;
use crate::encoding;

/// The longest annotation that is read, in bytes.
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;

type Annotations = BTreeMap<String, String>;

/// An annotation; an empty one is none, as with cosign.
fn written<'a>(annotations: &'a Annotations, name: &str) -> Option<&'a str> {
    annotations
        .get(name)
        .map(String::as_str)
        .filter(|text| !text.is_empty())
}

fn bounded<'a>(annotations: &'a Annotations, name: &'static str) -> Result<Option<&'a str>, MaterialError> {
    match written(annotations, name) {
        Some(text) if text.len() > MAX_ANNOTATION_BYTES => Err(MaterialError::TooLarge {
            annotation: name,
            limit: MAX_ANNOTATION_BYTES,
            found: text.len(),
        }),
        text => Ok(text),
    }
}

/// The first certificate is the signer's: what else stands in its annotation is read over, as cosign does.
pub(super) fn certificates(annotations: &Annotations) -> Result<Certificates<'static>, MaterialError> {
    let name = annotation::COSIGN_CERTIFICATE;
    let text = bounded(annotations, name)?.ok_or(MaterialError::NoCertificate)?;
    let mut own = pem(name, text)?;
    if own.is_empty() {
        return Err(MaterialError::NoCertificate);
    }
    let leaf = Cow::Owned(own.swap_remove(0));
    let name = annotation::COSIGN_CHAIN;
    let others = bounded(annotations, name)?.map_or_else(|| Ok(Vec::new()), |text| pem(name, text))?;
    let others = Cow::Owned(others);
    Ok(Certificates { leaf, others })
}

/// The log entry, as cosign's own JSON. Its reader bounds it.
pub(super) fn entry(annotations: &Annotations) -> Option<&str> {
    written(annotations, annotation::COSIGN_BUNDLE)
}

/// The timestamp, DER.
pub(super) fn timestamp(annotations: &Annotations) -> Result<Option<Vec<u8>>, MaterialError> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "SignedRFC3161Timestamp")]
        signed_timestamp: String,
    }
    let name = annotation::COSIGN_RFC3161;
    let Some(text) = bounded(annotations, name)? else {
        return Ok(None);
    };
    let wire: Wire = json::strict(text.as_bytes()).map_err(|source| MaterialError::Json {
        annotation: name,
        source,
    })?;
    let decoded = encoding::decode(&wire.signed_timestamp);
    decoded.map(Some).map_err(|source| MaterialError::Base64 {
        annotation: name,
        source,
    })
}

/// The certificates of a PEM text (RFC 7468), DER. Text between the blocks is read over.
fn pem(annotation: &'static str, text: &str) -> Result<Vec<Vec<u8>>, MaterialError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let (body, after) = block.split_once(END).ok_or(MaterialError::Pem { annotation })?;
        if found.len() == MAX_CERTIFICATES {
            return Err(MaterialError::TooManyCertificates {
                annotation,
                limit: MAX_CERTIFICATES,
            });
        }
        let packed: String = body
            .chars()
            .filter(|character| !character.is_ascii_whitespace())
            .collect();
        found.push(encoding::decode(&packed).map_err(|source| MaterialError::Base64 { annotation, source })?);
        rest = after;
    }
    Ok(found)
}
