//! `countersign policy check | test`

mod check;
mod objects;
mod test;

use clap::Subcommand;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// Parse policies with the door's own parser, and say what they may not mean
    Check(check::Arguments),
    /// Judge images, or the images of Kubernetes objects, by policies
    Test(Box<test::Arguments>),
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    match arguments {
        Arguments::Check(arguments) => check::run(&arguments, printer).await,
        Arguments::Test(arguments) => test::run(*arguments, printer).await,
    }
}
