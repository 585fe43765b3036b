//! Real scanners, run on a sample project with faults that were put there on purpose (`acceptance/sample`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::command::run;
use crate::programs::tool;

/// A copy of the sample, with a secret that is in no repository.
pub struct Sample {
    folder: TempDir,
    secret: String,
}

/// The scanners that run here, and the format that each is asked for.
pub const SCANS: [Scan; 8] = [
    Scan::Semgrep,
    Scan::SemgrepSarif,
    Scan::Bandit,
    Scan::Gosec,
    Scan::Gitleaks,
    Scan::GitleaksSarif,
    Scan::SyftCycloneDx,
    Scan::SyftSpdx,
];

/// One scanner, writing one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Semgrep's own JSON.
    Semgrep,
    /// The same as SARIF.
    SemgrepSarif,
    /// Bandit, which looks at Python, as SARIF.
    Bandit,
    /// gosec, which looks at Go, as SARIF.
    Gosec,
    /// gitleaks' own JSON.
    Gitleaks,
    /// The same as SARIF.
    GitleaksSarif,
    /// Syft's list as CycloneDX.
    SyftCycloneDx,
    /// The same as SPDX.
    SyftSpdx,
}

impl Sample {
    /// A copy with a key written into it.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for the sample")?;
        copy(&xtask::repository().join("acceptance").join("sample"), folder.path())?;
        // Put together here, so that nobody who scans this repository finds it.
        let secret = ["sk", "live", "9mQ2xT7vKp4RwZ8nLb3YcJ6d"].join("_");
        let settings = folder.path().join("app").join("settings.py");
        fs::write(&settings, format!("PAYMENT_KEY = \"{secret}\"\n"))
            .with_context(|| format!("cannot write {}", settings.display()))?;
        Ok(Self { folder, secret })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The key that was written into it.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Without the key: what a developer does who was told of it.
    pub fn mend(&self) -> Result<()> {
        let settings = self.path().join("app").join("settings.py");
        fs::write(&settings, "import os\n\nPAYMENT_KEY = os.environ[\"PAYMENT_KEY\"]\n")
            .with_context(|| format!("cannot write {}", settings.display()))
    }

    /// Runs a scanner, and says where its report is.
    pub fn scan(&self, scan: Scan) -> Result<PathBuf> {
        let reports = self.path().join("reports");
        fs::create_dir_all(&reports).context("cannot make a folder for reports")?;
        let report = reports.join(format!("{scan:?}.report"));
        let (name, arguments, folder): (&str, &[&str], &str) = match scan {
            Scan::Semgrep | Scan::SemgrepSarif => (
                "semgrep",
                &[
                    "scan",
                    "--config=rules/rules.yaml",
                    "--metrics=off",
                    "--disable-version-check",
                    "--no-git-ignore",
                    "--quiet",
                ],
                "",
            ),
            Scan::Bandit => ("bandit", &["--quiet", "--recursive", "app", "--format=sarif"], ""),
            Scan::Gosec => ("gosec", &["-quiet", "-no-fail", "-fmt=sarif"], "server"),
            Scan::Gitleaks => (
                "gitleaks",
                &["dir", "app", "--no-banner", "--exit-code=0", "--report-format=json"],
                "",
            ),
            Scan::GitleaksSarif => (
                "gitleaks",
                &["dir", "app", "--no-banner", "--exit-code=0", "--report-format=sarif"],
                "",
            ),
            Scan::SyftCycloneDx | Scan::SyftSpdx => ("syft", &["scan", "dir:.", "--quiet"], ""),
        };
        let output = run(
            &tool(name)?,
            |command| {
                command.current_dir(self.path().join(folder)).args(arguments);
                // Nothing of a user's own, and no question whether there is a newer one; but Go's cache of what it compiled
                // is the user's, and from nothing it takes minutes.
                if scan == Scan::Gosec {
                    command.env("GOPROXY", "off").env("GOFLAGS", "-mod=readonly");
                } else {
                    command
                        .env("HOME", self.path())
                        .env("SYFT_CHECK_FOR_APP_UPDATE", "false");
                }
                match scan {
                    Scan::Semgrep => command.arg("--json").arg("--output").arg(&report).arg("app"),
                    Scan::SemgrepSarif => command.arg("--sarif").arg("--output").arg(&report).arg("app"),
                    Scan::Bandit => command.arg("--exit-zero").arg("--output").arg(&report),
                    Scan::Gosec => command.arg("-out").arg(&report).arg("./..."),
                    Scan::Gitleaks | Scan::GitleaksSarif => command.arg("--report-path").arg(&report),
                    Scan::SyftCycloneDx => command
                        .arg("--output")
                        .arg(format!("cyclonedx-json={}", report.display())),
                    Scan::SyftSpdx => command.arg("--output").arg(format!("spdx-json={}", report.display())),
                };
            },
            "",
        )?;
        output.success()?;
        Ok(report)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", from.display()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).with_context(|| format!("cannot make {}", target.display()))?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
