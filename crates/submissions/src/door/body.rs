//! Bodies under their caps: small ones as JSON, reports with the digest that they were announced with.

use std::io::Read as _;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use countersign_image::{Digest, json};
use countersign_wire::{CONTENT_DIGEST, Code, MAX_REPORT, MAX_REPORT_WIRE};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt as _;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// The most bytes of a question in JSON.
pub(super) const MAX_QUESTION: usize = 1 << 20;
/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// A question: strict JSON, with no field twice and none unknown.
pub(super) async fn question<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<(T, Bytes), Refusal> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !declared.is_some_and(|declared| essence(declared).eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::with(Code::UnsupportedMedia, "expected `application/json`"));
    }
    let bytes = arrive(headers, body, MAX_QUESTION).await?;
    let question = json::strict(&bytes).map_err(|error| Refusal::with(Code::Malformed, error))?;
    Ok((question, bytes))
}

/// A report's bytes, and what they are once inflated.
pub(super) async fn report(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let announced = announced(headers)?;
    let coded = coding(headers)?;
    let bytes = arrive(headers, body, MAX_REPORT_WIRE).await?;
    let found = Digest::sha256(&bytes);
    if found.raw() != announced {
        let detail = format!("`Content-Digest` names other bytes: those that came have {found}");
        return Err(Refusal::with(Code::ContentDigestMismatch, detail));
    }
    match coded {
        Coding::Identity => Ok(bytes),
        Coding::Gzip => tokio::task::spawn_blocking(move || inflate(&bytes))
            .await
            .map_err(|error| Refusal::internal(&error))?,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
}

fn coding(headers: &HeaderMap) -> Result<Coding, Refusal> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    match (codings.next().map(http::HeaderValue::as_bytes), codings.next()) {
        (None, _) | (Some(b"identity"), None) => Ok(Coding::Identity),
        (Some(b"gzip"), None) => Ok(Coding::Gzip),
        _ => Err(Refusal::with(
            Code::UnsupportedMedia,
            "`Content-Encoding` may be `gzip` or nothing",
        )),
    }
}

/// The SHA-256 out of `Content-Digest: sha-256=:<base64>:` (RFC 9530, section 2; a dictionary of RFC 9651). Other algorithms
/// beside it are passed over.
fn announced(headers: &HeaderMap) -> Result<Vec<u8>, Refusal> {
    let texts = headers.get_all(CONTENT_DIGEST).iter();
    let mut members = texts
        .filter_map(|text| text.to_str().ok())
        .flat_map(|text| text.split(','));
    let value = members.find_map(|member| {
        let (name, value) = member.trim().split_once('=')?;
        (name == "sha-256").then_some(value)
    });
    let digest = value
        .and_then(|value| value.strip_prefix(':')?.strip_suffix(':'))
        .and_then(|value| STANDARD.decode(value).ok())
        .filter(|digest| digest.len() == 32);
    digest.ok_or_else(|| {
        let detail = "expected `Content-Digest: sha-256=:<base64 of 32 bytes>:` (RFC 9530) over the bytes as sent";
        Refusal::with(Code::ContentDigestRequired, detail)
    })
}

async fn arrive(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::with(Code::TooLarge, format!("no more than {limit} bytes are read"));
    let length = headers.get(header::CONTENT_LENGTH);
    let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let arriving = async {
        let mut stream = body.into_data_stream();
        let mut bytes = BytesMut::new();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|_| Refusal::with(Code::Malformed, "the body broke off"))?;
            if bytes.len() + part.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(ARRIVES_WITHIN, arriving)
        .await
        .unwrap_or_else(|_| Err(Refusal::new(Code::RequestTimeout)))
}

fn inflate(bytes: &[u8]) -> Result<Bytes, Refusal> {
    let mut inflated = Vec::new();
    let read = MultiGzDecoder::new(bytes)
        .take(MAX_REPORT as u64 + 1)
        .read_to_end(&mut inflated);
    read.map_err(|error| Refusal::with(Code::Malformed, format!("the body is no gzip: {error}")))?;
    if inflated.len() > MAX_REPORT {
        let detail = format!("no more than {MAX_REPORT} bytes are inflated");
        return Err(Refusal::with(Code::TooLarge, detail));
    }
    Ok(inflated.into())
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn digest_of(bytes: &[u8]) -> String {
        format!("sha-256=:{}:", STANDARD.encode(Digest::sha256(bytes).raw()))
    }

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    async fn code(pairs: &[(&'static str, String)], body: Vec<u8>) -> Result<usize, Code> {
        let read = report(&headers(pairs), Body::from(body)).await;
        read.map(|bytes| bytes.len()).map_err(|refusal| refusal.code())
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn a_report_is_what_its_digest_names() {
        let body = b"report".to_vec();
        for (digest, expected) in [
            (digest_of(&body), Ok(6)),
            (format!("sha-512=:AAAA:, {}", digest_of(&body)), Ok(6)),
            (digest_of(b"repork"), Err(Code::ContentDigestMismatch)),
            ("sha-256=:AAAA:".to_owned(), Err(Code::ContentDigestRequired)),
            ("sha-512=:AAAA:".to_owned(), Err(Code::ContentDigestRequired)),
            (digest_of(&body).replace(':', ""), Err(Code::ContentDigestRequired)),
        ] {
            assert_eq!(
                code(&[(CONTENT_DIGEST, digest.clone())], body.clone()).await,
                expected,
                "{digest}"
            );
        }
        assert_eq!(code(&[], body).await, Err(Code::ContentDigestRequired));
    }

    #[tokio::test]
    async fn the_digest_is_of_what_was_sent_and_the_report_what_it_inflates_to() {
        let packed = zipped(&[b' '; 5000]);
        let gzip = ("content-encoding", "gzip".to_owned());
        let named = (CONTENT_DIGEST, digest_of(&packed));
        assert_eq!(code(&[named.clone(), gzip.clone()], packed.clone()).await, Ok(5000));
        let torn = packed[..packed.len() - 4].to_vec();
        let named_torn = (CONTENT_DIGEST, digest_of(&torn));
        assert_eq!(code(&[named_torn, gzip], torn).await, Err(Code::Malformed));
        let brotli = ("content-encoding", "br".to_owned());
        assert_eq!(code(&[named, brotli], packed).await, Err(Code::UnsupportedMedia));
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_read_to_its_end() {
        let large = vec![0; MAX_REPORT_WIRE + 1];
        let named = (CONTENT_DIGEST, digest_of(&large));
        assert_eq!(code(&[named], large).await, Err(Code::TooLarge));
        let bomb = zipped(&vec![0; MAX_REPORT + 1]);
        assert!(bomb.len() < MAX_REPORT_WIRE, "a bomb is small");
        let named = (CONTENT_DIGEST, digest_of(&bomb));
        let gzip = ("content-encoding", "gzip".to_owned());
        assert_eq!(code(&[named, gzip], bomb).await, Err(Code::TooLarge));
    }
}
