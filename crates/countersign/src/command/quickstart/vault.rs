//! Where the keys of the story are: in OpenBao where it is installed, and in memory otherwise. OpenBao runs as it does for
//! development: in memory, unsealed, on a port of its own, and gone at the end.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_evidence::KeyKind;
use countersign_keys::{Dialect, KeyReference, PrivateKey, SigningKey, VaultKey, VaultSettings};
use serde_json::json;
use tokio::process::{Child, Command};

use crate::failure::Failure;

const PROGRAM: &str = "bao";
/// What lets the story in. Nobody else is on this machine's loopback for as long as it takes, and nothing is kept.
const TOKEN: &str = "countersign-quickstart";
/// How long OpenBao may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// The service's keys.
pub(super) struct Keys {
    pub(super) release: SigningKey,
    pub(super) attest: SigningKey,
    pub(super) log: SigningKey,
}

/// A vault that is there as long as this is.
pub(super) struct Vault {
    address: SocketAddr,
    _running: Child,
}

impl Vault {
    /// The key that signs images.
    pub(super) async fn release(&self) -> Result<SigningKey, Failure> {
        key(self.address, "release").await
    }
}

impl Keys {
    /// Keys in memory; the first is the one in the story's file.
    pub(super) fn held(release: &PrivateKey) -> Result<Self, Failure> {
        let again = PrivateKey::parse(release.to_pkcs8_pem().as_bytes(), None).map_err(Failure::misuse)?;
        let made = |kind| {
            PrivateKey::generate(kind)
                .map(SigningKey::Held)
                .map_err(Failure::misuse)
        };
        Ok(Self {
            release: SigningKey::Held(again),
            attest: made(KeyKind::EcdsaP256)?,
            log: made(KeyKind::Ed25519)?,
        })
    }
}

/// A vault with keys in it, where the program for one is installed.
pub(super) async fn open(directory: &Path) -> Result<Option<(Vault, Keys)>, Failure> {
    let address = free()?;
    let started = Command::new(PROGRAM)
        .args(["server", "-dev", "-dev-no-store-token", "-dev-root-token-id", TOKEN])
        .arg(format!("-dev-listen-address={address}"))
        .env("HOME", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(running) = started else { return Ok(None) };
    let vault = Vault {
        address,
        _running: running,
    };
    furnish(address).await.map_err(|error| {
        Failure::undecided(error)
            .context(format!("`{PROGRAM}` is installed, and keeps no keys"))
            .hint("take it off the PATH, and the story goes on with a key in a file")
    })?;
    let keys = Keys {
        release: key(address, "release").await?,
        attest: key(address, "attest").await?,
        log: key(address, "log").await?,
    };
    Ok(Some((vault, keys)))
}

/// A port that was free a moment ago.
fn free() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::misuse)?;
    listener.local_addr().map_err(Failure::misuse)
}

async fn furnish(address: SocketAddr) -> Result<(), reqwest::Error> {
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let until = Instant::now() + PATIENCE;
    loop {
        let health = http.get(format!("http://{address}/v1/sys/health")).send().await;
        match health.and_then(reqwest::Response::error_for_status) {
            Ok(_) => break,
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    for (path, body) in [
        ("sys/mounts/transit", json!({ "type": "transit" })),
        ("transit/keys/release", json!({ "type": "ecdsa-p256" })),
        ("transit/keys/attest", json!({ "type": "ecdsa-p256" })),
        ("transit/keys/log", json!({ "type": "ed25519" })),
    ] {
        let request = http
            .post(format!("http://{address}/v1/{path}"))
            .header("x-vault-token", TOKEN);
        let sent = request.body(body.to_string()).send().await?;
        sent.error_for_status()?;
    }
    Ok(())
}

async fn key(address: SocketAddr, name: &str) -> Result<SigningKey, Failure> {
    let reference = KeyReference::parse(format!("openbao://{name}").as_ref()).map_err(Failure::misuse)?;
    let KeyReference::Vault(_, key) = reference else {
        return Err(Failure::misuse(anyhow::anyhow!(
            "`openbao://{name}` names no key of a vault"
        )));
    };
    let settings = VaultSettings::from_environment(Dialect::OpenBao, |variable| match variable {
        "BAO_ADDR" => Some(format!("http://{address}")),
        "BAO_TOKEN" => Some(TOKEN.to_owned()),
        _ => None,
    });
    let opened = VaultKey::open(settings.map_err(Failure::misuse)?, key).await;
    Ok(SigningKey::Vault(Box::new(opened.map_err(Failure::misuse)?)))
}
