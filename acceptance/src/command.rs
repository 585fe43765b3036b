//! A program that is run to its end, and what it said.

use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// In seconds: long enough for anything on two busy cores, and not for ever.
const LIMIT: &str = "120";

pub struct Output {
    /// As typed, for messages.
    line: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Itself, if the program ended with 0; otherwise an error that tells everything.
    pub fn success(self) -> Result<Self> {
        if self.succeeded() {
            Ok(self)
        } else {
            bail!("expected success of\n{self}")
        }
    }

    /// Itself, if the program ended with this code.
    pub fn with_code(self, code: i32) -> Result<Self> {
        if self.code == Some(code) {
            Ok(self)
        } else {
            bail!("expected exit code {code} of\n{self}")
        }
    }

    /// The document that it printed.
    pub fn document(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("expected a document of\n{self}"))
    }

    /// Itself, if every one of these words is somewhere in what it said.
    pub fn saying(self, words: &[&str]) -> Result<Self> {
        let said = format!("{}\n{}", self.stdout, self.stderr);
        match words.iter().find(|word| !said.contains(**word)) {
            None => Ok(self),
            Some(missing) => bail!("expected `{missing}` to be said by\n{self}"),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            code,
            stdout,
            stderr,
        } = self;
        writeln!(formatter, "$ {line}\nexit code {code:?}")?;
        writeln!(
            formatter,
            "--- stdout\n{}\n--- stderr\n{}",
            stdout.trim_end(),
            stderr.trim_end()
        )
    }
}

/// Runs the program under `timeout`, which is part of coreutils, with `input` on its standard input.
pub fn run(program: &Path, configure: impl FnOnce(&mut Command), input: &str) -> Result<Output> {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", LIMIT]).arg(program);
    configure(&mut command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let words: Vec<OsString> = command.get_args().skip(2).map(OsString::from).collect();
    let line = words.join(" ".as_ref()).to_string_lossy().into_owned();

    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let mut stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends without reading its input is no failure of ours.
            stdin
                .take()
                .map(|mut stdin| stdin.write_all(input.as_bytes()))
                .transpose()
                .ok();
        });
        child.wait_with_output()
    });
    let output = output.with_context(|| format!("cannot wait for {}", program.display()))?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok(Output {
        line,
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}
