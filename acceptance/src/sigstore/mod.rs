//! A private Sigstore that really runs: a certificate authority, a transparency log, a timestamp authority, and an issuer
//! of identities, each on loopback, with the two documents that tell clients where they are and why to believe them.
//!
//! One is enough for a test run: its parts know nothing of each other's users, and every test has an image of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, SignatureAlgorithm};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command;
use crate::http;
use crate::process::{Running, free_address};
use crate::programs::tool;

pub(crate) mod issuer;
mod namespace;

pub use issuer::{Job, PERSON};

use issuer::Issuer;
use namespace::Passage;

/// What the log calls itself, in its checkpoints and in the trusted root.
const ORIGIN: &str = "rekor.acceptance.test";
/// From when on everything here is to be believed: before any of it was made.
const SINCE: &str = "start-time=2024-01-01T00:00:00Z";

const FULCIO_CHAIN: &str = "fulcio.pem";
const REKOR_KEY: &str = "rekor.pub";
const TSA_CHAIN: &str = "tsa.pem";

/// Dropped in this order: clients of the issuer before it.
pub struct Sigstore {
    _authority: Running,
    authority: SocketAddr,
    _log: Running,
    log: SocketAddr,
    _passage: Passage,
    _clock: Running,
    clock: SocketAddr,
    issuer: Issuer,
    folder: TempDir,
}

impl Sigstore {
    /// The one of this test run, started by whoever asks first and stopped with the last who holds it.
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Sigstore>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// Starts one, with its two documents written by cosign. Its log signs as Sigstore's own logs of the second version do.
    pub fn start() -> Result<Self> {
        Self::with_log_key(&rcgen::PKCS_ED25519)
    }

    /// The same with a log that signs in another way.
    pub fn with_log_key(kind: &'static SignatureAlgorithm) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("countersign-sigstore-")
            .tempdir()
            .context("no temporary folder")?;
        let issuer = Issuer::start(folder.path())?;
        let (authority_running, authority) = certificate_authority(folder.path(), &issuer)?;
        let (log_running, log) = transparency_log(folder.path(), kind)?;
        let (clock_running, passage) = timestamp_authority(folder.path())?;
        let sigstore = Self {
            _authority: authority_running,
            authority,
            _log: log_running,
            log,
            clock: passage.address(),
            _passage: passage,
            _clock: clock_running,
            issuer,
            folder,
        };
        sigstore.write_documents()?;
        Ok(sigstore)
    }

    /// Whom to believe: `trusted_root.json`.
    pub fn trusted_root(&self) -> PathBuf {
        self.folder.path().join("trusted-root.json")
    }

    /// Where to sign: `signing_config.json`.
    pub fn signing_config(&self) -> PathBuf {
        self.folder.path().join("signing-config.json")
    }

    /// Whom to believe, as a document for a cluster.
    pub fn trust_root(&self, name: &str) -> Result<Value> {
        let encoded = |file: &str| -> Result<String> {
            let path = self.folder.path().join(file);
            let pem = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(STANDARD.encode(pem))
        };
        let authority = |uri: String, chain: &str| -> Result<Value> {
            let subject = json!({"organization": "acceptance", "commonName": "acceptance"});
            Ok(json!({"subject": subject, "uri": uri, "certChain": encoded(chain)?}))
        };
        Ok(json!({
            "apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": name},
            "spec": {"sigstoreKeys": {
                "certificateAuthorities": [authority(format!("http://{}", self.authority), FULCIO_CHAIN)?],
                "tLogs": [{
                    "baseURL": format!("https://{ORIGIN}"), "hashAlgorithm": "sha-256",
                    "publicKey": encoded(REKOR_KEY)?,
                }],
                "timestampAuthorities": [authority(format!("http://{}", self.clock), TSA_CHAIN)?],
            }},
        }))
    }

    /// Who says who somebody is, as it stands in certificates.
    pub fn job_issuer(&self) -> String {
        self.issuer.of_jobs()
    }

    /// The same for people.
    pub fn people_issuer(&self) -> String {
        self.issuer.of_people()
    }

    /// What a job of a workflow gets to show to a certificate authority.
    pub fn job_token(&self, job: &Job) -> Result<String> {
        self.issuer.job_token(job)
    }

    /// The same for somebody else's certificate authority.
    pub fn foreign_token(&self, job: &Job) -> Result<String> {
        self.issuer.foreign_token(job)
    }

    /// What [`PERSON`] gets after logging in.
    pub fn person_token(&self) -> Result<String> {
        self.issuer.person_token()
    }

    fn write_documents(&self) -> Result<()> {
        let at = |name: &str| self.folder.path().join(name);
        let bundle = get(self.authority, "/api/v2/trustBundle")?;
        std::fs::write(at(FULCIO_CHAIN), chain_of(&bundle)?).context("cannot write the authority's chain")?;
        let chain = get(self.clock, "/api/v1/timestamp/certchain")?;
        std::fs::write(at(TSA_CHAIN), chain).context("cannot write the chain of the time")?;

        let (authority, log, clock) = (self.authority, self.log, self.clock);
        let (fulcio, rekor, tsa) = (at(FULCIO_CHAIN), at(REKOR_KEY), at(TSA_CHAIN));
        self.cosign(&[
            "trusted-root",
            "create",
            &format!(
                "--fulcio=url=http://{authority},certificate-chain={},{SINCE}",
                fulcio.display()
            ),
            &format!(
                "--rekor=url=https://{ORIGIN},origin={ORIGIN},public-key={},{SINCE}",
                rekor.display()
            ),
            &format!(
                "--tsa=url=http://{clock}/api/v1/timestamp,certificate-chain={},{SINCE}",
                tsa.display()
            ),
            &format!("--out={}", self.trusted_root().display()),
        ])?;
        let operated = format!("{SINCE},operator=acceptance.test");
        self.cosign(&[
            "signing-config",
            "create",
            &format!("--fulcio=url=http://{authority},api-version=1,{operated}"),
            &format!("--rekor=url=http://{log},api-version=2,{operated}"),
            "--rekor-config=ANY",
            &format!("--oidc-provider=url={},api-version=1,{operated}", self.job_issuer()),
            &format!("--tsa=url=http://{clock}/api/v1/timestamp,api-version=1,{operated}"),
            "--tsa-config=EXACT:1",
            &format!("--out={}", self.signing_config().display()),
        ])
    }

    fn cosign(&self, words: &[&str]) -> Result<()> {
        let home = self.folder.path();
        let said = command::run(
            &tool("cosign")?,
            |command| {
                command.args(words).current_dir(home).env("HOME", home);
            },
            "",
        );
        said?.success().map(drop)
    }
}

/// Fulcio, with an authority that lives as long as the process and no certificate transparency.
fn certificate_authority(folder: &Path, issuer: &Issuer) -> Result<(Running, SocketAddr)> {
    let (address, grpc, metrics) = (free_address()?, free_address()?, free_address()?);
    let config = folder.join("fulcio.json");
    let (jobs, people) = (issuer.of_jobs(), issuer.of_people());
    let known = json!({"OIDCIssuers": {
        &jobs: {"IssuerURL": jobs, "ClientID": issuer::AUDIENCE, "Type": "github-workflow"},
        &people: {"IssuerURL": people, "ClientID": issuer::AUDIENCE, "Type": "email"},
    }});
    std::fs::write(&config, known.to_string()).with_context(|| format!("cannot write {}", config.display()))?;
    let mut running = Running::start("fulcio", folder, &tool("fulcio")?, |command| {
        command
            .args(["serve", "--ca", "ephemeralca", "--ct-log-url", "", "--config-path"])
            .arg(&config)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--grpc-host", "127.0.0.1", "--grpc-port", &grpc.port().to_string()])
            .args(["--metrics-port", &metrics.port().to_string()])
            .arg("--legacy-unix-domain-socket")
            .arg(folder.join("fulcio.sock"))
            .env("HOME", folder);
    })?;
    running.until_ready(|| http::get(address, "/api/v2/trustBundle").is_ok_and(|answer| answer.status == 200))?;
    Ok((running, address))
}

/// Rekor version 2, with its tiles in the folder and a checkpoint soon after each entry.
fn transparency_log(folder: &Path, kind: &'static SignatureAlgorithm) -> Result<(Running, SocketAddr)> {
    let (address, grpc, metrics) = (free_address()?, free_address()?, free_address()?);
    let key = KeyPair::generate_for(kind).context("cannot make the log's key")?;
    let (private, tiles) = (folder.join("rekor.key"), folder.join("tiles"));
    std::fs::write(&private, key.serialize_pem()).context("cannot write the log's key")?;
    std::fs::write(folder.join(REKOR_KEY), key.public_key_pem()).context("cannot write the log's key")?;
    std::fs::create_dir(&tiles).with_context(|| format!("cannot create {}", tiles.display()))?;
    let mut running = Running::start("rekor", folder, &tool("rekor-server")?, |command| {
        command
            .args(["serve", "--hostname", ORIGIN, "--storage-dir"])
            .arg(&tiles)
            .arg("--signer-filepath")
            .arg(&private)
            .args(["--checkpoint-interval", "100ms", "--batch-max-age", "20ms"])
            .args([
                "--http-address",
                "127.0.0.1",
                "--http-port",
                &address.port().to_string(),
            ])
            .args(["--grpc-address", "127.0.0.1", "--grpc-port", &grpc.port().to_string()])
            .args(["--http-metrics-port", &metrics.port().to_string()])
            .env("HOME", folder);
    })?;
    running.until_ready(|| http::get(address, "/healthz").is_ok_and(|answer| answer.status == 200))?;
    Ok((running, address))
}

/// The timestamp authority. Its figures are always on port 2112 of every address, which is one too few for two of them
/// and several addresses too many: it has a network of its own.
fn timestamp_authority(folder: &Path) -> Result<(Running, Passage)> {
    let inside = SocketAddr::from(([127, 0, 0, 1], 3000));
    let program = tool("timestamp-server")?;
    let mut running = namespace::start("timestamp-server", folder, &program, |command| {
        command
            .args(["serve", "--host", "127.0.0.1", "--port", &inside.port().to_string()])
            .args(["--timestamp-signer", "memory", "--disable-ntp-monitoring"])
            .env("HOME", folder);
    })?;
    let passage = Passage::open(&running, inside)?;
    let outside = passage.address();
    running.until_ready(|| http::get(outside, "/ping").is_ok_and(|answer| answer.status == 200))?;
    Ok((running, passage))
}

fn get(address: SocketAddr, path: &str) -> Result<String> {
    let answer = http::get(address, path)?;
    if answer.status != 200 {
        bail!("{address} answered {} for {path}:\n{}", answer.status, answer.body);
    }
    Ok(answer.body)
}

fn chain_of(bundle: &str) -> Result<String> {
    let bundle: Value = serde_json::from_str(bundle).context("the trust bundle is not JSON")?;
    let chain = bundle["chains"][0]["certificates"].as_array();
    let chain = chain.ok_or_else(|| anyhow!("the trust bundle has no chain: {bundle}"))?;
    Ok(chain.iter().filter_map(Value::as_str).collect())
}
