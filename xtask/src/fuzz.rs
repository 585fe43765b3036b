//! `cargo xtask fuzz`: campaigns under libFuzzer, guided by coverage, on the stable compiler.
//!
//! Coverage comes from LLVM's own pass, which rustc hands through; no sanitizer is in it, as there is no unsafe code of
//! ours for one to watch. Everything is built apart from the usual build, whose flags are others.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What makes rustc's LLVM count edges and hand the operands of comparisons to libFuzzer.
const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// The fault that a campaign has to find, or it finds nothing.
const PLANTED: &str = "planted";

/// The most memory that one input may take, in MiB, and the longest it may run, in seconds.
const MEMORY: u32 = 1024;
const PATIENCE: u32 = 20;
/// The longest input that is made, in bytes.
const LONGEST: u32 = 32 << 10;

/// What to fuzz, and for how long each.
#[derive(Debug, PartialEq, Eq)]
pub struct Campaign<'a> {
    targets: Vec<&'a str>,
    minutes: u64,
}

impl<'a> Campaign<'a> {
    /// Reads `[TARGET…] [--minutes N]`; without a target all are meant, and a minute is for each.
    pub fn parse(words: &[&'a str]) -> Result<Self> {
        let mut campaign = Self {
            targets: Vec::new(),
            minutes: 1,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--minutes" => {
                    let number = words.next().and_then(|number| number.parse().ok());
                    campaign.minutes = number
                        .filter(|minutes| *minutes > 0)
                        .context("`--minutes` is followed by a whole number from 1")?;
                }
                option if option.starts_with('-') => bail!("no such option: `{option}`"),
                target => campaign.targets.push(target),
            }
        }
        Ok(campaign)
    }

    /// Builds, then runs one target after the other. A finding does not keep the others from running.
    pub fn run(&self, root: &Path) -> Result<()> {
        let program = build(root)?;
        if self.targets == [PLANTED] {
            // An input that is found again has the same name: what an earlier campaign kept goes first.
            std::fs::remove_dir_all(findings(root, PLANTED)).ok();
            let kept_its_word = one(root, &program, PLANTED, self.minutes)?;
            return planted(kept_its_word, crashes(&findings(root, PLANTED))?);
        }
        let known = listed(root)?;
        if let Some(unknown) = self
            .targets
            .iter()
            .find(|target| !known.iter().any(|name| name == *target))
        {
            bail!("no target `{unknown}`; there are {}", known.join(", "));
        }
        let chosen = known.iter().map(String::as_str);
        let chosen = chosen.filter(|name| self.targets.is_empty() || self.targets.contains(name));
        let mut broken = Vec::new();
        for target in chosen {
            if !one(root, &program, target, self.minutes)? {
                broken.push(target);
            }
        }
        if broken.is_empty() {
            return Ok(());
        }
        bail!(
            "promises are broken: {}; the inputs are in fuzz/findings/TARGET",
            broken.join(", ")
        );
    }
}

/// Any other end than the one that was planted says nothing of coverage: out of memory, out of time, or no program at all.
fn planted(kept_its_word: bool, new_crashes: usize) -> Result<()> {
    match (kept_its_word, new_crashes) {
        (true, _) => bail!("the planted fault was not found: no coverage guides the campaigns"),
        (false, 0) => {
            bail!("the campaign ended without an input that crashes: the planted fault was not what ended it")
        }
        (false, _) => Ok(()),
    }
}

/// Where the inputs that break a target's promises are kept.
fn findings(root: &Path, target: &str) -> PathBuf {
    root.join("fuzz").join("findings").join(target)
}

/// How many inputs are kept on which the target panicked, as libFuzzer names them.
fn crashes(findings: &Path) -> Result<usize> {
    let unreadable = || format!("cannot read {}", findings.display());
    let mut count = 0;
    for entry in std::fs::read_dir(findings).with_context(unreadable)? {
        let name = entry.with_context(unreadable)?.file_name();
        count += usize::from(name.to_string_lossy().starts_with("crash-"));
    }
    Ok(count)
}

/// Where the program is, once it is built.
fn build(root: &Path) -> Result<PathBuf> {
    let host = host()?;
    let folder = root.join("target").join("fuzz");
    println!("building with coverage, apart from the usual build; the first time that takes some minutes");
    let status = Command::new(cargo())
        .args([
            "build",
            "--profile",
            "fuzz",
            "-p",
            "countersign-fuzz",
            "--bin",
            "campaign",
        ])
        .args(["--features", "campaign", "--target", &host, "--target-dir"])
        .arg(&folder)
        .env("RUSTFLAGS", COVERAGE.join(" "))
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the campaign could not be built ({status}); libFuzzer needs a C++ compiler (Debian: g++)");
    }
    Ok(folder.join(host).join("fuzz").join("campaign"))
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// With a target named, the flags are for the program alone and not for macros and build scripts.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not say its host")
}

/// The program that knows the targets: built as usual, since nobody counts what it reaches.
fn seeds(root: &Path) -> Command {
    let mut command = Command::new(cargo());
    command.args(["run", "--quiet", "-p", "countersign-fuzz", "--bin", "seeds", "--"]);
    command.current_dir(root);
    command
}

fn listed(root: &Path) -> Result<Vec<String>> {
    let output = seeds(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the targets could not be listed ({})", output.status);
    }
    let text = String::from_utf8(output.stdout).context("the targets are not listed as text")?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Whether every promise of the target was kept.
fn one(root: &Path, program: &Path, target: &str, minutes: u64) -> Result<bool> {
    let fuzz = root.join("fuzz");
    let (corpus, findings) = (fuzz.join("corpus").join(target), findings(root, target));
    let begin = root.join("target").join("fuzz").join("begin");
    let (first, dictionary) = (begin.join(target), begin.join(format!("{target}.dict")));
    for folder in [&corpus, &findings, &begin] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    // Seeds of another time are gone with what they were made from.
    std::fs::remove_dir_all(&first).ok();
    let status = seeds(root)
        .arg(target)
        .args([&first, &dictionary])
        .status()
        .context("cannot write the seeds")?;
    if !status.success() {
        bail!("the seeds of `{target}` could not be written ({status})");
    }
    println!("\n== {target}");
    let status = Command::new(program)
        .args([&corpus, &first])
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg(format!("-dict={}", dictionary.display()))
        .arg(format!("-max_total_time={}", minutes * 60))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={PATIENCE}"))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-print_final_stats=1", "-use_value_profile=1"])
        .env("COUNTERSIGN_FUZZ_TARGET", target)
        .status()
        .context("cannot run the campaign")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_what_is_asked_for() {
        let all = Campaign::parse(&[]).unwrap();
        assert_eq!((all.targets.len(), all.minutes), (0, 1));
        let some = Campaign::parse(&["json", "--minutes", "5", "bundle"]).unwrap();
        assert_eq!((some.targets.as_slice(), some.minutes), (&["json", "bundle"][..], 5));
        for words in [
            &["--minutes"][..],
            &["--minutes", "0"],
            &["--minutes", "x"],
            &["--hours", "1"],
        ] {
            assert!(Campaign::parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn only_an_input_that_crashes_is_the_planted_fault() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["oom-1", "timeout-2", "leak-3"] {
            std::fs::write(directory.path().join(name), b"").unwrap();
        }
        assert_eq!(crashes(directory.path()).unwrap(), 0);
        std::fs::write(directory.path().join("crash-4"), b"").unwrap();
        assert_eq!(crashes(directory.path()).unwrap(), 1);
        assert!(planted(true, 0).is_err() && planted(false, 0).is_err() && planted(false, 1).is_ok());
    }
}
