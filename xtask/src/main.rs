//! `cargo xtask`: the commands of those who work on this repository.
#![expect(clippy::print_stderr, reason = "a developer's command line, read in a terminal")]

use std::process::ExitCode;

use anyhow::{Result, bail};
use xtask::instructions::{Purpose, instructions};
use xtask::{fuzz, repository, rings, tidy, tools};

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--without acceptance]   all four rings of tests, with what they need
  fuzz [TARGET…] [--minutes N]  campaigns for the parsers, a minute each unless told otherwise
  tidy                          the invariants that no compiler holds
  instructions [--bless]        what each step costs, against bench/steps/baseline.json (or to it)
  tools [NAME…]                 build the real programs of the acceptance suite into the cache";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    let root = repository();
    match words {
        ["test"] => rings::test(&root, rings::Scope::Everything),
        ["test", "--without", "acceptance"] => rings::test(&root, rings::Scope::WithoutAcceptance),
        ["fuzz", words @ ..] => fuzz::Campaign::parse(words)?.run(&root),
        ["instructions"] => instructions(&root, Purpose::Compare),
        ["instructions", "--bless"] => instructions(&root, Purpose::Bless),
        ["tidy"] => tidy::tidy(&root),
        ["tools", names @ ..] => tools::build(&root, names),
        _ => bail!("no such command: `{}`\n\n{USAGE}", words.join(" ")),
    }
}
