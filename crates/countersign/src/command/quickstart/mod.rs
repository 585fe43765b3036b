//! `countersign quickstart`: the whole story with nothing but this binary.

mod api_server;
mod certificate;
mod cluster;
mod shop;
mod stage;
mod story;

use std::net::SocketAddr;
use std::path::PathBuf;

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

    /// Register the webhooks in this cluster (for one namespace of their own) and ask it for the Pods, instead of playing
    /// the API server; what was registered is taken away at the end
    #[arg(long, value_name = "FILE", requires = "advertise")]
    kubeconfig: Option<PathBuf>,

    /// The address of this machine at which the cluster's API server reaches it: `IP:PORT`
    #[arg(long, value_name = "ADDR", requires = "kubeconfig")]
    advertise: Option<SocketAddr>,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let stop = asked_to_stop()?;
    let stage = Stage::set(arguments.advertise).await?;
    let told = {
        let story = async {
            match &arguments.kubeconfig {
                Some(kubeconfig) => story::tell_in_cluster(&stage, cluster::Cluster::new(kubeconfig.clone()), printer).await,
                None => story::tell(&stage, printer).await,
            }
        };
        tokio::pin!(stop);
        tokio::select! {
            told = story => {
                if arguments.stay && told.is_ok() {
                    stage.announce(printer);
                    stop.await;
                }
                told
            }
            () = &mut stop => Ok(Exit::Done),
        }
    };
    if let Some(kubeconfig) = arguments.kubeconfig {
        cluster::Cluster::new(kubeconfig).clean_up().await?;
        printer.line("The webhooks and the namespace were taken out of the cluster again.");
    }
    stage.strike().await;
    told
}
