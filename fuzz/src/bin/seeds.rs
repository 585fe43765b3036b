//! Writes what a campaign begins with: the seeds of a target, one file each, and its words as a dictionary of libFuzzer.
//!
//! `seeds` alone names every target; `seeds TARGET DIRECTORY DICTIONARY` writes.
#![expect(clippy::print_stdout, reason = "its output is the list of targets")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use countersign_fuzz::Target;
use countersign_fuzz::seeds::{Seeds, regressions};
use countersign_image::Digest;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => countersign_fuzz::targets().for_each(|target| println!("{}", target.name)),
        [name, directory, dictionary] => {
            let Some(target) = countersign_fuzz::target(name) else {
                println!("no target `{name}`");
                return ExitCode::FAILURE;
            };
            if let Err(error) = write(target, Path::new(directory), Path::new(dictionary)) {
                println!("seeds of `{name}` cannot be written: {error}");
                return ExitCode::FAILURE;
            }
        }
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

fn write(target: &Target, directory: &Path, dictionary: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let seeds = Seeds::of(target);
    let regressions = regressions(target);
    let kept = regressions.iter().map(|(_, bytes)| bytes.as_slice());
    for seed in seeds.all().chain(kept) {
        std::fs::write(directory.join(Digest::sha256(seed).hex()), seed)?;
    }
    let mut text = String::new();
    for word in target.words {
        text.push('"');
        for byte in word.bytes() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
        text.push_str("\"\n");
    }
    // libFuzzer refuses an empty dictionary, and takes one with a comment in it.
    std::fs::write(dictionary, format!("# words of a target\n{text}"))
}
