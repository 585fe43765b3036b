//! A command line that cannot be understood, and `--help` and `--version`, which the parser reports in the same way.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Format, Printer};

pub(crate) fn report(error: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's choice; there is nobody left to tell.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done.into();
    }
    Printer::new(asked_for(std::env::args_os())).failure_document(&failure(error));
    Exit::Misuse.into()
}

/// The parser's text, taken apart: what is wrong, and what to do.
fn failure(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let message = text.split("\n\n").next().unwrap_or(text);
    let words: Vec<_> = message.split_whitespace().collect();
    Failure::misuse(anyhow::anyhow!("{}", words.join(" "))).hint("`--help` says what may stand there")
}

/// The format that somebody asked for on a command line that is otherwise not understood.
fn asked_for(arguments: impl Iterator<Item = OsString>) -> Format {
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let separate = words
        .windows(2)
        .any(|pair| ["-o", "--output"].contains(&pair[0].as_str()) && pair[1] == "json");
    let joined = words
        .iter()
        .any(|word| ["-ojson", "-o=json", "--output=json"].contains(&word.as_str()));
    if separate || joined { Format::Json } else { Format::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_found_on_any_command_line() {
        for (line, expected) in [
            ("countersign verify -o json", Format::Json),
            ("countersign -ojson", Format::Json),
            ("countersign -o=json x", Format::Json),
            ("countersign x --output=json --nonsense", Format::Json),
            ("countersign --output json", Format::Json),
            ("countersign -o text json", Format::Text),
            ("countersign json", Format::Text),
        ] {
            assert_eq!(asked_for(line.split(' ').map(OsString::from)), expected, "{line}");
        }
    }
}
