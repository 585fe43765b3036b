//! The one binary: parse the arguments, run one command, say what went wrong, end with an exit code that means something.

mod arguments;
mod command;
mod configuration;
mod duration;
mod exit;
mod failure;
mod judging;
mod password;
mod printer;
mod registries;
mod rendering;

use clap::Parser;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::printer::Printer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return exit::of_usage(&usage),
    };
    let mut printer = Printer::new(arguments.output);
    let exit = match run(arguments, &mut printer) {
        Ok(exit) => exit,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit()
        }
    };
    exit.into()
}

fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, failure::Failure> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing installed a cryptography provider before `main`");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failure::Failure::new(Exit::Misuse, error).context("the asynchronous runtime did not start"))?;
    let exit = runtime.block_on(command::run(arguments.command, printer));
    // A lookup that nobody waits for any longer must not hold the process back.
    runtime.shutdown_background();
    exit
}
