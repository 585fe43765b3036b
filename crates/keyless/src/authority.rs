//! The certificate authority: Fulcio, by the second version of its interface.
//!
//! Source: `fulcio.proto` in `sigstore/fulcio`, `CreateSigningCertificate`.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, header};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ephemeral::Ephemeral;
use crate::services::Service;
use crate::token::IdentityToken;
use crate::web::{Ask, Party, Web, WebError};

/// The most bytes of a certificate with its chain.
const CAP: usize = 256 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    public_key_request: PublicKeyRequest<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest<'a> {
    public_key: PublicKey<'a>,
    proof_of_possession: String,
}

#[derive(Serialize)]
struct PublicKey<'a> {
    algorithm: &'static str,
    content: &'a str,
}

/// One of the two: where no log of certificates has promised anything, or somebody else brings its promise, the second.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    signed_certificate_embedded_sct: Option<Issued>,
    signed_certificate_detached_sct: Option<Issued>,
}

#[derive(Deserialize)]
struct Issued {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

/// The certificate for a key whose holder shows a token and proves to have the key; DER.
pub(crate) async fn certificate(
    web: &Web,
    authority: &Service,
    token: &IdentityToken,
    key: &Ephemeral,
    possession: &[u8],
    deadline: Instant,
) -> Result<Vec<u8>, WebError> {
    let request = Request {
        public_key_request: PublicKeyRequest {
            public_key: PublicKey {
                algorithm: "ECDSA",
                content: key.public_pem(),
            },
            proof_of_possession: STANDARD.encode(possession),
        },
    };
    let unreadable = |expected| WebError::unreadable(Party::Authority, expected);
    // A token's three parts are base64 and dots: it always is a header.
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| unreadable("a token that can be a header"))?;
    bearer.set_sensitive(true);
    let ask = Ask {
        party: Party::Authority,
        method: Method::POST,
        url: below(&authority.url, "api/v2/signingCert"),
        headers: HeaderMap::from_iter([
            (header::AUTHORIZATION, bearer),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ]),
        body: json(&request),
        cap: CAP,
    };
    let answer = web.ask_in_confidence(&ask, deadline).await?;
    let response: Response =
        countersign_image::json::strict(&answer).map_err(|_| unreadable("the JSON of a certificate with its chain"))?;
    let issued = response
        .signed_certificate_embedded_sct
        .or(response.signed_certificate_detached_sct)
        .ok_or_else(|| unreadable("a certificate"))?;
    let leaf = issued
        .chain
        .certificates
        .first()
        .ok_or_else(|| unreadable("a certificate"))?;
    CertificateDer::from_pem_slice(leaf.as_bytes())
        .map(|certificate| certificate.to_vec())
        .map_err(|_| unreadable("a certificate in PEM"))
}

/// A path below a base, whether or not the base ends in a slash.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

pub(crate) fn json(document: &impl Serialize) -> bytes::Bytes {
    serde_json::to_vec(document)
        .expect("texts, numbers and lists of them are always JSON")
        .into()
}
