//! The doors of a run: each a process of its own, so that what it costs can be told apart; or ours within this process.

use std::ffi::OsStr;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use countersign_acceptance::http;
use countersign_acceptance::process::free_address;
use countersign_policy::Settings;
use countersign_registry::{CacheConfig, Client, ClientConfig, Credentials};
use countersign_server::drain::DrainPlan;
use countersign_server::record::Recorder;
use countersign_server::serve::{AdmissionPlan, AdmissionServer};
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::process::Process;

/// How long a door may take to listen: its machine may be busy with other things.
const OPENS_WITHIN: Duration = Duration::from_secs(30);
/// Between two tries to reach a door that is being started.
const BETWEEN: Duration = Duration::from_micros(500);

/// A door that listens.
pub struct Door {
    /// Where reviews are answered, over TLS.
    pub address: SocketAddr,
    admin: Option<SocketAddr>,
    life: Life,
}

/// What ends with a door.
enum Life {
    Process(Child),
    Task(JoinHandle<()>),
}

/// What a door is started with.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// Where the door may write.
    pub folder: &'a Path,
    /// The serving certificate, as PEM.
    pub certificate: &'a Path,
    /// Its key, as PEM.
    pub key: &'a Path,
}

impl Door {
    /// `countersign serve admission` as a process. Its records go where nobody reads them; they are made and written all the same.
    pub async fn ours(program: &Path, files: Files<'_>, policies: &Path) -> Result<Self> {
        Self::believing(program, files, policies, None).await
    }

    /// The same with a trust root in the place of public-good's.
    pub async fn believing(program: &Path, files: Files<'_>, policies: &Path, root: Option<&Path>) -> Result<Self> {
        let (address, admin) = (free_address()?, free_address()?);
        let mut command = Command::new(program);
        command
            .args(["serve", "admission", "--listen"])
            .arg(address.to_string())
            .arg("--admin")
            .arg(admin.to_string())
            .arg("--policies")
            .arg(policies)
            .args(
                root.into_iter()
                    .flat_map(|root| [OsStr::new("--trusted-root"), root.as_os_str()]),
            )
            .env("HOME", files.folder)
            .env("DOCKER_CONFIG", files.folder);
        Self::start(command, files, address, Some(admin)).await
    }

    /// The constant door as a process: this program under another name.
    pub async fn constant(files: Files<'_>) -> Result<Self> {
        Self::constant_with(files, &[]).await
    }

    /// The constant door that answers each `/mutate` with the patch that pins to `image`.
    pub async fn pinning(files: Files<'_>, image: &str) -> Result<Self> {
        Self::constant_with(files, &["--pin", image]).await
    }

    async fn constant_with(files: Files<'_>, arguments: &[&str]) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe().context("cannot find this program's own path")?);
        command
            .args(["constant", "--listen"])
            .arg(address.to_string())
            .args(arguments);
        Self::start(command, files, address, None).await
    }

    /// Ours within this process, for tests: what it costs cannot be told.
    pub async fn inside(files: Files<'_>, policies: &Path) -> Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = AdmissionServer::start(AdmissionPlan {
            listen: any,
            admin: Some(any),
            certificate: files.certificate.to_owned(),
            key: files.key.to_owned(),
            policies: vec![policies.to_owned()],
            settings: Settings::deny_unmatched(),
            roots: None,
            client: Client::new(ClientConfig::default())?,
            credentials: Credentials::anonymous(),
            cache: CacheConfig::standard(),
            denials: None,
            recorder: Recorder::to(std::io::sink())?,
            drain: DrainPlan {
                grace: Duration::ZERO,
                deadline: Duration::ZERO,
            },
            clock: Timestamp::now,
        })
        .await?;
        Ok(Self {
            address: server.address(),
            admin: server.admin_address(),
            life: Life::Task(tokio::spawn(async move {
                // It is ended with its door, and reports nothing to anyone.
                let _ = server.run(std::future::pending()).await;
            })),
        })
    }

    async fn start(
        mut command: Command,
        files: Files<'_>,
        address: SocketAddr,
        admin: Option<SocketAddr>,
    ) -> Result<Self> {
        let log = files.folder.join(format!("door-{}.log", address.port()));
        let file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let child = command
            .arg("--tls-cert")
            .arg(files.certificate)
            .arg("--tls-key")
            .arg(files.key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut door = Self {
            address,
            admin,
            life: Life::Process(child),
        };
        door.until_open(&log).await?;
        Ok(door)
    }

    async fn until_open(&mut self, log: &Path) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            let ended = match &mut self.life {
                Life::Process(child) => child.try_wait()?,
                Life::Task(_) => None,
            };
            if ended.is_some() || began.elapsed() > OPENS_WITHIN {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("the door did not open ({ended:?}):\n{said}");
            }
            tokio::time::sleep(BETWEEN).await;
        }
        Ok(())
    }

    /// What the door's process has used; nothing is known of a door within this one.
    pub fn process(&self) -> Result<Process> {
        match &self.life {
            Life::Process(child) => Ok(Process(child.id())),
            Life::Task(_) => bail!("a door within this process has no costs of its own"),
        }
    }

    /// The value of one series of the door's metrics, such as `countersign_x_total{label="y"}`.
    pub async fn metric(&self, series: &str) -> Result<u64> {
        let admin = self.admin.context("this door has no metrics")?;
        let answer = tokio::task::spawn_blocking(move || http::get(admin, "/metrics")).await??;
        let line = answer.body.lines().find_map(|line| line.strip_prefix(series));
        line.and_then(|rest| rest.trim().parse().ok())
            .with_context(|| format!("the door has no metric `{series}`"))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        match &mut self.life {
            Life::Process(child) => {
                // It may have ended already.
                let _ = child.kill();
                let _ = child.wait();
            }
            Life::Task(task) => task.abort(),
        }
    }
}

/// The release binary beside this one, or the one that is named.
pub fn program(named: Option<PathBuf>) -> Result<PathBuf> {
    let path = match named {
        Some(path) => path,
        None => std::env::current_exe()
            .context("cannot find this program's own path")?
            .with_file_name("countersign"),
    };
    if !path.is_file() {
        bail!(
            "{} is not there: run `cargo build --release -p countersign`, or name another with --door",
            path.display()
        );
    }
    Ok(path)
}
