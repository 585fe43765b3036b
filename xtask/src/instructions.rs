//! `cargo xtask instructions`: what each step of an answer costs, counted in instructions, against what it cost before.
//!
//! A clock on a busy machine says little; a count under valgrind is nearly the same everywhere. The counts that hold are in
//! `bench/steps/baseline.json`: more than a few per cent above one is a regression, and below it the baseline is to be
//! lowered, or the next regression would hide in the room that it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::tools;

const BASELINE: &str = "bench/steps/baseline.json";
/// How far a count may lie from the baseline, in per cent: compilers and C libraries differ a little, and hash tables are
/// seeded anew in each run.
const TOLERANCE: u64 = 4;
/// The same where a signature is verified: the cryptography picks its code by the processor.
const TOLERANCE_OF_CRYPTOGRAPHY: u64 = 30;
/// What belongs to the latter.
const CRYPTOGRAPHY: [&str; 2] = ["verify_", "judge_signed"];

type Counts = BTreeMap<String, u64>;

/// Whether what was counted becomes the baseline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Compare,
    Bless,
}

/// Counts, and compares with the baseline or replaces it.
pub fn instructions(root: &Path, purpose: Purpose) -> Result<()> {
    valgrind()?;
    let counted = count(root, &runner(root)?)?;
    let path = root.join(BASELINE);
    if purpose == Purpose::Bless {
        let text = serde_json::to_string_pretty(&counted).context("counts are JSON")?;
        return fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()));
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let baseline = serde_json::from_str(&text).with_context(|| format!("{} is no list of counts", path.display()))?;
    let (lines, faults) = compare(&baseline, &counted);
    println!("{}", lines.join("\n"));
    if !faults.is_empty() {
        bail!(
            "{}\nif this is meant, `cargo xtask instructions --bless` writes the new counts to {BASELINE}",
            faults.join("\n")
        );
    }
    Ok(())
}

/// A line for each step, and what is wrong.
fn compare(baseline: &Counts, counted: &Counts) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for (step, &now) in counted {
        let Some(&before) = baseline.get(step) else {
            faults.push(format!("`{step}` has no baseline"));
            continue;
        };
        let percent = |count: u64| count.saturating_mul(1000) / before.max(1);
        let (whole, tenth) = (percent(now) / 10, percent(now) % 10);
        lines.push(format!(
            "{step:<20} {now:>9} instructions, {whole}.{tenth} % of the baseline"
        ));
        let tolerance = if CRYPTOGRAPHY.iter().any(|prefix| step.starts_with(prefix)) {
            TOLERANCE_OF_CRYPTOGRAPHY
        } else {
            TOLERANCE
        };
        let room = before.saturating_mul(tolerance) / 100;
        if now > before.saturating_add(room) {
            faults.push(format!(
                "`{step}` takes {now} instructions; the baseline is {before}, and {tolerance} % more are allowed"
            ));
        } else if now < before.saturating_sub(room) {
            faults.push(format!(
                "`{step}` takes {now} instructions, fewer than the baseline of {before}: lower it"
            ));
        }
    }
    let missing = baseline.keys().filter(|step| !counted.contains_key(*step));
    faults.extend(missing.map(|step| format!("`{step}` is in the baseline and was not counted")));
    (lines, faults)
}

fn count(root: &Path, runner: &Path) -> Result<Counts> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "-p", "countersign-bench-steps", "--bench", "instructions"])
        .env("GUNGRAUN_RUNNER", runner)
        .env("GUNGRAUN_OUTPUT_FORMAT", "json")
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "`cargo bench -p countersign-bench-steps --bench instructions` ended with {}",
            output.status
        );
    }
    let text = String::from_utf8(output.stdout).context("the counts are not text")?;
    let counts = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(counted)
        .collect::<Result<Counts>>()?;
    if counts.is_empty() {
        bail!("nothing was counted");
    }
    Ok(counts)
}

/// The step's name and its count, from one line of the runner's summary.
fn counted(line: &str) -> Result<(String, u64)> {
    let summary: Value = serde_json::from_str(line).context("a summary is not JSON")?;
    let step = summary["id"]
        .as_str()
        .ok_or_else(|| anyhow!("a summary names no step: {line}"))?;
    let count = find(&summary, "Ir").ok_or_else(|| anyhow!("no instructions were counted for `{step}`"))?;
    Ok((step.to_owned(), count))
}

/// The first number below the first field of that name, wherever it stands: what lies around it changes with the runner.
fn find(value: &Value, name: &str) -> Option<u64> {
    match value {
        Value::Object(fields) => match fields.get(name) {
            Some(found) => number(found),
            None => fields.values().find_map(|field| find(field, name)),
        },
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::Object(fields) => fields.values().find_map(number),
        Value::Array(items) => items.iter().find_map(number),
        _ => None,
    }
}

/// Valgrind: Debian's package where we may install it, and a word on how to get it where not.
pub fn valgrind() -> Result<()> {
    let there = || {
        Command::new("valgrind")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if there() {
        return Ok(());
    }
    println!("$ apt-get install --yes valgrind");
    // Without `update` first, a fresh machine knows no package. That we may not is told below.
    for arguments in [&["update"][..], &["install", "--yes", "valgrind"]] {
        Command::new("apt-get")
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .ok();
    }
    if there() {
        return Ok(());
    }
    bail!("cannot run `valgrind`, which counts the instructions: install it (Debian: `apt-get install valgrind`)")
}

/// The program that drives valgrind, of the very version of the library.
fn runner(root: &Path) -> Result<PathBuf> {
    let path = root.join("Cargo.lock");
    let lock: toml::Table = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .parse()
        .with_context(|| format!("cannot parse {}", path.display()))?;
    let packages = lock["package"]
        .as_array()
        .ok_or_else(|| anyhow!("{} lists no packages", path.display()))?;
    let version = packages
        .iter()
        .find(|package| package["name"].as_str() == Some("gungraun"))
        .and_then(|package| package["version"].as_str())
        .ok_or_else(|| anyhow!("{} holds no `gungraun`", path.display()))?;
    let home = tools::home()?.join(format!("gungraun-runner-{version}"));
    let binary = home.join("bin").join("gungraun-runner");
    if binary.is_file() {
        return Ok(binary);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["install", "gungraun-runner", "--locked", "--version", version, "--root"])
        .arg(&home)
        .current_dir(root)
        .status()
        .context("cannot run `cargo install`")?;
    if !status.success() {
        bail!("`cargo install gungraun-runner --version {version}` ended with {status}");
    }
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> Counts {
        counts
            .iter()
            .map(|(step, count)| ((*step).to_owned(), *count))
            .collect()
    }

    #[test]
    fn more_and_fewer_instructions_and_unknown_steps_are_told() {
        let baseline = counts(&[("parse", 1000), ("verify_tag", 1000), ("gone", 1)]);
        let fine = counts(&[("parse", 1040), ("verify_tag", 1300), ("gone", 1)]);
        assert!(compare(&baseline, &fine).1.is_empty());
        for (step, count, word) in [
            ("parse", 1041, "allowed"),
            ("parse", 959, "lower it"),
            ("verify_tag", 1301, "allowed"),
            ("new", 1, "no baseline"),
        ] {
            let mut counted = fine.clone();
            counted.insert(step.to_owned(), count);
            let faults = compare(&baseline, &counted).1;
            assert!(
                faults.len() == 1 && faults[0].contains(word),
                "{step} {count}: {faults:?}"
            );
        }
        let faults = compare(&baseline, &counts(&[("parse", 1000), ("verify_tag", 1000)])).1;
        assert_eq!(faults, ["`gone` is in the baseline and was not counted"]);
    }
}
