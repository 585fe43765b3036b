//! The signing service of the story, and whose tokens it believes: a CI system of the story's own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_gate::{Tools, Verifier};
use countersign_identity::{IssuerConfig, Issuers};
use countersign_registry::Credentials;
use countersign_submissions::keyring::{Keyring, LOG, NamedKey, Role};
use countersign_submissions::serve::{SigningPlan, SigningServer};
use countersign_submissions::settings::{Limits, Settings};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::scenes::{SIGNED, UNSIGNED};
use super::shop::Shop;
use super::stage::{AT_ONCE, LOOPBACK};
use super::vault::Keys;
use crate::failure::Failure;
use crate::files::unwritable;
use crate::yaml;

/// The CI system, as its tokens name it. Its keys are in a file, so that nobody is asked there.
const ISSUER: &str = "https://ci.shop.example";
/// The service, as tokens name it: the tokens of the story are for no other.
pub(super) const SERVICE: &str = "https://sign.shop.example";
/// What the service calls its ledger.
const ORIGIN: &str = "sign.shop.example/log/1";
/// The commit that everything in the story is built from.
const COMMIT: &str = "5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233";
const GATES: &str = "gates";
const JWKS: &str = "jwks.json";
pub(super) const ENVIRONMENT: &str = "prod";

/// The gate of the story, as it is printed and as it is read.
pub(super) fn gate(registry: SocketAddr) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {{name: shop}}
spec:
  checks:
  - {{id: secrets, class: secrets, bind: commit, fail: {{anyFinding: true}}}}
  - {{id: non-root, image: {{user: non-root}}}}
  publish:
    to: \"{registry}/{SIGNED}\"
    tags: [\"{{tag}}\"]
    keys: {{signature: release, attestations: attest}}
    attest: [vsa]
  validity: 30d
"
    )
}

fn binding(registry: SocketAddr) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1
kind: RepositoryBinding
metadata: {{name: shop}}
spec:
  source: {{issuer: ci, repositoryId: 4711, display: acme/shop}}
  images: [\"{registry}/{UNSIGNED}\"]
  gates: {{{ENVIRONMENT}: shop}}
"
    )
}

/// The CI system: it gives tokens to jobs.
pub(super) struct Pipelines {
    key: Ed25519KeyPair,
    issued: AtomicU64,
}

impl Pipelines {
    /// A token for the job that builds the shop.
    pub(super) fn token(&self) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        let now = Timestamp::now().as_second();
        let claims = json!({
            "iss": ISSUER, "aud": SERVICE, "sub": "acme/shop", "jti": format!("job-{number}"),
            "iat": now, "nbf": now, "exp": now + 600,
            "project": "4711", "name": "acme/shop", "sha": COMMIT, "run": number.to_string(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!(
            "{}.{}",
            part(&json!({ "alg": "EdDSA", "kid": "ci", "typ": "JWT" })),
            part(&claims)
        );
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn keys(&self) -> String {
        let public = URL_SAFE_NO_PAD.encode(self.key.public_key());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "ci", "x": public }] }).to_string()
    }

    fn issuers(directory: &Path) -> Result<Issuers, Failure> {
        let text = format!(
            "- name: ci
  generic:
    url: {ISSUER}
    keys: {{file: \"{}\"}}
    claims: {{repository: project, display: name, commit: sha, runId: run}}
",
            directory.join(JWKS).display()
        );
        let configured: Vec<IssuerConfig> = yaml::one(&text).map_err(Failure::misuse)?;
        Issuers::new(&configured, SERVICE).map_err(Failure::misuse)
    }
}

/// Opens the service's door; it is answered there once it runs.
pub(super) async fn start(
    directory: &Path,
    registry: SocketAddr,
    shop: &Shop,
    keys: Keys,
) -> Result<(Pipelines, SigningServer), Failure> {
    let key = Ed25519KeyPair::generate().map_err(Failure::misuse)?;
    let pipelines = Pipelines {
        key,
        issued: AtomicU64::new(0),
    };
    let gates = directory.join(GATES);
    std::fs::create_dir_all(&gates).map_err(|error| unwritable(&gates, error))?;
    for (name, text) in [
        (directory.join(JWKS), pipelines.keys()),
        (gates.join("gate.yaml"), gate(registry)),
        (gates.join("binding.yaml"), binding(registry)),
    ] {
        std::fs::write(&name, text).map_err(|error| unwritable(&name, error))?;
    }
    let plan = plan(directory, gates, registry, shop, keys)?;
    let server = SigningServer::start(plan).await;
    let server = server.map_err(|error| Failure::misuse(error).context("the signing service did not open"))?;
    Ok((pipelines, server))
}

fn plan(
    directory: &Path,
    gates: PathBuf,
    registry: SocketAddr,
    shop: &Shop,
    keys: Keys,
) -> Result<SigningPlan, Failure> {
    let named = |role, name: &str, key| NamedKey {
        role,
        name: name.to_owned(),
        key,
    };
    let keys = [
        named(Role::Release, "release", keys.release),
        named(Role::Attest, "attest", keys.attest),
        named(Role::Log, LOG, keys.log),
    ];
    let database = format!("sqlite:{}", directory.join("store.db").display());
    Ok(SigningPlan {
        listen: LOOPBACK,
        admin: None,
        tls: None,
        database: database.parse().map_err(Failure::misuse)?,
        blobs: directory.join("reports"),
        issuers: Arc::new(Pipelines::issuers(directory)?),
        gates,
        keyring: Keyring::new(keys, ORIGIN).map_err(Failure::misuse)?,
        client: shop.client(),
        credentials: Credentials::anonymous(),
        settings: Settings {
            public_url: SERVICE.to_owned(),
            verifier: Verifier {
                id: format!("{SERVICE}/gate/v1"),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                gates: format!("{SERVICE}/v1/gates"),
            },
            registries: [registry.to_string()].into(),
            tools: Tools::default(),
            origin: ORIGIN.to_owned(),
            mirror: None,
            anchor: None,
            limits: Limits {
                integrate_every: Duration::from_millis(20),
                workers: 2,
                ..Limits::standard()
            },
        },
        drain: AT_ONCE,
        clock: Timestamp::now,
    })
}
