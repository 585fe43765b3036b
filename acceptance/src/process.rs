//! A running program: its log in a file, ready when a probe says so, stopped when it is dropped.
//!
//! Linux kills a child that asked for it when the *thread* that started it ends. Each test has a thread of its own and
//! some programs outlive the test that happened to start them, so one thread that never ends starts them all: whatever
//! becomes of the test run, nothing of it is left running.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::wait::{self, SOON};

/// How long a program may take to stop once it was asked to.
const GRACE: Duration = Duration::from_secs(20);

pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts the program with everything that it prints in `<folder>/<name>.log`.
    pub fn start(name: &str, folder: &Path, program: &Path, configure: impl FnOnce(&mut Command)) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("cannot open {}", log.display()))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        configure(&mut command);
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("cannot share a log")?)
            .stderr(file);
        let child = by_the_keeper(command).with_context(|| {
            format!(
                "cannot start {name} ({}) under `setpriv`, which is part of util-linux",
                program.display()
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// Waits until the probe succeeds; a program that ended instead is an error with the end of its log.
    pub fn until_ready(&mut self, mut probe: impl FnMut() -> bool) -> Result<()> {
        let ready = wait::until(&format!("{} to be ready", self.name), SOON, || {
            match self.child.try_wait() {
                Ok(None) => Ok(probe().then_some(())),
                Ok(Some(status)) => bail!("{} ended with {status} instead of becoming ready", self.name),
                Err(error) => bail!("cannot ask after {}: {error}", self.name),
            }
        });
        ready.with_context(|| format!("the log of {} ends with:\n{}", self.name, self.last_words()))
    }

    /// Asks the program to end, and fails if it does not do so in time.
    pub fn stop(mut self) -> Result<Stopped> {
        let start = Instant::now();
        signal(&self.child, "TERM")?;
        let ended = wait::until(&format!("{} to stop", self.name), GRACE, || {
            Ok(self.child.try_wait()?)
        });
        let status = ended.with_context(|| format!("the log of {} ends with:\n{}", self.name, self.last_words()))?;
        Ok(Stopped {
            status,
            took: start.elapsed(),
        })
    }

    /// Ends the program at whatever instruction it is.
    pub fn kill(mut self) -> Result<()> {
        self.child
            .kill()
            .with_context(|| format!("cannot kill {}", self.name))?;
        self.child
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(())
    }

    /// Its number in the system's table of processes.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_else(|error| format!("({}: {error})", self.log.display()))
    }

    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let asked = signal(&self.child, "TERM").is_ok();
        let ended = asked && wait::until("a program to stop", GRACE, || Ok(self.child.try_wait()?)).is_ok();
        if !ended {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// How a program ended that was asked to.
pub struct Stopped {
    pub status: ExitStatus,
    pub took: Duration,
}

/// The shell's own `kill`: the standard library has no signal but the one that cannot be caught.
fn signal(child: &Child, name: &str) -> Result<()> {
    let id = child.id().to_string();
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &id])
        .status()
        .context("cannot run sh")?;
    if status.success() {
        Ok(())
    } else {
        bail!("cannot send {name} to process {id}")
    }
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

fn by_the_keeper(command: Command) -> Result<Child> {
    static KEEPER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, received) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in received {
                reply.send(command.spawn()).ok();
            }
        });
        orders
    });
    let (reply, answer) = mpsc::channel();
    keeper
        .send((command, reply))
        .map_err(|_| anyhow!("the thread that starts programs has ended"))?;
    Ok(answer.recv().context("the thread that starts programs has ended")??)
}

/// An address on loopback that is free now, and that this test run has given to nobody else.
pub fn free_address() -> Result<SocketAddr> {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let address = listener.local_addr().context("a listener has no address")?;
        if !given.contains(&address.port()) {
            given.push(address.port());
            return Ok(address);
        }
    }
}
