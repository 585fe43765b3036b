//! `countersign conformance …`: what Sigstore's official suite drives. Its argument order and exit codes are the suite's.

mod sign_bundle;
mod verify_bundle;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Arguments {
    /// Verify that a bundle is about a file or a digest, and is by an identity or a key
    VerifyBundle(verify_bundle::Arguments),
    /// Sign a file or a statement without a key, and write the bundle
    SignBundle(sign_bundle::Arguments),
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    match arguments {
        Arguments::VerifyBundle(arguments) => verify_bundle::run(&arguments, printer),
        Arguments::SignBundle(arguments) => sign_bundle::run(&arguments, printer).await,
    }
}
