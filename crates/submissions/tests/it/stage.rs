//! A service with everything around it, and a job that talks to it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_evidence::{HashRule, KeyKind, PublicKey, trusted::Trusted};
use countersign_gate::{Tools, Verifier};
use countersign_identity::{IssuerConfig, Issuers};
use countersign_image::{Digest, Pinned, Reference, Repository};
use countersign_keys::{PrivateKey, SigningKey};
use countersign_registry::embedded;
use countersign_registry::{Client, ClientConfig, Credentials, ManifestName};
use countersign_server::drain::DrainPlan;
use countersign_submissions::keyring::{Keyring, NamedKey, Role};
use countersign_submissions::serve::{SigningPlan, SigningServer};
use countersign_submissions::settings::{Limits, Settings};
use countersign_submissions::wire;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) const AUDIENCE: &str = "https://sign.example.com";
pub(crate) const ISSUER: &str = "https://hub.example.com";
pub(crate) const ORIGIN: &str = "sign.example.com/log/1";
pub(crate) const COMMIT: &str = "5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233";

/// A gate that asks for a search for secrets, and attests the decision.
pub(crate) const GATE: &str = "
apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: prod-default}
spec:
  checks:
    - {id: secrets, class: secrets, bind: commit, fail: {anyFinding: true}}
  publish:
    to: 'REGISTRY/approved/{name}'
    tags: ['{tag}']
    keys: {signature: release, attestations: attest}
    attest: [vsa, svr]
  validity: 30d
";

const BINDINGS: &str = "
apiVersion: countersign.dev/v1alpha1
kind: RepositoryBinding
metadata: {name: shop}
spec:
  source: {issuer: hub, repositoryId: 4711, ownerId: 42, display: acme/shop}
  images: ['REGISTRY/unsigned/shop']
  gates: {prod: prod-default}
---
apiVersion: countersign.dev/v1alpha1
kind: RepositoryBinding
metadata: {name: bank}
spec:
  source: {issuer: hub, repositoryId: 4712, ownerId: 42, display: acme/bank}
  images: ['REGISTRY/unsigned/bank']
  gates: {prod: prod-default}
";

/// A service's surroundings, which outlive it.
pub(crate) struct Surroundings {
    pub(crate) dir: TempDir,
    pub(crate) registry: String,
    pub(crate) client: Client,
    pub(crate) tokens: Ed25519KeyPair,
    serial: AtomicU64,
    /// Whether the registry serves other bytes than those of a manifest's digest.
    pub(crate) lies: Arc<AtomicBool>,
    /// Whether the registry answers nobody any more.
    pub(crate) hangs: Arc<AtomicBool>,
    /// How many questions it left without an answer.
    pub(crate) hung: Arc<AtomicU64>,
}

impl Surroundings {
    pub(crate) async fn build(gate: &str) -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let lies = Arc::new(AtomicBool::new(false));
        let (hangs, hung) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let registry = registry(Arc::clone(&lies), Arc::clone(&hangs), Arc::clone(&hung)).await;
        let tokens = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": URL_SAFE_NO_PAD.encode(tokens.public_key().as_ref())}]});
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("jwks.json", &jwk.to_string());
        put("gates/gate.yaml", &gate.replace("REGISTRY", &registry));
        put("gates/bindings.yaml", &BINDINGS.replace("REGISTRY", &registry));
        for (name, kind) in [
            ("release", KeyKind::EcdsaP256),
            ("attest", KeyKind::EcdsaP256),
            ("log", KeyKind::Ed25519),
        ] {
            put(name, &PrivateKey::generate(kind).unwrap().to_pkcs8_pem());
        }
        put("registry", &registry);
        Arc::new(Self {
            dir,
            registry,
            client: Client::new(ClientConfig::default()).unwrap(),
            tokens,
            serial: AtomicU64::new(1),
            lies,
            hangs,
            hung,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The public half of one of the keys.
    pub(crate) fn public(&self, name: &str) -> PublicKey {
        key(self.dir.path(), name).public_key().clone()
    }

    pub(crate) fn trusted(&self, name: &str) -> Trusted {
        Trusted::key(self.public(name), HashRule::Natural)
    }

    /// An image of one layer, pushed; `salt` tells it from others.
    pub(crate) async fn push(&self, repository: &str, salt: &str) -> Pinned {
        let named = format!("{}/{repository}", self.registry);
        let to = Repository::parse(&named).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let nobody = Credentials::anonymous();
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "1000"}, "rootfs": {"type": "layers", "diff_ids": []}, "salt": salt});
        let config = config.to_string().into_bytes();
        let layer = format!("layer {salt}").into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::sha256(&config).to_string(), "size": config.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": Digest::sha256(&layer).to_string(), "size": layer.len()}],
        });
        let manifest = manifest.to_string().into_bytes();
        let digest = Digest::sha256(&manifest);
        for blob in [config, layer] {
            self.client.put_blob(&to, blob.into(), &nobody, deadline).await.unwrap();
        }
        self.client
            .put_manifest(
                &to,
                &ManifestName::Digest(digest),
                "application/vnd.oci.image.manifest.v1+json",
                manifest.into(),
                &nobody,
                deadline,
            )
            .await
            .unwrap();
        Reference::parse(&format!("{named}@{digest}"))
            .unwrap()
            .pinned()
            .unwrap()
    }

    /// A token of a job that a push started.
    pub(crate) fn token(&self, others: &Value) -> String {
        let serial = self.serial.fetch_add(1, Ordering::SeqCst);
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "repo:acme-42/shop-4711:ref:refs/heads/main", "jti": format!("jti-{serial}"),
            "iat": now, "nbf": now - 5, "exp": now + 600,
            "repository": "acme/shop", "repository_id": "4711", "repository_owner": "acme", "repository_owner_id": "42",
            "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true", "sha": COMMIT, "event_name": "push",
            "head_ref": "", "base_ref": "", "workflow_ref": "acme/shop/.github/workflows/build.yaml@refs/heads/main", "workflow_sha": COMMIT,
            "job_workflow_ref": "acme/shop/.github/workflows/build.yaml@refs/heads/main", "job_workflow_sha": COMMIT,
            "runner_environment": "github-hosted", "run_id": "1001", "run_attempt": "1", "actor_id": "8",
        });
        for (name, value) in others.as_object().unwrap() {
            claims[name.as_str()] = value.clone();
        }
        self.signed(&json!({"alg": "EdDSA", "kid": "ed", "typ": "JWT"}), &claims)
    }

    pub(crate) fn signed(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.tokens.sign(message.as_bytes()).as_ref());
        format!("{message}.{signature}")
    }
}

pub(crate) fn key(dir: &Path, name: &str) -> SigningKey {
    SigningKey::Held(PrivateKey::parse(&fs::read(dir.join(name)).unwrap(), None).unwrap())
}

async fn registry(lies: Arc<AtomicBool>, hangs: Arc<AtomicBool>, hung: Arc<AtomicU64>) -> String {
    let registry = embedded::Registry::new(embedded::Storage::memory(), embedded::Limits::memory());
    let router = registry.router().layer(axum::middleware::from_fn(
        move |request: axum::extract::Request, next: axum::middleware::Next| {
            let of_digest = request.method() == "GET" && request.uri().path().contains("/manifests/sha256:");
            let lies = of_digest && lies.load(Ordering::SeqCst);
            let hangs = hangs.load(Ordering::SeqCst);
            if hangs {
                hung.fetch_add(1, Ordering::SeqCst);
            }
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                let answer = next.run(request).await;
                if !lies {
                    return answer;
                }
                let (mut head, body) = answer.into_parts();
                let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                head.headers.remove("content-length");
                let other = String::from_utf8_lossy(&bytes).replace("\"schemaVersion\":2", "\"schemaVersion\":3");
                axum::response::Response::from_parts(head, axum::body::Body::from(other))
            }
        },
    ));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, router).await });
    address.to_string()
}

/// What a service in this directory is started with: the same for one in this process and one in a child.
pub(crate) fn plan(dir: &Path, limits: Limits) -> SigningPlan {
    let registry = fs::read_to_string(dir.join("registry")).unwrap();
    let issuers = format!(
        "- {{name: hub, github: {{url: '{ISSUER}', keys: {{file: '{}'}}}}}}",
        dir.join("jwks.json").display()
    );
    let configs: Vec<IssuerConfig> = serde_saphyr::from_str(&issuers).unwrap();
    let named = |role, name: &str| NamedKey {
        role,
        name: name.to_owned(),
        key: key(dir, name),
    };
    let keys = [
        named(Role::Release, "release"),
        named(Role::Attest, "attest"),
        named(Role::Log, "log"),
    ];
    SigningPlan {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: None,
        tls: None,
        database: format!("sqlite:{}", dir.join("store.db").display()).parse().unwrap(),
        blobs: dir.join("blobs"),
        issuers: Arc::new(Issuers::new(&configs, AUDIENCE).unwrap()),
        gates: dir.join("gates"),
        keyring: Keyring::new(keys, ORIGIN).unwrap(),
        client: Client::new(ClientConfig::default()).unwrap(),
        credentials: Credentials::anonymous(),
        settings: Settings {
            public_url: AUDIENCE.to_owned(),
            verifier: Verifier {
                id: format!("{AUDIENCE}/gate/v1"),
                version: "0".to_owned(),
                gates: format!("{AUDIENCE}/v1/gates"),
            },
            registries: [registry].into(),
            tools: Tools::default(),
            origin: ORIGIN.to_owned(),
            mirror: Some(dir.join("mirror")),
            anchor: Some(dir.join("anchor")),
            limits,
        },
        drain: DrainPlan {
            grace: Duration::ZERO,
            deadline: Duration::from_secs(2),
        },
        clock: Timestamp::now,
    }
}

pub(crate) fn limits() -> Limits {
    Limits {
        lease: Duration::from_secs(2),
        first_pause: Duration::from_millis(50),
        longest_pause: Duration::from_millis(500),
        integrate_every: Duration::from_millis(20),
        workers: 2,
        ..Limits::standard()
    }
}

/// A service in this process.
pub(crate) struct Stage {
    pub(crate) around: Arc<Surroundings>,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<tokio::task::JoinHandle<()>>,
}

impl Stage {
    pub(crate) async fn with(gate: &str) -> Self {
        Self::on(Surroundings::build(gate).await, limits()).await
    }

    pub(crate) async fn on(around: Arc<Surroundings>, limits: Limits) -> Self {
        let plan = plan(around.dir.path(), limits);
        Self::planned(around, plan).await
    }

    pub(crate) async fn planned(around: Arc<Surroundings>, plan: SigningPlan) -> Self {
        let server = SigningServer::start(plan).await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(async move {
            let _ = server
                .run(async {
                    let _ = stopped.await;
                })
                .await;
        });
        Self {
            around,
            address,
            stop: Some(stop),
            ended: Some(ended),
        }
    }

    /// Stops it, so that another one can go on in its place.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
    }

    pub(crate) async fn job(&self) -> Job {
        Job::with(self.address, &self.around.token(&json!({}))).await.unwrap()
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answered {
    /// The code of a problem.
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or("none"))
    }
}

/// A job with a session.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
    session: String,
}

pub(crate) async fn ask(request: reqwest::RequestBuilder) -> Answered {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    let body =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
    Answered { status, body }
}

pub(crate) fn http() -> reqwest::Client {
    // A second one finds the first in place.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::new()
}

pub(crate) async fn session(address: SocketAddr, token: &str) -> Answered {
    let http = http();
    let body = json!({"subject_token": token}).to_string();
    let request = http
        .post(format!("http://{address}/v1/session"))
        .header("content-type", "application/json")
        .body(body);
    ask(request).await
}

pub(crate) fn content_digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Digest::sha256(bytes).raw()))
}

/// A search that found nothing.
pub(crate) fn clean_report() -> Vec<u8> {
    json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "gitleaks", "rules": []}}, "results": []}]})
        .to_string()
        .into_bytes()
}

impl Job {
    pub(crate) async fn with(address: SocketAddr, token: &str) -> Result<Self, Answered> {
        let answered = session(address, token).await;
        if answered.status != 201 {
            return Err(answered);
        }
        Ok(Self {
            address,
            http: http(),
            session: answered.body["session"].as_str().unwrap().to_owned(),
        })
    }

    /// The same session with a service that was started anew.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.http
            .request(method, url)
            .header("authorization", format!("Bearer {}", self.session))
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        ask(self.request(reqwest::Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answered {
        ask(self.request(reqwest::Method::POST, path)).await
    }

    pub(crate) async fn submit(&self, key: &str, body: &Value) -> Answered {
        let request = self.request(reqwest::Method::POST, "/v1/submissions");
        let request = request
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        ask(request.body(body.to_string())).await
    }

    pub(crate) async fn hand_in(&self, id: &str, slot: &str, report: &[u8]) -> Answered {
        let request = self.request(reqwest::Method::PUT, &format!("/v1/submissions/{id}/evidence/{slot}"));
        ask(request
            .header("content-digest", content_digest(report))
            .body(report.to_vec()))
        .await
    }

    /// Submitted, handed in and sealed.
    pub(crate) async fn sealed(&self, image: &Pinned, report: &[u8]) -> String {
        let submitted = self.submit("the-key", &question(image)).await;
        assert_eq!(submitted.status, 201, "{submitted:?}");
        let id = submitted.body["id"].as_str().unwrap().to_owned();
        let handed_in = self.hand_in(&id, "secrets", report).await;
        assert_eq!(handed_in.status, 201, "{handed_in:?}");
        let sealed = self.post(&format!("/v1/submissions/{id}/seal")).await;
        assert_eq!(sealed.status, 200, "{sealed:?}");
        id
    }

    /// What becomes of it by itself.
    pub(crate) async fn settled(&self, id: &str) -> wire::Submission {
        for _ in 0..6 {
            let answered = self.get(&format!("/v1/submissions/{id}?wait=20")).await;
            assert_eq!(answered.status, 200, "{answered:?}");
            let submission: wire::Submission = serde_json::from_value(answered.body).unwrap();
            if submission.state.is_settled() {
                return submission;
            }
        }
        panic!("it never settled");
    }
}

pub(crate) fn question(image: &Pinned) -> Value {
    json!({
        "image": {"registry": image.repository().host(), "repository": image.repository().path(), "digest": image.digest().to_string()},
        "environment": "prod", "promote": {"tag": "1.0"},
    })
}
