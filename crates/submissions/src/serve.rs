//! The service, wired: the store opened, doors bound, workers started, and everything taken down in order when it is time.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use countersign_identity::Issuers;
use countersign_registry::{Client, Credentials};
use countersign_server::admin::{self, Readiness};
use countersign_server::certificate::{CertificateError, Certificates, WATCH_EVERY};
use countersign_server::drain::{DrainPlan, Drained, Drainer};
use countersign_server::listener::{Limits, ListenError, Listener, Transport};
use countersign_server::metrics::{self, Door};
use countersign_store::{Address, Anchor, BlobError, Blobs, Limits as StoreLimits, RestoreError, Store, StoreError};
use countersign_wire::MAX_REPORT;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::catalog::{CatalogError, Catalogs};
use crate::door;
use crate::keyring::Keyring;
use crate::metrics::{Metrics, joined};
use crate::sequencer::{self, trust};
use crate::service::Service;
use crate::settings::Settings;
use crate::work;

/// Everything that the service is started with.
pub struct SigningPlan {
    /// Where pipelines are answered.
    pub listen: SocketAddr,
    /// Where health, readiness and metrics are served, if anywhere.
    pub admin: Option<SocketAddr>,
    /// PEM files with the serving certificate and its key; without them, plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where the store is.
    pub database: Address,
    /// Where reports are kept.
    pub blobs: PathBuf,
    /// Whose tokens are believed.
    pub issuers: Arc<Issuers>,
    /// The directory with gates and bindings.
    pub gates: PathBuf,
    /// The keys.
    pub keyring: Keyring,
    /// The way to registries.
    pub client: Client,
    /// What registries are shown.
    pub credentials: Credentials,
    /// What the service is told besides.
    pub settings: Settings,
    /// How the door goes away.
    pub drain: DrainPlan,
    /// The one clock.
    pub clock: fn() -> Timestamp,
}

/// Why the service did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The serving certificate cannot be used.
    #[error("the serving certificate cannot be used")]
    Certificate(#[from] CertificateError),
    /// The store cannot be opened.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// The directory for reports cannot be used.
    #[error("the directory for reports cannot be used")]
    Blobs(#[from] BlobError),
    /// The gates cannot be read.
    #[error("the gates cannot be read")]
    Catalog(#[from] CatalogError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The store is older than what was signed.
    #[error("the store is not what it was when the newest checkpoint was signed")]
    Restore(#[from] RestoreError),
    /// The ledger in the store is another one than the key's.
    #[error(transparent)]
    Ledger(#[from] sequencer::LedgerError),
}

/// A part that must not end, and ended.
#[derive(Debug, Error)]
#[error("an essential part ended by itself; the door was drained, and the process should be started again")]
pub struct PartEnded;

/// A signing door that listens.
pub struct SigningServer {
    listener: Listener,
    admin: Option<Listener>,
    certificates: Option<Certificates>,
    service: Arc<Service>,
    drain: DrainPlan,
}

impl SigningServer {
    /// Opens what must be open and listens; nobody is answered before [`SigningServer::run`].
    ///
    /// # Errors
    /// [`StartError`]. Nothing was started then.
    pub async fn start(plan: SigningPlan) -> Result<Self, StartError> {
        let certificates = match &plan.tls {
            Some((certificate, key)) => Some(Certificates::load(certificate, key, (plan.clock)())?),
            None => None,
        };
        let transport = match &certificates {
            Some(certificates) => Transport::Tls(certificates.server_config()),
            None => Transport::Plain,
        };
        let catalogs = Catalogs::open(&plan.gates, &plan.keyring)?;
        let store = Store::open(&plan.database, &StoreLimits::default()).await?;
        let blobs = Blobs::open(&plan.blobs, MAX_REPORT as u64)?;
        let anchor = match &plan.settings.anchor {
            Some(directory) => Some(Anchor::open(directory, trust(&plan.keyring, &plan.settings.origin)?)?),
            None => None,
        };
        if let Some(anchor) = &anchor {
            anchor.check(&store).await?;
        }
        let listener = Listener::bind(plan.listen, transport).await?;
        let admin = match plan.admin {
            Some(address) => Some(Listener::bind(address, Transport::Plain).await?),
            None => None,
        };
        let service = Service {
            store,
            blobs,
            issuers: plan.issuers,
            catalogs,
            keyring: plan.keyring,
            client: plan.client,
            credentials: plan.credentials,
            uploads: Semaphore::new(plan.settings.limits.uploads),
            readers: Semaphore::new(2),
            simulations: Semaphore::new(1),
            settings: plan.settings,
            metrics: Metrics::new(),
            bell: Notify::new(),
            signed: watch::Sender::new(0),
            anchor,
            denials: Mutex::new((Instant::now(), 0)),
            clock: plan.clock,
        };
        service.begin().await?;
        Ok(Self {
            listener,
            admin,
            certificates,
            service: Arc::new(service),
            drain: plan.drain,
        })
    }

    /// The address that pipelines are answered on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The address of the admin door.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Listener::address)
    }

    /// Answers and works until `shutdown` resolves, then drains. What is being worked on is finished by whoever comes next.
    ///
    /// # Errors
    /// [`PartEnded`] where a part that must not end did: the doors were drained all the same.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Drained, PartEnded> {
        let Self {
            listener,
            admin,
            certificates,
            service,
            drain,
        } = self;
        let (readiness, doors) = (Readiness::new(), metrics::Metrics::new());
        let drainer = Drainer::new(drain, &readiness);
        let mut parts = JoinSet::new();
        if let Some(certificates) = certificates {
            let condition = readiness.condition("certificate", "not looked at yet");
            parts.spawn(certificates.watch(WATCH_EVERY, service.clock, doors.clone(), condition));
        }
        let ledger = readiness.condition("ledger", "no checkpoint was signed yet");
        parts.spawn(sequencer::run(Arc::clone(&service), ledger));
        parts.spawn(work::run(Arc::clone(&service)));
        parts.spawn(work::look_after(Arc::clone(&service)));
        let (issuers, clock) = (Arc::clone(&service.issuers), service.clock);
        parts.spawn(async move { issuers.follow(clock).await });
        let keys = Arc::clone(&service);
        parts.spawn(async move { keys.keyring.keep().await });
        if let Some(admin) = admin {
            let (counted, counting) = (doors.clone(), service.metrics.clone());
            let router = admin::router_of(readiness.clone(), move || joined(&counted.text(), &counting.text()));
            let (drain, doors) = (drainer.last_door(), doors.clone());
            parts.spawn(async move {
                admin.serve(router, Door::Admin, Limits::admin(), doors, drain).await;
            });
        }
        let router = door::router(Arc::clone(&service));
        let closing = drainer.door();
        parts.spawn(async move {
            listener
                .serve(router, Door::Signing, Limits::signing(), doors, closing)
                .await;
        });
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            _ = parts.join_next() => Err(PartEnded),
        };
        let drained = drainer.run().await;
        ended.map(|()| drained)
    }
}
