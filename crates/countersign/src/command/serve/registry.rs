//! `countersign serve registry`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_registry::embedded;
use countersign_server::admin::Readiness;
use countersign_server::drain::{DrainPlan, Drained, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};

use super::asked_to_stop;
use crate::configuration;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where it listens, without TLS and open to everyone who reaches it [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Keep images in this directory [default: in memory, gone when it stops]
    #[arg(long, value_name = "DIR")]
    storage: Option<PathBuf>,

    /// Configuration file; what a flag says outranks it
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    let file = arguments
        .config
        .as_deref()
        .map(configuration::read)
        .transpose()?
        .and_then(|file| file.registry);
    let file = file.unwrap_or_default();
    let address = arguments
        .listen
        .or(file.listen)
        .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 5000)));
    let registry = match arguments.storage.or(file.storage) {
        Some(directory) => embedded::Registry::disk(&directory).map_err(|error| {
            Failure::misuse(error)
                .hint("--storage takes a directory that is new, empty, or of another registry of this kind")
        })?,
        None => embedded::Registry::memory(),
    };
    let listener = Listener::bind(address, Transport::Plain).await.map_err(|error| {
        Failure::misuse(error).hint("choose another address with --listen ADDR, or stop whatever listens there")
    })?;
    tracing::info!(address = %format_args!("http://{}", listener.address()), "the registry listens");
    if !listener.address().ip().is_loopback() {
        tracing::warn!("it asks nobody for a password: whoever reaches this address may push and delete");
    }
    let readiness = Readiness::new();
    let drainer = Drainer::new(
        DrainPlan {
            grace: Duration::ZERO,
            deadline: Duration::from_secs(10),
        },
        &readiness,
    );
    let serving = tokio::spawn(listener.serve(
        registry.router(),
        Door::Registry,
        Limits::registry(),
        Metrics::new(),
        drainer.door(),
    ));
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
