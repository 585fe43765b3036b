//! `countersign serve registry`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_registry::embedded;
use countersign_server::admin::Readiness;
use countersign_server::drain::{DrainPlan, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};

use super::asked_to_stop;
use crate::configuration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where it listens, without TLS: a loopback address [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Keep images in this directory [default: in memory, gone when it stops]
    #[arg(long, value_name = "DIR")]
    storage: Option<PathBuf>,

    /// Configuration file; its `registry` part is read
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    let file = arguments.config.as_deref().map(configuration::read).transpose()?.and_then(|file| file.registry);
    let file = file.unwrap_or_default();
    let address = arguments.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 5000)));
    let registry = match arguments.storage.or(file.storage) {
        Some(directory) => embedded::Registry::disk(&directory).map_err(Failure::misuse)?,
        None => embedded::Registry::memory(),
    };
    let listener = Listener::bind(address, Transport::Plain).await.map_err(Failure::misuse)?;
    printer.note(format!("the registry listens on http://{}", listener.address()));
    let readiness = Readiness::new();
    let drainer = Drainer::new(DrainPlan { grace: Duration::ZERO, deadline: Duration::from_secs(10) }, &readiness);
    let serving = tokio::spawn(listener.serve(
        registry.router(),
        Door::Registry,
        Limits::registry(),
        Metrics::new(),
        drainer.door(),
    ));
    stop.await;
    drainer.run().await;
    // A connection that was cut off is no failure of the registry's: it was told to stop.
    let _ = serving.await;
    Ok(Exit::Done)
}
