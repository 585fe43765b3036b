//! The database that replicas share: the real PostgreSQL on loopback, which can be taken away and brought back.

use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;

use crate::command;
use crate::process::{Running, free_address};
use crate::programs::tool;

const NOBODY: u32 = 65_534;
const USER: &str = "countersign";

/// A server with its data on a disk. Everybody on this machine may log in.
pub struct Database {
    running: Option<Running>,
    programs: PathBuf,
    address: SocketAddr,
    folder: TempDir,
    root: bool,
}

impl Database {
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for a database")?;
        let root = folder.path().metadata().context("cannot look at a folder")?.uid() == 0;
        let mut database = Self {
            running: None,
            programs: programs(folder.path(), root)?,
            address: free_address()?,
            folder,
            root,
        };
        if root {
            chown(database.folder.path(), Some(NOBODY), Some(NOBODY)).context("cannot give a folder away")?;
        }
        let data = database.data();
        let configure = |command: &mut Command| {
            database.configure(command);
            command.args(["-A", "trust", "-U", USER, "-E", "UTF8", "-D"]).arg(&data);
        };
        command::run(&database.programs.join("initdb"), configure, "")?.success()?;
        database.begin()?;
        Ok(database)
    }

    /// The server, with the data that there is.
    pub fn begin(&mut self) -> Result<()> {
        let (data, folder) = (self.data(), self.folder.path());
        let port = self.address.port().to_string();
        let mut running = Running::start("postgres", folder, &self.programs.join("postgres"), |command| {
            self.configure(command);
            command.arg("-D").arg(&data).arg("-k").arg(folder);
            command.args(["-h", &self.address.ip().to_string(), "-p", &port]);
        })?;
        running.until_ready(|| self.asked("pg_isready", &[]).is_ok())?;
        self.running = Some(running);
        Ok(())
    }

    /// Ends the server with all that serve for it, at whatever they are: what it has to do then is what it does after a crash.
    pub fn kill(&mut self) -> Result<()> {
        let running = self.running.take().ok_or_else(|| anyhow!("it does not run"))?;
        let configure = |command: &mut Command| {
            self.configure(command);
            command.args(["stop", "-m", "immediate", "-D"]).arg(self.data());
        };
        command::run(&self.programs.join("pg_ctl"), configure, "")?.success()?;
        running.kill()
    }

    /// The address of a new, empty database.
    pub fn empty(&self, name: &str) -> Result<String> {
        self.asked("createdb", &[name])?;
        Ok(format!("postgres://{USER}@{}/{name}?sslmode=disable", self.address))
    }

    /// What one of its programs says that logs in.
    pub fn asked(&self, program: &str, arguments: &[&str]) -> Result<command::Output> {
        let configure = |command: &mut Command| {
            self.configure(command);
            command.args(["-U", USER, "-h", &self.address.ip().to_string()]);
            command.args(["-p", &self.address.port().to_string()]).args(arguments);
        };
        command::run(&self.programs.join(program), configure, "")?.success()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// It refuses to run as root.
    fn configure(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env("LC_ALL", "C.UTF-8");
        if self.root {
            command.uid(NOBODY).gid(NOBODY);
        }
    }
}

/// Where its programs are for whoever runs them: nobody else can read what lies beneath root's home.
fn programs(folder: &Path, root: bool) -> Result<PathBuf> {
    let program = tool("postgres")?;
    let program = program
        .canonicalize()
        .with_context(|| format!("cannot follow {}", program.display()))?;
    let bin = program.parent().ok_or_else(|| anyhow!("the program has no folder"))?;
    if !root {
        return Ok(bin.to_path_buf());
    }
    let within = "wheel";
    let mut above = bin.ancestors();
    let whole = above.find(|folder| folder.ends_with(within));
    let whole = whole.ok_or_else(|| anyhow!("{} is in no wheel", bin.display()))?;
    let copy = folder.join(within);
    let configure = |command: &mut Command| {
        command.arg("-r").arg(whole).arg(&copy);
    };
    command::run(Path::new("cp"), configure, "")?.success()?;
    let below = bin.strip_prefix(whole).context("the programs are in the wheel")?;
    Ok(copy.join(below))
}
