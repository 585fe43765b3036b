//! The admission part, wired: doors bound, files watched, and everything taken down in order when it is time.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_policy::Settings;
use countersign_registry::cache::CacheError;
use countersign_registry::{CacheConfig, Client, Credentials, Gatherer};
use countersign_roots::TrustRootStore;
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::admin::{self, Condition, Readiness};
use crate::admission::{self, Denials, DenialsError, Door, DoorParts};
use crate::certificate::{CertificateError, Certificates, WATCH_EVERY};
use crate::drain::{DrainPlan, Drained, Drainer};
use crate::listener::{Limits, ListenError, Listener, Transport};
use crate::metrics::{self, Metrics, PolicySetFacts};
use crate::policies::{FilesError, POLL_INTERVAL, PolicyFiles, Reload, SETTLING};
use crate::record::Recorder;

/// Everything that an admission door is started with.
#[derive(Debug)]
pub struct AdmissionPlan {
    /// Where reviews are answered, over TLS.
    pub listen: SocketAddr,
    /// Where health, readiness and metrics are served, if anywhere.
    pub admin: Option<SocketAddr>,
    /// PEM file with the serving certificate and its chain.
    pub certificate: PathBuf,
    /// PEM file with the certificate's private key.
    pub key: PathBuf,
    /// Policy files and directories.
    pub policies: Vec<PathBuf>,
    /// What holds where the policies say nothing.
    pub settings: Settings,
    /// The trust roots that policies rest on; without them, on those alone that a TrustRoot document holds.
    pub roots: Option<Arc<TrustRootStore>>,
    /// The way to registries.
    pub client: Client,
    /// What registries are shown.
    pub credentials: Credentials,
    /// How long what they said is believed.
    pub cache: CacheConfig,
    /// Where the evidence of the latest denials is kept, if anywhere.
    pub denials: Option<PathBuf>,
    /// Where decisions are written down.
    pub recorder: Recorder,
    /// How the door goes away.
    pub drain: DrainPlan,
    /// The one clock.
    pub clock: fn() -> Timestamp,
}

/// Why a door did not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The serving certificate cannot be used.
    #[error("the serving certificate cannot be used")]
    Certificate(#[from] CertificateError),
    /// The policy files cannot be read.
    #[error("the policies cannot be read")]
    Policies(#[from] FilesError),
    /// The cache's directory cannot be used.
    #[error("the cache cannot be used")]
    Cache(#[from] CacheError),
    /// Denials cannot be kept where they should be.
    #[error(transparent)]
    Denials(#[from] DenialsError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A part that must not end, and ended.
#[derive(Debug, thiserror::Error)]
#[error("an essential part ended by itself; the door was drained, and the process should be started again")]
pub struct PartEnded;

/// An admission door that listens.
#[derive(Debug)]
pub struct AdmissionServer {
    listener: Listener,
    admin: Option<Listener>,
    certificates: Certificates,
    policies: Arc<PolicyFiles>,
    roots: Option<Arc<TrustRootStore>>,
    door: Arc<Door>,
    metrics: Metrics,
    readiness: Readiness,
    drain: DrainPlan,
    clock: fn() -> Timestamp,
}

impl AdmissionServer {
    /// Reads what must be read and listens; nobody is answered before [`AdmissionServer::run`].
    ///
    /// # Errors
    /// Where a file, an address or a directory cannot be used. Nothing was started then.
    pub async fn start(plan: AdmissionPlan) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        let certificates = Certificates::load(&plan.certificate, &plan.key, (plan.clock)())?;
        let policies = Arc::new(PolicyFiles::open(plan.policies, plan.settings, plan.roots.clone())?);
        let gatherer = Gatherer::cached(plan.client, plan.cache)?;
        let denials = plan.denials.as_deref().map(Denials::in_directory).transpose()?;
        let listener = Listener::bind(plan.listen, Transport::Tls(certificates.server_config())).await?;
        let admin = match plan.admin {
            Some(address) => Some(Listener::bind(address, Transport::Plain).await?),
            None => None,
        };
        let (counting, recorder, roots, clock) =
            (gatherer.clone(), plan.recorder.clone(), plan.roots.clone(), plan.clock);
        metrics.follow(move || crate::counted::counted(&counting, &recorder, roots.as_deref(), clock()));
        let door = Arc::new(Door::new(DoorParts {
            policies: Arc::clone(&policies),
            gatherer,
            credentials: plan.credentials,
            recorder: plan.recorder,
            denials,
            metrics: metrics.clone(),
            clock: plan.clock,
        }));
        let readiness = Readiness::new();
        let (drain, clock) = (plan.drain, plan.clock);
        Ok(Self {
            listener,
            admin,
            certificates,
            policies,
            roots: plan.roots,
            door,
            metrics,
            readiness,
            drain,
            clock,
        })
    }

    /// The address that reviews are answered on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The address of the admin door.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Listener::address)
    }

    /// The policies as they were read.
    #[must_use]
    pub fn policies(&self) -> &Arc<PolicyFiles> {
        &self.policies
    }

    /// Answers until `shutdown` resolves, then drains.
    ///
    /// # Errors
    /// [`PartEnded`] where a part that must not end did: the doors were drained all the same.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Drained, PartEnded> {
        let Self {
            listener,
            admin,
            certificates,
            policies,
            roots,
            door,
            metrics,
            readiness,
            drain,
            clock,
        } = self;
        let drainer = Drainer::new(drain, &readiness);
        let mut parts = JoinSet::new();
        let certificate = readiness.condition("certificate", "not loaded yet");
        let loaded = readiness.condition("policies", "not loaded yet");
        parts.spawn(certificates.watch(WATCH_EVERY, clock, metrics.clone(), certificate));
        parts.spawn(watch_policies(policies, metrics.clone(), loaded, clock));
        if let Some(roots) = roots {
            parts.spawn(roots.run());
        }
        if let Some(admin) = admin {
            let router = admin::router(readiness.clone(), metrics.clone());
            let (drain, metrics) = (drainer.last_door(), metrics.clone());
            parts.spawn(async move {
                admin
                    .serve(router, metrics::Door::Admin, Limits::admin(), metrics, drain)
                    .await;
            });
        }
        let router = admission::router(Arc::clone(&door));
        let door_drain = drainer.door();
        parts.spawn(async move {
            listener
                .serve(
                    router,
                    metrics::Door::Admission,
                    Limits::admission(),
                    metrics,
                    door_drain,
                )
                .await;
        });
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            _ = parts.join_next() => Err(PartEnded),
        };
        let drained = drainer.run().await;
        door.close();
        ended.map(|()| drained)
    }
}

async fn watch_policies(policies: Arc<PolicyFiles>, metrics: Metrics, condition: Condition, clock: fn() -> Timestamp) {
    tell(policies.current().set(), &metrics, clock());
    condition.met();
    let mut failing = false;
    let mut pause = POLL_INTERVAL;
    loop {
        tokio::time::sleep(pause).await;
        let reloading = Arc::clone(&policies);
        let reload = match tokio::task::spawn_blocking(move || reloading.reload()).await {
            Ok(reload) => reload,
            // A file that breaks the reader breaks the next process at its start: this one goes on with what it has.
            Err(error) if error.is_panic() => {
                if !failing {
                    metrics.policies_refused();
                    tracing::error!("reading the policies panicked; what was in force stays");
                }
                failing = true;
                continue;
            }
            // The runtime is going down.
            Err(_) => return,
        };
        pause = if matches!(reload, Reload::Changing) {
            SETTLING
        } else {
            POLL_INTERVAL
        };
        match reload {
            Reload::Unchanged | Reload::Changing => failing = false,
            Reload::Replaced(snapshot) => {
                failing = false;
                tell(snapshot.set(), &metrics, clock());
            }
            Reload::Kept(error) => {
                if !failing {
                    metrics.policies_refused();
                    let cause = std::error::Error::source(&error)
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    tracing::error!(error = %error, cause, "the policies cannot be read any longer; what was in force stays");
                }
                failing = true;
            }
        }
    }
}

fn tell(set: &countersign_policy::PolicySet, metrics: &Metrics, at: Timestamp) {
    let generation = set.generation().to_string();
    let errors = set.errors();
    metrics.policies_loaded(PolicySetFacts {
        policies: set.len(),
        errors: errors.len(),
        generation: &generation,
        at,
    });
    for error in errors {
        tracing::error!(error = %error, "a policy cannot be read: its last good form stays in force, or its images are undecided");
    }
    for lint in set.lints() {
        tracing::warn!(lint = %lint, "a policy may not mean what it says");
    }
    tracing::info!(
        policies = set.len(),
        errors = errors.len(),
        generation,
        "policies are in force"
    );
}
