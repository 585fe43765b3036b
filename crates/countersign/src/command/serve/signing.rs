//! `countersign serve signing`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_gate::{Tools, Verifier};
use countersign_identity::Issuers;
use countersign_server::drain::{DrainPlan, Drained};
use countersign_submissions::keyring::{EMERGENCY, Keyring, LOG, NamedKey, Role};
use countersign_submissions::serve::{SigningPlan, SigningServer, StartError};
use countersign_submissions::settings::{Limits, Settings};
use jiff::Timestamp;

use super::asked_to_stop;
use crate::configuration::{SigningKeys, SigningLimits};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::private_key::{self, PasswordSource};
use crate::registries::RegistryArguments;

/// How long requests may take to end when it is stopped: reports and whoever waits for a step.
const DRAIN_DEADLINE: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    let plan = arguments.plan().await?;
    let scheme = if plan.tls.is_some() { "https" } else { "http" };
    let verifier = plan.keyring.verifier().to_string();
    let server = SigningServer::start(plan).await.map_err(refused)?;
    tracing::info!(
        address = %format_args!("{scheme}://{}", server.address()),
        admin = server.admin_address().map(tracing::field::display),
        log_key = verifier,
        "the signing door listens"
    );
    match server.run(stop).await {
        Ok(Drained::InTime) => tracing::info!("stopped"),
        Ok(Drained::CutOff) => tracing::warn!("stopped; some requests took too long, and were cut off"),
        Err(error) => return Err(Failure::refused(error)),
    }
    Ok(Exit::Done)
}

impl Arguments {
    async fn plan(self) -> Result<SigningPlan, Failure> {
        let file = self.registries.configuration()?;
        let (client, credentials) = self.registries.client(file.as_ref())?;
        let signing = file.and_then(|file| file.signing).ok_or_else(|| {
            Failure::misuse(anyhow::anyhow!("the signing door needs a configuration"))
                .hint("say it in the `signing` part of --config FILE; docs/configuration.md lists every field")
        })?;
        let listen = signing.listen.unwrap_or(([127, 0, 0, 1], 8444).into());
        if signing.tls.is_none() && !listen.ip().is_loopback() {
            let error = anyhow::anyhow!("`signing.tls` is missing, and {listen} is no loopback address");
            return Err(Failure::misuse(error).hint("pipelines send tokens: without TLS whoever is between reads them"));
        }
        let public_url = signing.public_url.trim_end_matches('/').to_owned();
        let issuers = Issuers::new(&signing.issuers, &public_url)
            .map_err(|error| Failure::misuse(error).context("`signing.issuers` cannot be used"))?;
        let origin = signing.ledger.origin;
        let keyring = Keyring::new(keys(signing.keys).await?, &origin)
            .map_err(|error| Failure::misuse(error).context("`signing.keys` cannot be used"))?;
        for named in keyring.all() {
            for warning in named.key.warnings() {
                tracing::warn!(key = named.name, %warning, "somebody should know this of a key");
            }
        }
        let database = signing
            .store
            .database
            .parse()
            .map_err(|error| Failure::misuse(error).context("`signing.store.database` names no store"))?;
        Ok(SigningPlan {
            listen,
            admin: signing.admin,
            tls: signing.tls.map(|tls| (tls.certificate, tls.key)),
            database,
            blobs: signing.store.blobs,
            issuers: Arc::new(issuers),
            gates: signing.gates,
            keyring,
            client,
            credentials,
            settings: Settings {
                verifier: Verifier {
                    id: signing.verifier_id.unwrap_or_else(|| format!("{public_url}/gate/v1")),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    gates: format!("{public_url}/v1/gates"),
                },
                public_url,
                registries: signing.registries.into_iter().collect(),
                tools: Tools::with(signing.tools),
                origin,
                mirror: signing.ledger.mirror,
                anchor: signing.ledger.anchor,
                limits: limits(&signing.limits),
            },
            drain: DrainPlan {
                grace: signing.drain_grace.unwrap_or_default(),
                deadline: DRAIN_DEADLINE,
            },
            clock: Timestamp::now,
        })
    }
}

async fn keys(named: SigningKeys) -> Result<Vec<NamedKey>, Failure> {
    let password = PasswordSource::file(named.password_file);
    let of = |role, keys: std::collections::BTreeMap<String, PathBuf>| {
        keys.into_iter().map(move |(name, path)| (role, name, path))
    };
    let single = |role, name: &str, path| (role, name.to_owned(), path);
    let every = of(Role::Release, named.release)
        .chain(of(Role::Attest, named.attest))
        .chain(named.emergency.map(|path| single(Role::Emergency, EMERGENCY, path)))
        .chain([single(Role::Log, LOG, named.log)]);
    let mut opened = Vec::new();
    for (role, name, path) in every {
        let key = private_key::opened(&path, &password).await;
        let key = key.map_err(|failure| failure.context(format!("the key `{name}` cannot be used")))?;
        opened.push(NamedKey { role, name, key });
    }
    Ok(opened)
}

fn limits(said: &SigningLimits) -> Limits {
    let standard = Limits::standard();
    Limits {
        open_per_repository: said.open_per_repository.unwrap_or(standard.open_per_repository),
        uploads: said.uploads.unwrap_or(standard.uploads),
        workers: said.workers.unwrap_or(standard.workers).max(1),
        unsealed: said.unsealed.unwrap_or(standard.unsealed),
        outages: said.outages.unwrap_or(standard.outages),
        heal_every: said.heal_every.unwrap_or(standard.heal_every),
        ..standard
    }
}

fn refused(error: StartError) -> Failure {
    let hint = match &error {
        StartError::Certificate(_) => "pipelines only speak to a door whose certificate they can check",
        StartError::Store(_) => "`sqlite:PATH` must be writable; `postgres://…` must be reachable",
        StartError::Blobs(_) => "it must be a directory that this process may write to",
        StartError::Catalog(_) => "`signing.gates` is a directory of Gate and RepositoryBinding documents",
        StartError::Listen(_) => "choose another address, or stop whatever listens there",
        StartError::Restore(_) => {
            "the store is older than what was signed: docs/backup.md says how to put back what it lacks"
        }
        StartError::Ledger(_) => "another key needs another `signing.ledger.origin`, and a store of its own",
    };
    Failure::misuse(error)
        .context("the signing door did not open")
        .hint(hint)
}
