//! A timestamp authority (RFC 3161), asked when a signature was made.

use std::time::Instant;

use der::asn1::{Any, BitString, Null, ObjectIdentifier, OctetString, Utf8StringRef};
use der::{Decode as _, Encode as _, Sequence};
use http::{HeaderMap, HeaderValue, Method, header};
use spki::AlgorithmIdentifier;

use crate::services::Service;
use crate::web::{Ask, Party, Web, WebError};

/// The most bytes of a response; those with a whole chain have about 6,000.
const CAP: usize = 128 * 1024;
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// RFC 3161 §2.4.1. There is no nonce: a response to an older request cannot be about a signature that was not there.
#[derive(Sequence)]
struct TimeStampReq {
    version: u8,
    message_imprint: MessageImprint,
    cert_req: bool,
}

#[derive(Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifier<Null>,
    hashed_message: OctetString,
}

/// RFC 3161 §2.4.2, as much of it as says whether there is a timestamp.
#[derive(Sequence)]
struct TimeStampResp<'a> {
    status: PkiStatusInfo<'a>,
    #[asn1(optional = "true")]
    token: Option<Any>,
}

#[derive(Sequence)]
struct PkiStatusInfo<'a> {
    status: u8,
    #[asn1(optional = "true")]
    words: Option<Vec<Utf8StringRef<'a>>>,
    #[asn1(optional = "true")]
    failure: Option<BitString>,
}

/// The response for this signature, DER: granted, and for the rest unread. Whether it holds is the verifier's question.
pub(crate) async fn stamp(
    web: &Web,
    clock: &Service,
    signature: &[u8],
    deadline: Instant,
) -> Result<Vec<u8>, WebError> {
    let unreadable = |expected| WebError::unreadable(Party::Clock, expected);
    let query = query(signature).map_err(|_| unreadable("a request that can be encoded"))?;
    let ask = Ask {
        party: Party::Clock,
        method: Method::POST,
        url: clock.url.clone(),
        headers: HeaderMap::from_iter([
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/timestamp-query"),
            ),
            (header::ACCEPT, HeaderValue::from_static("application/timestamp-reply")),
        ]),
        body: query.into(),
        cap: CAP,
    };
    let answer = web.ask(&ask, deadline).await?;
    let response = TimeStampResp::from_der(&answer).map_err(|_| unreadable("a timestamp response of RFC 3161"))?;
    // 0 is granted, 1 granted with modifications.
    if response.status.status > 1 || response.token.is_none() {
        return Err(unreadable("a timestamp that it grants"));
    }
    Ok(answer.to_vec())
}

fn query(signature: &[u8]) -> der::Result<Vec<u8>> {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, signature);
    TimeStampReq {
        version: 1,
        message_imprint: MessageImprint {
            hash_algorithm: AlgorithmIdentifier {
                oid: SHA_256,
                parameters: Some(Null),
            },
            hashed_message: OctetString::new(hash.as_ref())?,
        },
        cert_req: true,
    }
    .to_der()
}
