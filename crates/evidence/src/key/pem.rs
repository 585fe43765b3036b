//! PEM around a public key (RFC 7468), as people paste it: lines of any length, text before the block ignored.

use countersign_image::text::excerpt;
use der::Encode as _;
use der::asn1::{AnyRef, BitStringRef};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::spki::{KeyError, RSA};
use crate::encoding;

/// The longest text in which a key is looked for, in bytes.
pub const MAX_PEM_BYTES: usize = 64 * 1024;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The SubjectPublicKeyInfo in the first block of a text.
pub(super) fn read(text: &str) -> Result<Vec<u8>, KeyError> {
    if text.len() > MAX_PEM_BYTES {
        return Err(KeyError::TooLong {
            limit: MAX_PEM_BYTES,
            found: text.len(),
        });
    }
    let (label, body) = first_block(text)?;
    match label {
        "PUBLIC KEY" => contents(label, body),
        "RSA PUBLIC KEY" => wrap_rsa(&contents(label, body)?),
        _ if label.contains("PRIVATE KEY") => Err(KeyError::Private { label: shorten(label) }),
        "CERTIFICATE" | "TRUSTED CERTIFICATE" => Err(KeyError::Certificate),
        _ => Err(KeyError::UnknownLabel { label: shorten(label) }),
    }
}

/// A `PUBLIC KEY` block, lines of 64 characters.
pub(super) fn write(spki: &[u8]) -> String {
    let text = encoding::encode(spki);
    let mut pem = format!("{BEGIN}PUBLIC KEY{DASHES}\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem + END + "PUBLIC KEY" + DASHES + "\n"
}

/// The label of the first block, and what is between its two lines.
fn first_block(text: &str) -> Result<(&str, &str), KeyError> {
    let (_, rest) = text.split_once(BEGIN).ok_or(KeyError::NoPem)?;
    let (label, rest) = rest.split_once(DASHES).ok_or(KeyError::NoPem)?;
    let unfinished = || KeyError::Unfinished { label: shorten(label) };
    let (body, end) = rest.split_once(END).ok_or_else(unfinished)?;
    if !end.strip_prefix(label).is_some_and(|end| end.starts_with(DASHES)) {
        return Err(unfinished());
    }
    Ok((label, body))
}

fn contents(label: &str, body: &str) -> Result<Vec<u8>, KeyError> {
    let packed: String = body
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    encoding::decode(&packed).map_err(|source| KeyError::Base64 {
        label: shorten(label),
        source,
    })
}

/// A PKCS#1 key in the SubjectPublicKeyInfo that it would have been written in, so that it is the same key.
pub(super) fn wrap_rsa(pkcs1: &[u8]) -> Result<Vec<u8>, KeyError> {
    let malformed = |error: der::Error| KeyError::Malformed {
        detail: error.to_string(),
    };
    let algorithm = AlgorithmIdentifierRef {
        oid: RSA,
        parameters: Some(AnyRef::NULL),
    };
    let subject_public_key = BitStringRef::from_bytes(pkcs1).map_err(malformed)?;
    SubjectPublicKeyInfoRef {
        algorithm,
        subject_public_key,
    }
    .to_der()
    .map_err(malformed)
}

fn shorten(label: &str) -> String {
    excerpt(label, 40)
}
