//! One file per command, in the order of the help.

pub(crate) mod attest;
pub(crate) mod completions;
pub(crate) mod conformance;
pub(crate) mod explain;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod policy;
pub(crate) mod quickstart;
pub(crate) mod replay;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod submit;
pub(crate) mod tree;
pub(crate) mod verify;

use crate::arguments::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) async fn run(command: Command, printer: &mut Printer) -> Result<Exit, Failure> {
    match command {
        Command::Quickstart(arguments) => quickstart::run(arguments, printer).await,
        Command::Verify(arguments) => verify::run(arguments, printer).await,
        Command::Explain(arguments) => explain::run(arguments, printer).await,
        Command::Replay(arguments) => replay::run(&arguments, printer).await,
        Command::Sign(arguments) => sign::run(arguments, printer).await,
        Command::Submit(arguments) => submit::run(*arguments, printer).await,
        Command::Attest(arguments) => attest::run(arguments, printer).await,
        Command::Tree(arguments) => tree::run(arguments, printer).await,
        Command::Key(arguments) => key::run(arguments, printer).await,
        Command::Ledger(arguments) => ledger::run(arguments, printer),
        Command::Policy(arguments) => policy::run(arguments, printer).await,
        Command::Serve(arguments) => serve::run(*arguments).await,
        Command::Conformance(arguments) => conformance::run(arguments, printer).await,
        Command::Completions(arguments) => completions::run(&arguments, printer),
    }
}
