//! A certificate authority, a log of the first version and a timestamp authority on one port, which know what they answer, and
//! can be told to answer something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_evidence::{Draft, TrustRoot};
use countersign_keyless::{IdentityToken, Keyless, KeylessError, Minted, SigningConfig, Web};
use countersign_mint::{Hash, Key, Kind, San, Sigstore, Stamp, pem};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

pub(crate) const SUBJECT: &str = "repo:acceptance/images";
pub(crate) const IDENTITY: &str = "https://github.com/acceptance/images/.github/workflows/release.yaml@refs/heads/main";
const ORIGIN: &str = "rekor.mint.example";
const TREE: &str = "rekor.mint.example - 42";

/// What a service does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    /// The authority certifies a key of its own.
    AnotherKey,
    /// The authority says no.
    NoCertificate,
    /// The authority is another than the trust root believes.
    AnotherAuthority,
    /// The log promises an entry about another signature.
    AnotherEntry,
    /// The log's promise is by another key.
    AnotherLog,
    /// The log proves inclusion in a tree that it has not signed.
    AnotherTree,
    /// The log answers with two entries.
    TwoEntries,
    /// The log says something else than JSON.
    Chatter,
    /// The log's answer does not end.
    Endless,
    /// The timestamp authority does not grant what was asked for.
    NotGranted,
    /// It stamps another signature.
    AnotherStamp,
    /// Every other question is asked in vain, whoever is asked.
    Rude,
    /// The log never answers.
    Silent,
}

pub(crate) struct Services {
    mint: Sigstore,
    lie: Lie,
    token: String,
    asked: AtomicUsize,
}

/// A signature, with these services.
pub(crate) async fn sign(lie: Lie, draft: Draft) -> Result<Minted, KeylessError> {
    let claims = json!({"iss": "https://issuer.example", "sub": SUBJECT});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.c2ln", part(&json!({"alg": "none"})), part(&claims));
    let services = Arc::new(Services {
        mint: Sigstore::new(),
        lie,
        token: token.clone(),
        asked: AtomicUsize::new(0),
    });
    let root = TrustRoot::parse(&services.mint.trusted_root_with_logs().to_json()).unwrap();
    let router = Router::new()
        .route("/ca/api/v2/signingCert", post(certify))
        .route("/log/api/v1/log/entries", post(enter))
        .route("/tsa", post(stamp))
        .with_state(services);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move { axum::serve(listener, router).await });

    let service = |path: &str| {
        json!([{
            "url": format!("{base}/{path}"), "majorApiVersion": 1, "operator": "mint.example",
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        }])
    };
    let any = json!({"selector": "ANY"});
    let config = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service("ca/"), "rekorTlogUrls": service("log"), "rekorTlogConfig": any,
        "tsaUrls": service("tsa"), "tsaConfig": any,
    });
    let chosen = SigningConfig::parse(config.to_string().as_bytes())
        .unwrap()
        .choose(Timestamp::now())
        .unwrap();
    let token = IdentityToken::parse(&token).unwrap();
    let keyless = Keyless::new(Web::new().unwrap(), token, chosen, Arc::new(root));
    let patience = match lie {
        Lie::Silent => Duration::from_secs(2),
        _ => Duration::from_secs(60),
    };
    let signed = keyless.sign(draft, Instant::now() + patience).await;
    served.abort();
    signed
}

impl Services {
    /// The first question, the third, and so on.
    fn is_rude(&self) -> bool {
        self.lie == Lie::Rude && self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    }
}

fn out_of_order() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "come again").into_response()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
}

fn decoded(value: &Value, pointer: &str) -> Vec<u8> {
    STANDARD.decode(text(value, pointer)).unwrap()
}

/// The key that is asked for has signed what the token names, or there is no certificate.
async fn certify(State(services): State<Arc<Services>>, headers: HeaderMap, body: Bytes) -> Response {
    if services.is_rude() {
        return out_of_order();
    }
    assert_eq!(headers["authorization"], *format!("Bearer {}", services.token));
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let public = text(&asked, "/publicKeyRequest/publicKey/content").replace("-----BEGIN PUBLIC KEY-----", "");
    let public = public.replace("-----END PUBLIC KEY-----", "").replace('\n', "");
    let spki = STANDARD.decode(public).unwrap();
    let possession = decoded(&asked, "/publicKeyRequest/proofOfPossession");
    // The point is at the end of a SubjectPublicKeyInfo of P-256.
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &spki[spki.len() - 65..])
        .verify(SUBJECT.as_bytes(), &possession)
        .expect("the key has signed what the token names");
    if services.lie == Lie::NoCertificate {
        return (StatusCode::FORBIDDEN, "who goes there?").into_response();
    }

    let another = Sigstore::new();
    let mint = match services.lie {
        Lie::AnotherAuthority => &another,
        _ => &services.mint,
    };
    let mut spec = mint.leaf(&Key::new(Kind::P256), &[San::Uri(IDENTITY)]);
    if services.lie != Lie::AnotherKey {
        spec.spki = spki;
    }
    let chain = [vec![mint.certify(spec)], mint.authority.chain()].concat();
    let certificates: Vec<String> = chain.iter().map(|der| pem(der)).collect();
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": certificates}}})
        .to_string()
        .into_response()
}

/// What the log writes down of what it is sent, with its promise and the proof of a tree of one leaf.
async fn enter(State(services): State<Arc<Services>>, body: Bytes) -> Response {
    if services.is_rude() {
        return out_of_order();
    }
    match services.lie {
        Lie::Silent => std::future::pending().await,
        Lie::Chatter => return "an entry, surely".into_response(),
        Lie::Endless => return "a".repeat(1 << 20).into_response(),
        _ => {}
    }
    let mut proposed: Value = serde_json::from_slice(&body).unwrap();
    if services.lie == Lie::AnotherEntry {
        let other = STANDARD.encode(Key::new(Kind::P256).sign(b"another"));
        proposed["spec"]["signature"]["content"] = json!(other);
    }
    let written = match text(&proposed, "/kind") {
        "hashedrekord" => proposed,
        "dsse" => of_envelope(&proposed),
        other => panic!("{other} is not logged"),
    };
    let entry = services.entry(&written);
    let mut entries = json!({"24296fb24b8ad77a": entry});
    if services.lie == Lie::TwoEntries {
        entries["24296fb24b8ad77b"] = entries["24296fb24b8ad77a"].clone();
    }
    (StatusCode::CREATED, entries.to_string()).into_response()
}

/// Source: `dsse` 0.0.1 of `sigstore/rekor`: hashes instead of the envelope.
fn of_envelope(proposed: &Value) -> Value {
    let envelope = text(proposed, "/spec/proposedContent/envelope");
    let read: Value = serde_json::from_str(envelope).unwrap();
    let sha256 = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex::encode(Hash::Sha256.of(bytes))});
    json!({
        "apiVersion": "0.0.1", "kind": "dsse",
        "spec": {
            "envelopeHash": sha256(envelope.as_bytes()), "payloadHash": sha256(&decoded(&read, "/payload")),
            "signatures": [{
                "signature": read["signatures"][0]["sig"],
                "verifier": proposed["spec"]["proposedContent"]["verifiers"][0],
            }],
        },
    })
}

impl Services {
    fn entry(&self, written: &Value) -> Value {
        let another = Sigstore::new();
        let key = match self.lie {
            Lie::AnotherLog => &another.rekor.key,
            _ => &self.mint.rekor.key,
        };
        let time = (self.mint.now + 60.seconds()).as_second();
        let body = written.to_string();
        let leaf = Hash::Sha256.of(&[&[0], body.as_bytes()].concat());
        let root = match self.lie {
            Lie::AnotherTree => Hash::Sha256.of(b"another tree"),
            _ => leaf.clone(),
        };
        let (body, id) = (STANDARD.encode(body), hex::encode(self.mint.rekor.key.id()));
        let promised = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":7}}"#);
        let note = format!("{TREE}\n1\n{}\n", STANDARD.encode(&root));
        let signed = [&self.mint.rekor.key.id()[..4], &key.sign(note.as_bytes())].concat();
        json!({
            "body": body, "integratedTime": time, "logID": id, "logIndex": 7,
            "verification": {
                "signedEntryTimestamp": STANDARD.encode(key.sign(promised.as_bytes())),
                "inclusionProof": {
                    "checkpoint": format!("{note}\n\u{2014} {ORIGIN} {}\n", STANDARD.encode(signed)),
                    "hashes": [], "logIndex": 0, "rootHash": hex::encode(root), "treeSize": 1,
                },
            },
        })
    }
}

/// A request ends in the hash, and in that the certificate is wanted.
async fn stamp(State(services): State<Arc<Services>>, headers: HeaderMap, body: Bytes) -> Response {
    if services.is_rude() {
        return out_of_order();
    }
    assert_eq!(headers["content-type"], "application/timestamp-query");
    let hash = body
        .strip_suffix(&[1, 1, 0xff])
        .and_then(|rest| rest.last_chunk::<32>())
        .expect("a hash of 32 bytes, and that the certificate is wanted");
    let time = services.mint.now + 30.seconds();
    let mut stamp = Stamp::new(&services.mint.time, b"", time);
    (stamp.imprint_hash, stamp.imprint) = (Hash::Sha256, hash.to_vec());
    match services.lie {
        Lie::NotGranted => stamp.status = Some(2),
        Lie::AnotherStamp => stamp.imprint = Hash::Sha256.of(b"another"),
        _ => {}
    }
    stamp.sealed_by(&services.mint.time).into_response()
}
