//! `countersign serve admission`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_policy::Settings;
use countersign_registry::CacheConfig;
use countersign_server::drain::{DrainPlan, Drained};
use countersign_server::record::Recorder;
use countersign_server::serve::{AdmissionPlan, AdmissionServer, StartError};
use jiff::Timestamp;

use super::asked_to_stop;
use crate::configuration::{Admission, NoMatch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::registries::RegistryArguments;
use crate::trust_roots;

/// How long requests in flight may take once the door closes: the API server waits thirty seconds at most.
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Policy file, or directory with policy files; watched
    #[arg(long, value_name = "FILE")]
    policies: Vec<PathBuf>,

    /// Serving certificate with its chain (PEM); watched
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key of the serving certificate (PEM); watched
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// What is believed where a policy names no trust root (`trusted_root.json`); watched [default: what this binary brings
    /// along]
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,

    /// Where reviews are answered
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Where /healthz, /readyz and /metrics are served [default: nowhere]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,

    /// What becomes of an image that no policy governs [default: deny]
    #[arg(long, value_enum, value_name = "VERDICT")]
    no_match: Option<NoMatch>,

    /// Keep evidence in this directory too, so that a restart asks registries for none of it again
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Keep what the latest denials were judged on in this directory, for `explain --record`
    #[arg(long, value_name = "DIR")]
    denials: Option<PathBuf>,

    /// After being asked to stop, go on answering for this long while being not ready [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = crate::duration::parse)]
    drain_grace: Option<Duration>,

    #[command(flatten)]
    registries: RegistryArguments,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    let server = AdmissionServer::start(arguments.plan()?).await.map_err(refused)?;
    tracing::info!(address = %format_args!("https://{}", server.address()), "the admission door listens");
    if let Some(admin) = server.admin_address() {
        tracing::info!(address = %format_args!("http://{admin}"), "health, readiness and metrics are served");
    }
    match server.run(stop).await.map_err(Failure::refused)? {
        Drained::InTime => tracing::info!("stopped"),
        Drained::CutOff => tracing::warn!("stopped; some requests took too long, and were cut off"),
    }
    Ok(Exit::Done)
}

impl Arguments {
    /// The flags over the file.
    fn plan(self) -> Result<AdmissionPlan, Failure> {
        let mut configuration = self.registries.configuration()?;
        let (client, credentials, http) = self.registries.clients(configuration.as_ref())?;
        let trust = configuration.as_mut().map(|file| std::mem::take(&mut file.trust_roots));
        let roots = trust_roots::store(trust.unwrap_or_default(), self.trusted_root, http)?;
        let file = configuration
            .as_mut()
            .and_then(|file| file.admission.take())
            .unwrap_or_default();
        let Admission {
            listen,
            admin,
            policies,
            tls,
            no_match,
            cache,
            denials,
            drain_grace,
        } = file;
        let (file_certificate, file_key) = tls.map(|tls| (tls.certificate, tls.key)).unzip();
        let policies = if self.policies.is_empty() {
            policies
        } else {
            self.policies
        };
        if policies.is_empty() {
            return Err(missing("policies", "--policies FILE"));
        }
        let no_match = self.no_match.or(no_match).unwrap_or(NoMatch::Deny);
        Ok(AdmissionPlan {
            listen: self
                .listen
                .or(listen)
                .ok_or_else(|| missing("an address to listen on", "--listen ADDR"))?,
            admin: self.admin.or(admin),
            certificate: self
                .tls_cert
                .or(file_certificate)
                .ok_or_else(|| missing("a certificate", "--tls-cert FILE"))?,
            key: self
                .tls_key
                .or(file_key)
                .ok_or_else(|| missing("a certificate's key", "--tls-key FILE"))?,
            policies,
            settings: Settings::new(no_match.into()),
            roots: Some(Arc::new(roots)),
            client,
            credentials,
            cache: CacheConfig {
                directory: self.cache.or(cache),
                ..CacheConfig::standard()
            },
            denials: self.denials.or(denials),
            recorder: Recorder::to(std::io::stdout())
                .map_err(|error| Failure::misuse(error).context("records cannot be written"))?,
            drain: DrainPlan {
                grace: self.drain_grace.or(drain_grace).unwrap_or_default(),
                deadline: DRAIN_DEADLINE,
            },
            clock: Timestamp::now,
        })
    }
}

fn missing(what: &str, flag: &str) -> Failure {
    Failure::misuse(anyhow::anyhow!("the admission door needs {what}")).hint(format!(
        "give {flag}, or say it in the `admission` part of --config FILE"
    ))
}

fn refused(error: StartError) -> Failure {
    let hint = match &error {
        StartError::Certificate(_) => "the API server only speaks to a door whose certificate it can check",
        StartError::Policies(_) => "--policies names files, or directories with .yaml, .yml or .json files",
        StartError::Cache(_) | StartError::Denials(_) => "it must be a directory that this process may write to",
        StartError::Listen(_) => "choose another address, or stop whatever listens there",
    };
    Failure::misuse(error)
        .context("the admission door did not open")
        .hint(hint)
}
