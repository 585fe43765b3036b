//! `countersign serve admission | registry`

mod admission;
mod logging;
mod registry;
mod signals;

use clap::Subcommand;

use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use self::signals::asked_to_stop;

#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// The admission door: answers the API server's reviews over TLS
    Admission(Box<admission::Arguments>),
    /// An OCI registry, in memory or on disk
    Registry(registry::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    logging::start()?;
    match arguments {
        Arguments::Admission(arguments) => admission::run(*arguments).await,
        Arguments::Registry(arguments) => registry::run(arguments).await,
    }
}
