//! `countersign completions SHELL`

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The shell that the script is for
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut crate::arguments::Arguments::command(),
        "countersign",
        &mut script,
    );
    let script = String::from_utf8_lossy(&script);
    printer.raw(&script);
    printer.document(
        "Completions",
        json!({ "shell": arguments.shell.to_string(), "script": script }),
    );
    Ok(Exit::Done)
}
