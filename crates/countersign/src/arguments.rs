//! The command line as typed.

use clap::{Parser, Subcommand};

use crate::command;
use crate::printer::Format;

/// Decides which container images may run in a Kubernetes cluster, and proves that it decided well.
///
/// Exit codes: 0 admitted or done, 1 denied or refused, 2 misuse, 3 undecided.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// How results are printed
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See a signed image come in and others be turned away, with nothing but this binary
    Quickstart(command::quickstart::Arguments),
    /// Judge images by a key or by policies, as the admission door would
    Verify(command::verify::Arguments),
    /// Say in full why an image is admitted, denied or undecided
    Explain(command::explain::Arguments),
    /// Judge saved evidence again, with no network and at any time
    Replay(command::replay::Arguments),
    /// Sign an image, and publish the signature beside it
    Sign(command::sign::Arguments),
    /// Sign a statement about an image, and publish it beside the image
    Attest(command::attest::Arguments),
    /// Hand an image's digest and its reports to the signing service, and wait for what comes of it
    Submit(Box<command::submit::Arguments>),
    /// List what is attached to an image (nothing of it is verified)
    Tree(command::tree::Arguments),
    /// Make a signing key, or show its public half
    #[command(subcommand)]
    Key(command::key::Arguments),
    /// Verify a copy of the ledger that the signing service keeps
    #[command(subcommand)]
    Ledger(command::ledger::Arguments),
    /// Check policies, and try them out
    #[command(subcommand)]
    Policy(command::policy::Arguments),
    /// Run the admission door, or a registry
    #[command(subcommand)]
    Serve(Box<command::serve::Arguments>),
    /// Do what Sigstore's conformance suite asks for
    #[command(subcommand)]
    Conformance(command::conformance::Arguments),
    /// Print a completion script for a shell
    Completions(command::completions::Arguments),
}
