//! What the story plays on: a registry, a key, a policy, and an admission door over TLS, all on this machine and all gone
//! at the end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_evidence::KeyKind;
use countersign_keys::{Password, PrivateKey};
use countersign_policy::Settings;
use countersign_registry::{CacheConfig, Credentials, embedded};
use countersign_server::admin::Readiness;
use countersign_server::drain::{DrainPlan, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use countersign_server::record::Recorder;
use countersign_server::serve::{AdmissionPlan, AdmissionServer};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::certificate::{self, Certificates};
use super::shop::Shop;
use crate::failure::{Failure, unwritable};
use crate::printer::Printer;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const AT_ONCE: DrainPlan = DrainPlan { grace: Duration::ZERO, deadline: Duration::from_secs(5) };

pub(super) struct Stage {
    directory: tempfile::TempDir,
    pub(super) shop: Shop,
    pub(super) key: PrivateKey,
    pub(super) certificates: Certificates,
    pub(super) registry: SocketAddr,
    pub(super) door: SocketAddr,
    /// Where the API server finds the door.
    pub(super) base_url: String,
    parts: JoinSet<()>,
    registry_drainer: Drainer,
    close_door: oneshot::Sender<()>,
}

impl Stage {
    pub(super) async fn set(advertise: Option<SocketAddr>) -> Result<Self, Failure> {
        let directory = tempfile::tempdir().map_err(|error| unwritable(&std::env::temp_dir(), error))?;
        let mut parts = JoinSet::new();
        let registry_drainer = Drainer::new(AT_ONCE, &Readiness::new());
        let registry = open_registry(&mut parts, &registry_drainer).await?;
        let key = PrivateKey::generate(KeyKind::EcdsaP256).map_err(Failure::misuse)?;
        let certificates = certificate::make(
            ["127.0.0.1".to_owned(), "localhost".to_owned()]
                .into_iter()
                .chain(advertise.map(|address| address.ip().to_string()))
                .collect(),
        )?;
        let shop = Shop::at(registry)?;
        let files = Files { directory: directory.path().to_owned() };
        files.write(&key, &certificates, registry)?;
        // Whoever advertises an address is reached on it, and so everywhere.
        let listen = advertise.map_or(LOOPBACK, |address| SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), address.port()));
        let server = AdmissionServer::start(files.plan(listen, &shop)?)
            .await
            .map_err(|error| Failure::misuse(error).context("the admission door did not open"))?;
        let door = SocketAddr::new(LOOPBACK.ip(), server.address().port());
        let base_url = format!("https://{}", advertise.unwrap_or(door));
        let (close_door, closed) = oneshot::channel();
        parts.spawn(async move {
            let asked = async {
                // A stage that is gone closes its door too.
                let _ = closed.await;
            };
            // The only way to end otherwise is a part that ended by itself, and then the story fails at its next line.
            let _ = server.run(asked).await;
        });
        Ok(Self { directory, shop, key, certificates, registry, door, base_url, parts, registry_drainer, close_door })
    }

    pub(super) fn policy_file(&self) -> PathBuf {
        self.directory.path().join("policies").join("signed.yaml")
    }

    pub(super) fn public_key_file(&self) -> PathBuf {
        self.directory.path().join("shop.pub")
    }

    fn private_key_file(&self) -> PathBuf {
        self.directory.path().join("shop.key")
    }

    /// For `--stay`: everything that somebody needs to go on by hand.
    pub(super) fn announce(&self, printer: &mut Printer) {
        printer.line("");
        printer.line("It all stays up until Ctrl-C:");
        printer.line(format!("  registry     {}   (plain HTTP: cosign and crane work against it)", self.registry));
        printer.line(format!("  door         {}/validate and /mutate", self.base_url));
        printer.line(format!("  policy       {}   (edit it: it is read again within a second)", self.policy_file().display()));
        printer.line(format!("  private key  {}   (COSIGN_PASSWORD is empty)", self.private_key_file().display()));
        printer.line(format!("  public key   {}", self.public_key_file().display()));
        printer.line("");
        printer.line("  try          sign the image that was turned away, then ask for it again:");
        printer.line(format!(
            "               COSIGN_PASSWORD= countersign sign {} --key {}",
            self.shop.name("shop/unsigned", "1.0"),
            self.private_key_file().display()
        ));
        printer.line(format!(
            "               countersign verify {} --policy {}",
            self.shop.name("shop/unsigned", "1.0"),
            self.policy_file().display()
        ));
    }

    pub(super) async fn strike(self) {
        let Self { mut parts, registry_drainer, close_door, .. } = self;
        // It may have closed by itself; then there is nothing to ask.
        let _ = close_door.send(());
        registry_drainer.run().await;
        while parts.join_next().await.is_some() {}
    }
}

async fn open_registry(parts: &mut JoinSet<()>, drainer: &Drainer) -> Result<SocketAddr, Failure> {
    let listener = Listener::bind(LOOPBACK, Transport::Plain).await.map_err(Failure::misuse)?;
    let address = listener.address();
    let router = embedded::Registry::memory().router();
    let drain = drainer.door();
    parts.spawn(async move {
        listener.serve(router, Door::Registry, Limits::registry(), Metrics::new(), drain).await;
    });
    Ok(address)
}

/// What the door reads from disk, as it would anywhere.
struct Files {
    directory: PathBuf,
}

impl Files {
    fn write(&self, key: &PrivateKey, certificates: &Certificates, registry: SocketAddr) -> Result<(), Failure> {
        let policies = self.directory.join("policies");
        std::fs::create_dir(&policies).map_err(|error| unwritable(&policies, error))?;
        let encrypted = key.to_cosign_pem(&Password::new(String::new()));
        for (name, text) in [
            ("tls.crt", certificates.certificate_pem.as_str()),
            ("tls.key", &certificates.key_pem),
            ("shop.key", &encrypted),
            ("shop.pub", &key.public().to_pem()),
            ("policies/signed.yaml", &policy(&key.public().to_pem(), registry)),
        ] {
            let path = self.directory.join(name);
            std::fs::write(&path, text).map_err(|error| unwritable(&path, error))?;
        }
        Ok(())
    }

    fn plan(&self, listen: SocketAddr, shop: &Shop) -> Result<AdmissionPlan, Failure> {
        Ok(AdmissionPlan {
            listen,
            admin: None,
            certificate: self.directory.join("tls.crt"),
            key: self.directory.join("tls.key"),
            policies: vec![self.directory.join("policies")],
            settings: Settings::deny_unmatched(),
            client: shop.client(),
            credentials: Credentials::anonymous(),
            cache: CacheConfig::standard(),
            denials: None,
            // The story is what is printed here; its records would only interrupt it.
            recorder: Recorder::to(std::io::sink())
                .map_err(|error| Failure::misuse(error).context("records cannot be written"))?,
            drain: AT_ONCE,
            clock: Timestamp::now,
        })
    }
}

/// The policy of the story, as it is printed and as it is read.
pub(super) fn policy(public_key_pem: &str, registry: SocketAddr) -> String {
    let key: String = public_key_pem.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: signed-by-the-shop
spec:
  images:
  - glob: \"{registry}/shop/**\"
  authorities:
  - name: shop-key
    key:
      data: |
{key}"
    )
}
