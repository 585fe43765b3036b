//! `countersign quickstart`: the whole story with nothing but this binary.
//!
//! The stage (registry, signing service with its gate and keys, policy, door) is set; the scenes are played, with us in the API server's part or in a real
//! cluster; and everything is taken away again, whether the story went well, went badly, or was stopped.

mod api_server;
mod builds;
mod certificate;
mod cluster;
mod epilogue;
mod kubectl;
mod props;
mod scenes;
mod shop;
mod signing;
mod stage;
mod story;
mod vault;

use std::net::SocketAddr;
use std::path::PathBuf;

use self::stage::Stage;
use self::story::{Asking, Told};
use crate::command::serve::asked_to_stop;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Keep the registry and the door running afterwards, until Ctrl-C
    #[arg(long)]
    stay: bool,

    /// Ask the cluster of this kubeconfig for the Pods: the webhooks are registered there for one namespace of their own,
    /// and everything is taken away at the end. Needs `kubectl`, and the rights of a cluster administrator
    #[arg(long, value_name = "FILE", requires = "advertise")]
    kubeconfig: Option<PathBuf>,

    /// `IP:PORT` at which the cluster's API server reaches this machine
    #[arg(long, value_name = "ADDR", requires = "kubeconfig")]
    advertise: Option<SocketAddr>,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    let stage = Stage::set(arguments.advertise).await?;
    let played = play(&stage, &arguments, stop, printer).await;
    let struck = stage.strike().await;
    played.and_then(|exit| struck.map(|()| exit))
}

async fn play(
    stage: &Stage,
    arguments: &Arguments,
    stop: impl Future<Output = ()>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let asking = match &arguments.kubeconfig {
        None => Asking::ourselves(stage)?,
        Some(kubeconfig) => Asking::cluster(kubeconfig.clone()).await?,
    };
    let told = tell(stage, &asking, arguments.stay, stop, printer).await;
    // From here on nothing is interrupted: what was registered is taken away.
    let cleared = asking.clear(printer).await;
    match (told, cleared) {
        (Ok(told), Ok(())) => {
            epilogue::document(&told, None, printer);
            Ok(if told.as_told() { Exit::Done } else { Exit::Refused })
        }
        (Ok(_), Err(failure)) | (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(left)) => {
            printer.note(format!("besides, {left}"));
            Err(failure)
        }
    }
}

async fn tell(
    stage: &Stage,
    asking: &Asking,
    stay: bool,
    stop: impl Future<Output = ()>,
    printer: &mut Printer,
) -> Result<Told, Failure> {
    tokio::pin!(stop);
    let told = tokio::select! {
        biased;
        () = &mut stop => return Err(Failure::undecided(anyhow::anyhow!("the story was stopped before its end"))),
        told = story::tell(stage, asking, printer) => told?,
    };
    epilogue::how_to_go_on(&told, printer);
    if stay {
        epilogue::what_stays(stage, printer);
        epilogue::document(&told, Some(stage), printer);
        stop.await;
    }
    Ok(told)
}
