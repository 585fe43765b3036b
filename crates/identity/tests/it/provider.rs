//! An OpenID provider of our own, and tokens that it signed, or that somebody would like it to have signed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_identity::{IssuerConfig, Issuers};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const AUDIENCE: &str = "https://sign.example.com";
/// When all of this happens, in seconds.
pub(crate) const NOW: i64 = 1_795_000_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

/// A key that signs.
pub(crate) enum Signing {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signing {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let parts: RsaPublicKeyComponents<Vec<u8>> = pair.public_key().into();
                json!({"kty": "RSA", "n": text(&parts.n), "e": text(&parts.e), "alg": "RS256", "use": "sig"})
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
        };
        jwk["kid"] = kid.into();
        jwk
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// `PS256`, which is not believed.
    pub(crate) fn sign_pss(&self, message: &[u8]) -> Vec<u8> {
        let Self::Rsa(pair) = self else { panic!("PSS is RSA's") };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature)
            .unwrap();
        signature
    }

    /// What everybody knows of it, as bytes: what `HS256` is abused with.
    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

pub(crate) fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with this header and these claims, signed by a key.
pub(crate) fn token(key: &Signing, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// What the provider serves; each test changes what it likes.
pub(crate) struct Served {
    pub(crate) keys: Mutex<Value>,
    /// What is answered instead, with a status.
    pub(crate) instead: Mutex<Option<(StatusCode, String)>>,
    /// What the discovery document says, where that is not the truth.
    pub(crate) discovery: Mutex<Option<Value>>,
    pub(crate) key_fetches: AtomicUsize,
    pub(crate) seen_secrets: Mutex<Vec<String>>,
    url: Mutex<String>,
}

pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) served: Arc<Served>,
    pub(crate) rsa: Signing,
    pub(crate) ec: Signing,
    pub(crate) ed: Signing,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let (rsa, ec, ed) = (Signing::rsa(), Signing::ec(), Signing::ed());
        let keys = json!({"keys": [rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")]});
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Served {
            keys: Mutex::new(keys),
            instead: Mutex::default(),
            discovery: Mutex::default(),
            key_fetches: AtomicUsize::new(0),
            seen_secrets: Mutex::default(),
            url: Mutex::new(url.clone()),
        });
        let router = Router::new()
            .route("/{issuer}/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(key_set))
            .route("/moved", get(|| async { (StatusCode::FOUND, [("location", "/keys")]) }))
            .with_state(Arc::clone(&served));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            served,
            rsa,
            ec,
            ed,
            server,
        }
    }

    pub(crate) fn issuers(&self) -> Issuers {
        self.issuers_with("")
    }

    /// All four kinds, with more lines about each.
    pub(crate) fn issuers_with(&self, more: &str) -> Issuers {
        let url = &self.url;
        let more = |kind: &str| {
            let lines = more.lines().filter_map(|line| line.strip_prefix(&format!("{kind}: ")));
            lines.map(|line| format!(", {line}")).collect::<String>()
        };
        let text = format!(
            "- {{name: hub, github: {{url: '{url}/hub'{}}}}}\n\
             - {{name: lab, gitlab: {{url: '{url}/lab'{}}}}}\n\
             - {{name: cluster, kubernetes: {{url: '{url}/cluster'{}}}}}\n\
             - {{name: other, generic: {{url: '{url}/other', claims: {{repository: sub, commit: /build/commit}}{}}}}}\n",
            more("github"),
            more("gitlab"),
            more("kubernetes"),
            more("generic"),
        );
        let configs: Vec<IssuerConfig> = serde_saphyr::from_str(&text).unwrap();
        Issuers::new(&configs, AUDIENCE).unwrap()
    }

    pub(crate) fn key_fetches(&self) -> usize {
        self.served.key_fetches.load(Ordering::SeqCst)
    }

    /// What every token of an issuer of this one's says.
    pub(crate) fn usual(&self, issuer: &str) -> Value {
        json!({
            "iss": format!("{}/{issuer}", self.url), "aud": AUDIENCE, "sub": "somebody", "jti": "7c0a",
            "iat": NOW, "nbf": NOW - 5, "exp": NOW + 600,
        })
    }

    /// A push to a branch.
    pub(crate) fn github(&self) -> Value {
        with(
            self.usual("hub"),
            &json!({
                "sub": "repo:acme-42/shop-4711:ref:refs/heads/main",
                "repository": "acme/shop", "repository_id": "4711", "repository_owner": "acme", "repository_owner_id": "42",
                "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true",
                "sha": "5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233", "event_name": "push", "head_ref": "", "base_ref": "",
                "workflow_ref": "acme/shop/.github/workflows/build.yaml@refs/heads/main",
                "workflow_sha": "5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233",
                "job_workflow_ref": "acme/ci/.github/workflows/release.yaml@refs/tags/v3",
                "job_workflow_sha": "0000000000000000000000000000000000000003",
                "runner_environment": "github-hosted", "run_id": "1001", "run_attempt": "2", "actor_id": "8", "environment": "release",
            }),
        )
    }

    /// A push to a protected branch.
    pub(crate) fn gitlab(&self) -> Value {
        with(
            self.usual("lab"),
            &json!({
                "sub": "project_path:acme/shop:ref_type:branch:ref:main",
                "namespace_id": "42", "namespace_path": "acme", "project_id": "4711", "project_path": "acme/shop",
                "job_namespace_id": "42", "job_namespace_path": "acme", "job_project_id": "4711", "job_project_path": "acme/shop",
                "user_id": "8", "user_login": "anna", "pipeline_id": "1001", "pipeline_source": "push", "job_id": "2002",
                "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
                "runner_id": 12, "runner_environment": "gitlab-hosted", "sha": "5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233",
                "ci_config_ref_uri": "gitlab.example.com/acme/shop//.gitlab-ci.yml@refs/heads/main",
                "ci_config_sha": "5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233", "job_policy_ref_uri": null,
            }),
        )
    }

    /// A pod of Tekton's.
    pub(crate) fn kubernetes(&self) -> Value {
        with(
            self.usual("cluster"),
            &json!({
                "aud": [AUDIENCE], "sub": "system:serviceaccount:ci-shop:builder",
                "kubernetes.io": {
                    "namespace": "ci-shop",
                    "node": {"name": "n1", "uid": "n-uid"},
                    "pod": {"name": "build-1", "uid": "p-uid"},
                    "serviceaccount": {"name": "builder", "uid": "s-uid"},
                },
            }),
        )
    }

    /// A workload with a SPIFFE ID.
    pub(crate) fn generic(&self) -> Value {
        with(
            self.usual("other"),
            &json!({
                "sub": "spiffe://acme.example/ci/shop", "build": {"commit": "5f0d2bc", "number": 7},
            }),
        )
    }

    /// With the key that usually signs.
    pub(crate) fn signed(&self, claims: &Value) -> String {
        token(&self.rsa, &json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"}), claims)
    }
}

/// The same with other values; `null` takes a claim away.
pub(crate) fn with(mut claims: Value, others: &Value) -> Value {
    for (name, value) in others.as_object().unwrap() {
        match value {
            Value::Null => {
                claims.as_object_mut().unwrap().remove(name);
            }
            value => claims[name.as_str()] = value.clone(),
        }
    }
    claims
}

async fn discovery(State(served): State<Arc<Served>>, Path(issuer): Path<String>, headers: HeaderMap) -> Response {
    note(&served, &headers);
    let url = served.url.lock().unwrap().clone();
    let mut document = json!({"issuer": format!("{url}/{issuer}"), "jwks_uri": format!("{url}/keys")});
    if let Some(others) = &*served.discovery.lock().unwrap() {
        document = with(document, others);
    }
    document.to_string().into_response()
}

async fn key_set(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    note(&served, &headers);
    served.key_fetches.fetch_add(1, Ordering::SeqCst);
    if let Some((status, body)) = &*served.instead.lock().unwrap() {
        return (*status, body.clone()).into_response();
    }
    served.keys.lock().unwrap().to_string().into_response()
}

fn note(served: &Served, headers: &HeaderMap) {
    if let Some(secret) = headers.get("authorization") {
        served
            .seen_secrets
            .lock()
            .unwrap()
            .push(secret.to_str().unwrap().to_owned());
    }
}
