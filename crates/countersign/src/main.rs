//! The one binary: parse the arguments, run one command, say what went wrong, end with an exit code that means something.

mod arguments;
mod command;
mod configuration;
mod desk;
mod duration;
mod exit;
mod failure;
mod files;
mod judging;
mod keyless;
mod naming;
mod panics;
mod printer;
mod private_key;
mod registries;
mod rendering;
mod resting;
mod signer;
mod trust_roots;
mod usage;
mod vault;
mod yaml;
mod yardstick;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    panics::report_briefly();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::report(&error),
    };
    let mut printer = Printer::new(arguments.output);
    let ended = panics::caught(|| run(arguments, &mut printer));
    let exit = ended.unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.exit()
    });
    exit.into()
}

fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing installed a cryptography provider before `main`");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::misuse(error).context("the asynchronous runtime did not start"))?;
    let exit = runtime.block_on(command::run(arguments.command, printer));
    // A lookup that nobody waits for any longer must not hold the process back.
    runtime.shutdown_background();
    exit
}
