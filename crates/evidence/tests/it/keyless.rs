//! Signatures made with the key of a short-lived certificate: here the key is taken from the certificate as it is, so
//! that what is judged is the signature and the payload, not the identity.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{HashRule, Material, SimplePayload, Trusted, VerifyError, verify_simple};
use countersign_image::Blob;
use serde::Deserialize;
use serde_json::Value;

use crate::{certificate, corpus};

const CASES: usize = 268;

#[derive(Deserialize)]
struct Line {
    payload: String,
    signature: String,
    #[serde(rename = "rekorBundle")]
    rekor_bundle: Value,
}

#[test]
fn real_signatures_of_real_images_verify_with_the_key_in_their_certificate() {
    let Some(root) = corpus::root() else { return };
    let mut judged = 0;
    for path in corpus::list(&root.join("chainguard-images")) {
        for line in corpus::text(&path).lines() {
            let line: Line = serde_json::from_str(line).unwrap();
            let body = line
                .rekor_bundle
                .pointer("/Payload/body")
                .and_then(Value::as_str)
                .unwrap();
            let body: Value = serde_json::from_slice(&STANDARD.decode(body).unwrap()).unwrap();
            let pem = body
                .pointer("/spec/signature/publicKey/content")
                .and_then(Value::as_str)
                .unwrap();
            let key = certificate::key_of_pem(&String::from_utf8(STANDARD.decode(pem).unwrap()).unwrap()).unwrap();
            let payload = Blob::new(line.payload.clone());
            assert!(SimplePayload::parse(payload.bytes()).is_ok(), "{}", line.payload);
            let trusted = Trusted::key(key, HashRule::Natural);
            let verified = verify_simple(&payload, &line.signature, Material::Nothing, &trusted);
            if corpus::name(&path) == "payload-mismatch.jsonl" {
                assert!(matches!(verified, Err(VerifyError::Signature(_))), "{}", line.payload);
            } else {
                assert!(verified.is_ok(), "{}", line.payload);
            }
            judged += 1;
        }
    }
    assert_eq!(judged, CASES);
}
