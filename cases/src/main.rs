//! `cargo run -p countersign-cases -- make [NAME]` writes the cases anew; `-- check` judges them, one line each.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use countersign_cases::check::{check, directories};
use countersign_cases::make::make;

const USAGE: &str = "usage: countersign-cases make [NAME] | check\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = match arguments.as_slice() {
        ["make"] => make_all(home, None),
        ["make", name] => make_all(home, Some(name)),
        ["check"] => check_all(home),
        _ => say_on_error(USAGE).map(|()| false),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // There is nobody left to tell if the error stream is closed as well.
            say_on_error(&chain(error.as_ref())).ok();
            ExitCode::FAILURE
        }
    }
}

fn make_all(home: &Path, only: Option<&str>) -> Result<bool, Box<dyn Error>> {
    let made = make(&home.join("keys"), &home.join("data"), only)?;
    writeln!(io::stdout(), "made {} cases", made.len())?;
    Ok(true)
}

fn check_all(home: &Path) -> Result<bool, Box<dyn Error>> {
    let mut passed = true;
    let mut out = io::stdout().lock();
    for directory in directories(&home.join("data"))? {
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        match check(&directory) {
            Ok(found) => writeln!(out, "{name}: {found}")?,
            Err(error) => {
                passed = false;
                writeln!(out, "{name}: FAILED: {}", chain(&error))?;
            }
        }
    }
    Ok(passed)
}

fn say_on_error(text: &str) -> Result<(), Box<dyn Error>> {
    io::stderr().write_all(text.as_bytes())?;
    Ok(())
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.push('\n');
    text
}
