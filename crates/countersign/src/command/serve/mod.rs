//! `countersign serve admission | registry | signing`

mod admission;
mod logging;
mod registry;
mod signals;
mod signing;

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
    /// The signing door: pipelines submit images, a gate decides, and the keys sign what it lets through
    Signing(signing::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    logging::start()?;
    match arguments {
        Arguments::Admission(arguments) => admission::run(*arguments).await,
        Arguments::Registry(arguments) => registry::run(arguments).await,
        Arguments::Signing(arguments) => signing::run(arguments).await,
    }
}
