//! `countersign serve registry`

mod access;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_registry::embedded::access::Access;
use countersign_registry::embedded::{self, Storage};
use countersign_server::admin::Readiness;
use countersign_server::certificate::{Certificates, WATCH_EVERY};
use countersign_server::drain::{DrainPlan, Drained, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use jiff::Timestamp;

use self::access::Way;
use super::asked_to_stop;
use crate::configuration;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where it listens [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Keep images in this directory [default: in memory, gone when it stops]
    #[arg(long, value_name = "DIR")]
    storage: Option<PathBuf>,

    /// Serving certificate with its chain (PEM); watched [default: without TLS]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key of the serving certificate (PEM); watched
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Let in only these users, as `htpasswd -B` writes them [default: everyone]
    #[arg(long, value_name = "FILE")]
    htpasswd: Option<PathBuf>,

    /// Let everyone pull, whoever may push
    #[arg(long)]
    anonymous_pull: bool,

    /// Configuration file; what a flag says outranks it
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Everything that it is started with, read and found good.
struct Plan {
    address: SocketAddr,
    storage: Option<PathBuf>,
    access: Option<Access>,
    certificates: Option<Certificates>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    let plan = arguments.plan()?;
    let is_open = plan.access.is_none();
    let registry = registry(plan.storage, plan.access)?;
    let scheme = if plan.certificates.is_some() { "https" } else { "http" };
    let transport = match &plan.certificates {
        Some(certificates) => Transport::Tls(certificates.server_config()),
        None => Transport::Plain,
    };
    let listener = Listener::bind(plan.address, transport).await.map_err(|error| {
        Failure::misuse(error).hint("choose another address with --listen ADDR, or stop whatever listens there")
    })?;
    tracing::info!(address = %format_args!("{scheme}://{}", listener.address()), "the registry listens");
    if is_open && !listener.address().ip().is_loopback() {
        tracing::warn!(
            "it asks nobody for a password: whoever reaches this address may push and delete; give it users with \
             --htpasswd FILE"
        );
    }
    serve(listener, &registry, plan.certificates, stop).await
}

fn registry(storage: Option<PathBuf>, access: Option<Access>) -> Result<embedded::Registry, Failure> {
    let (storage, limits) = match storage {
        Some(directory) => {
            let opened = Storage::disk(&directory).map_err(|error| {
                Failure::misuse(error)
                    .hint("--storage takes a directory that is new, empty, or of another registry of this kind")
            })?;
            (opened, embedded::Limits::disk())
        }
        None => (Storage::memory(), embedded::Limits::memory()),
    };
    Ok(match access {
        Some(access) => embedded::Registry::guarded(storage, limits, access),
        None => embedded::Registry::new(storage, limits),
    })
}

async fn serve(
    listener: Listener,
    registry: &embedded::Registry,
    certificates: Option<Certificates>,
    stop: impl Future<Output = ()>,
) -> Result<Exit, Failure> {
    let (readiness, metrics) = (Readiness::new(), Metrics::new());
    let drainer = Drainer::new(
        DrainPlan {
            grace: Duration::ZERO,
            deadline: Duration::from_secs(10),
        },
        &readiness,
    );
    if let Some(certificates) = certificates {
        let condition = readiness.condition("certificate", "not looked at yet");
        tokio::spawn(certificates.watch(WATCH_EVERY, Timestamp::now, metrics.clone(), condition));
    }
    let door = listener.serve(
        registry.router(),
        Door::Registry,
        Limits::registry(),
        metrics,
        drainer.door(),
    );
    let serving = tokio::spawn(door);
    tokio::pin!(serving);
    tokio::select! {
        () = stop => {}
        _ = &mut serving => return Err(Failure::refused(anyhow::anyhow!("the registry ended by itself"))),
    }
    match drainer.run().await {
        Drained::InTime => tracing::info!("stopped"),
        Drained::CutOff => tracing::warn!("stopped; some requests took too long, and were cut off"),
    }
    // What it was cut off from is said already.
    let _ = serving.await;
    Ok(Exit::Done)
}

impl Arguments {
    /// The flags over the file.
    fn plan(self) -> Result<Plan, Failure> {
        let file = self
            .config
            .as_deref()
            .map(configuration::read)
            .transpose()?
            .and_then(|file| file.registry)
            .unwrap_or_default();
        let address = self
            .listen
            .or(file.listen)
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 5000)));
        let pair = match (self.tls_cert.zip(self.tls_key), file.tls) {
            (Some(pair), _) => Some(pair),
            (None, tls) => tls.map(|tls| (tls.certificate, tls.key)),
        };
        let certificates = pair
            .map(|(certificate, key)| Certificates::load(&certificate, &key, Timestamp::now()))
            .transpose()
            .map_err(|error| Failure::misuse(error).context("the serving certificate cannot be used"))?;
        let way = Way {
            loopback: address.ip().is_loopback(),
            tls: certificates.is_some(),
            external_url: file.external_url,
        };
        Ok(Plan {
            address,
            storage: self.storage.or(file.storage),
            access: access::read(self.htpasswd, self.anonymous_pull, file.auth, &way)?,
            certificates,
        })
    }
}
