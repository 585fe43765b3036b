//! `countersign quickstart`: the whole story with nothing but this binary.
//!
//! The stage (registry, key, policy, door) is set first; then the scenes are played, either with us in the API server's
//! part or in a real cluster; then everything is taken away again, whether the story went well, badly or was stopped.

mod api_server;
mod certificate;
mod cluster;
mod epilogue;
mod kubectl;
mod props;
mod scenes;
mod shop;
mod stage;
mod story;

use std::net::SocketAddr;
use std::path::PathBuf;

use self::api_server::ApiServer;
use self::cluster::Cluster;
use self::scenes::Outcome;
use self::stage::Stage;
use crate::command::serve::asked_to_stop;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Keep the registry and the door running afterwards, until Ctrl-C
    #[arg(long)]
    stay: bool,

    /// Ask a real cluster for the Pods: the webhooks are registered there, for one namespace of their own, and everything is
    /// taken away at the end. Needs `kubectl` and the rights of a cluster administrator
    #[arg(long, value_name = "FILE", requires = "advertise")]
    kubeconfig: Option<PathBuf>,

    /// `IP:PORT` of this machine at which the cluster's API server reaches it
    #[arg(long, value_name = "ADDR", requires = "kubeconfig")]
    advertise: Option<SocketAddr>,
}

/// Who asks the door.
enum Asking {
    /// We do, as the API server would.
    Ourselves(ApiServer),
    Cluster(Cluster),
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    tokio::pin!(stop);
    let stage = Stage::set(arguments.advertise).await?;
    let asking = match arguments.kubeconfig {
        None => ApiServer::trusting(&stage.certificates.authority_pem, stage.door).map(Asking::Ourselves),
        Some(kubeconfig) => Cluster::claim(kubeconfig, printer).await.map(Asking::Cluster),
    };
    let told = match &asking {
        Ok(asking) => tokio::select! {
            told = story::tell(&stage, asking, printer) => told,
            () = &mut stop => Err(Failure::undecided(anyhow::anyhow!("the story was stopped before its end"))),
        },
        // Nothing was told and nothing is left behind.
        Err(_) => Ok(Vec::new()),
    };
    let asking = match asking {
        Ok(asking) => asking,
        Err(failure) => {
            // The first failure is the one to tell.
            let _ = stage.strike().await;
            return Err(failure);
        }
    };
    if arguments.stay && told.is_ok() {
        epilogue::stays(&stage, printer);
        epilogue::document(&stage, told.as_deref().unwrap_or_default(), printer);
        stop.await;
    }
    let cleared = clear(stage, asking, printer).await;
    let outcomes = told?;
    cleared?;
    Ok(exit_of(&outcomes))
}
