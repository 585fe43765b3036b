//! A verdict replayed with the machine's clock far off is the same verdict.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use countersign_acceptance::command::{self, Output};
use countersign_acceptance::programs::countersign;

const TEN_YEARS: i64 = 10 * 365 * 24 * 60 * 60;

#[test]
fn a_verdict_does_not_know_what_time_it_is_here() -> Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let shim = compile_shim(folder.path())?;
    the_shim_moves_the_clock(&shim)?;
    let mut replayed = 0;
    for case in cases()? {
        let now = replay(&case, &shim, 0)?;
        for offset in [-TEN_YEARS, TEN_YEARS] {
            let then = replay(&case, &shim, offset)?;
            ensure!(
                (now.code, &now.stdout, &now.stderr) == (then.code, &then.stdout, &then.stderr),
                "the clock changes a verdict\n{now}\n--- {offset} s off\n{then}"
            );
        }
        replayed += usize::from(now.code == Some(0));
    }
    ensure!(
        replayed > 20,
        "only {replayed} cases were admitted, so nothing was compared"
    );
    Ok(())
}

fn compile_shim(folder: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clock/far_off.c");
    let shim = folder.join("far_off.so");
    let configure = |command: &mut Command| {
        command
            .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"])
            .arg(&shim)
            .arg(&source)
            .arg("-ldl");
    };
    command::run(Path::new("cc"), configure, "")?.success()?;
    Ok(shim)
}

/// Otherwise the comparison below would compare the same thing with itself.
fn the_shim_moves_the_clock(shim: &Path) -> Result<()> {
    let year = |offset| -> Result<i64> {
        let said = command::run(
            Path::new("date"),
            |command| preload(command.arg("+%Y"), shim, offset),
            "",
        )?
        .success()?;
        said.stdout.trim().parse().context("`date` printed no year")
    };
    let moved = year(TEN_YEARS)? - year(0)?;
    ensure!(
        (9..=10).contains(&moved),
        "the clock was to move by ten years and moved by {moved}"
    );
    Ok(())
}

fn preload(command: &mut Command, shim: &Path, offset: i64) {
    command.env("LD_PRELOAD", shim).env("CLOCK_OFFSET", offset.to_string());
}

fn cases() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/data");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut cases: Vec<_> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    cases.sort();
    Ok(cases)
}

fn replay(case: &Path, shim: &Path, offset: i64) -> Result<Output> {
    let configure = |command: &mut Command| {
        let (evidence, policy) = (case.join("evidence"), case.join("policy.yaml"));
        command
            .args(["-o", "json", "replay"])
            .arg(evidence)
            .arg("--policy")
            .arg(policy);
        preload(command, shim, offset);
    };
    command::run(&countersign()?, configure, "")
}
