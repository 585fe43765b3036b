//! `countersign policy check FILE…`

use std::path::PathBuf;

use countersign_policy::{DocumentError, Lint, Settings, Severity};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::resting::{self, ConfigArguments};
use crate::yardstick::compile;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Policy files, or directories with policy files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Trust root to believe (`trusted_root.json`) where a policy names none, instead of the one of sigstore's public-good
    /// instance that this binary brings along
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigArguments,
}

pub(crate) async fn run(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let sources = arguments.config.sources()?;
    let roots = sources.open(arguments.trusted_root.clone(), Timestamp::now(), printer)?;
    let set = compile(&arguments.files, &roots, Settings::deny_unmatched()).await?;
    resting::tell_unusable(&set, printer);
    resting::tell_missing(&set, printer);
    let lints = set.lints();
    for error in set.errors() {
        printer.line(error);
    }
    for lint in lints {
        printer.line(lint);
    }
    if set.is_empty() && set.trust_roots().next().is_none() && set.errors().is_empty() {
        return Err(Failure::refused(anyhow::anyhow!("there is no policy in what is named"))
            .hint("a door without policies denies everything; in a directory .yaml, .yml and .json files are read"));
    }
    let wrong = set.errors().len() + lints.iter().filter(|lint| lint.severity() == Severity::Error).count();
    printer.line(format!(
        "{}, {}",
        counted(set.len(), "policy", "policies"),
        counted(wrong, "error", "errors")
    ));
    printer.document(
        "PolicyCheck",
        json!({
            "policies": set.policies().map(|policy| policy.name()).collect::<Vec<_>>(),
            "errors": set.errors().iter().map(error).collect::<Vec<_>>(),
            "lints": lints.iter().map(finding).collect::<Vec<_>>(),
        }),
    );
    Ok(if wrong == 0 { Exit::Done } else { Exit::Refused })
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn error(error: &DocumentError) -> Value {
    json!({ "file": error.file, "line": error.line, "column": error.column, "path": error.path, "message": error.message })
}

fn finding(lint: &Lint) -> Value {
    json!({
        "code": lint.code.to_string(),
        "severity": match lint.severity() { Severity::Warning => "warning", Severity::Error => "error" },
        "policy": lint.policy,
        "position": lint.position.to_string(),
        "path": lint.path,
        "message": lint.message,
        "advice": lint.advice,
    })
}
