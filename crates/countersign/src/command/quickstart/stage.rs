//! What the story plays on: a registry, a signing service with its keys, a policy, and an admission door over TLS, all on
//! this machine and all gone at the end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_evidence::KeyKind;
use countersign_keys::{PrivateKey, SigningKey};
use countersign_registry::embedded;
use countersign_server::admin::Readiness;
use countersign_server::drain::{DrainPlan, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use countersign_server::serve::AdmissionServer;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::certificate::{self, Certificates};
use super::props::Props;
use super::shop::Shop;
use super::signing::{self, Pipelines};
use super::vault::{self, Keys, Vault};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::unwritable;

pub(super) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
pub(super) const AT_ONCE: DrainPlan = DrainPlan {
    grace: Duration::ZERO,
    deadline: Duration::from_secs(5),
};

pub(super) struct Stage {
    pub(super) shop: Shop,
    /// What the service signs images with, for those that come to the door another way.
    pub(super) key: SigningKey,
    /// The CI system.
    pub(super) pipelines: Pipelines,
    signing: SocketAddr,
    pub(super) certificates: Certificates,
    pub(super) registry: SocketAddr,
    pub(super) door: SocketAddr,
    /// Where the API server finds the door.
    pub(super) base_url: String,
    props: Props,
    parts: JoinSet<()>,
    registry_drainer: Drainer,
    close_doors: [oneshot::Sender<()>; 2],
    vault: Option<Vault>,
    // Gone with everything in it when the stage is.
    directory: tempfile::TempDir,
}

impl Stage {
    pub(super) async fn set(advertise: Option<SocketAddr>) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new()
            .prefix("countersign-")
            .tempdir()
            .map_err(|error| unwritable(&std::env::temp_dir(), error))?;
        let mut parts = JoinSet::new();
        let registry_drainer = Drainer::new(AT_ONCE, &Readiness::new());
        let registry = open_registry(&mut parts, &registry_drainer).await?;
        let (vault, private, keys, key) = keys(directory.path()).await?;
        let certificates = certificate::make(names(advertise))?;
        let shop = Shop::at(registry)?;
        let public = key.public_key();
        let props = Props::write(directory.path(), (public, private.as_ref()), &certificates, registry)?;
        let (pipelines, service) = signing::start(directory.path(), registry, &shop, keys).await?;
        let signing = service.address();
        let (close_service, closed) = oneshot::channel();
        parts.spawn(async move {
            // It is drained like the door below.
            let _ = service.run(until(closed)).await;
        });
        let server = AdmissionServer::start(props.plan(listen(advertise), &shop)?)
            .await
            .map_err(|error| Failure::misuse(error).context("the admission door did not open"))?;
        let door = SocketAddr::new(LOOPBACK.ip(), server.address().port());
        let base_url = format!("https://{}", advertise.unwrap_or(door));
        let (close_door, closed) = oneshot::channel();
        parts.spawn(async move {
            // A part that ended by itself shows in the story, whose next line fails.
            let _ = server.run(until(closed)).await;
        });
        let stage = Self {
            shop,
            key,
            pipelines,
            signing,
            certificates,
            registry,
            door,
            base_url,
            props,
            parts,
            registry_drainer,
            close_doors: [close_service, close_door],
            vault,
            directory,
        };
        Ok(stage)
    }

    pub(super) fn policy_file(&self) -> PathBuf {
        self.props.policy_file()
    }

    pub(super) fn public_key_file(&self) -> PathBuf {
        self.props.public_key_file()
    }

    /// There is none where a vault keeps the key.
    pub(super) fn private_key_file(&self) -> Option<PathBuf> {
        self.vault.is_none().then(|| self.props.private_key_file())
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn signing_url(&self) -> Result<reqwest::Url, Failure> {
        format!("http://{}", self.signing).parse().map_err(Failure::misuse)
    }

    /// Where the key is, for the sentence that says so.
    pub(super) fn key_is(&self) -> &'static str {
        match self.vault {
            Some(_) => "that OpenBao keeps",
            None => "in a file",
        }
    }

    /// Closes both doors and waits for them.
    pub(super) async fn strike(self) -> Result<(), Failure> {
        let Self {
            mut parts,
            registry_drainer,
            close_doors,
            ..
        } = self;
        for close in close_doors {
            // It may have closed by itself; then there is nothing to ask.
            let _ = close.send(());
        }
        registry_drainer.run().await;
        while let Some(ended) = parts.join_next().await {
            // A panic behind a story that went well is none that may go unseen.
            ended.map_err(|error| Failure::new(Exit::Broken, error).context("a part of the stage broke"))?;
        }
        Ok(())
    }
}

/// Resolves when it is time to close. A stage that is gone closes its doors too.
async fn until(closed: oneshot::Receiver<()>) {
    let _ = closed.await;
}

/// The service's keys, and the first of them once more for the story.
async fn keys(directory: &Path) -> Result<(Option<Vault>, Option<PrivateKey>, Keys, SigningKey), Failure> {
    if let Some((vault, keys)) = vault::open(directory).await? {
        let key = vault.release().await?;
        return Ok((Some(vault), None, keys, key));
    }
    let private = PrivateKey::generate(KeyKind::EcdsaP256).map_err(Failure::misuse)?;
    let (keys, key) = (Keys::held(&private)?, Keys::held(&private)?.release);
    Ok((None, Some(private), keys, key))
}

/// What the door's certificate is made out to.
fn names(advertise: Option<SocketAddr>) -> Vec<String> {
    let loopback = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    loopback
        .into_iter()
        .chain(advertise.map(|address| address.ip().to_string()))
        .collect()
}

/// Whoever advertises an address is reached on it through who knows which interface.
fn listen(advertise: Option<SocketAddr>) -> SocketAddr {
    match advertise {
        None => LOOPBACK,
        Some(address) if address.ip().is_loopback() => address,
        Some(SocketAddr::V4(address)) => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()),
        Some(SocketAddr::V6(address)) => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port()),
    }
}

async fn open_registry(parts: &mut JoinSet<()>, drainer: &Drainer) -> Result<SocketAddr, Failure> {
    let listener = Listener::bind(LOOPBACK, Transport::Plain)
        .await
        .map_err(Failure::misuse)?;
    let address = listener.address();
    let router = embedded::Registry::memory().router();
    let drain = drainer.door();
    parts.spawn(async move {
        listener
            .serve(router, Door::Registry, Limits::registry(), Metrics::new(), drain)
            .await;
    });
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_that_is_advertised_listens_where_it_can_be_reached() {
        for (advertised, expected) in [
            (None, "127.0.0.1:0"),
            (Some("127.0.0.1:8443"), "127.0.0.1:8443"),
            (Some("10.0.0.5:8443"), "0.0.0.0:8443"),
            (Some("[fd00::5]:8443"), "[::]:8443"),
        ] {
            let advertised = advertised.map(|text| text.parse().expect("an address"));
            assert_eq!(listen(advertised).to_string(), expected);
        }
    }
}
