//! The real PostgreSQL, on loopback, as somebody who is not root: it refuses to run as root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const NOBODY: u32 = 65_534;

pub(super) struct Server {
    server: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Server {
    pub(super) async fn start() -> Option<Self> {
        let Some(bin) = installed() else {
            println!("PostgreSQL is not installed (apt-get install postgresql): its cases did not run");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(dir.path()).unwrap()) == 0;
        if root {
            chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let command = |name: &str| {
            let mut command = Command::new(bin.join(name));
            command
                .current_dir(dir.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .env("LC_ALL", "C.UTF-8");
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let data = dir.path().join("data");
        let made = command("initdb")
            .args(["-A", "trust", "-U", "countersign", "-D"])
            .arg(&data)
            .status();
        assert!(made.unwrap().success(), "initdb");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut server = command("postgres");
        server
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(dir.path())
            .args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        let mut server = Self {
            server: server.spawn().unwrap(),
            port,
            _dir: dir,
        };
        while PgConnection::connect(&server.url("postgres")).await.is_err() {
            assert!(
                server.server.try_wait().unwrap().is_none(),
                "PostgreSQL ended before it answered"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(server)
    }

    fn url(&self, name: &str) -> String {
        format!("postgres://countersign@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// A database of that name, made if there is none.
    pub(super) fn address(&self, name: &str) -> Address {
        let (url, sql) = (self.url("postgres"), format!("CREATE DATABASE \"{name}\""));
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                // That it is there already is no harm.
                let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await;
            });
        });
        Address::Postgres(self.url(name))
    }
}

/// A way to the server that passes on what is said, until somebody begins a transaction: from then on nobody is answered, and
/// nobody is told so.
async fn half_open(server: &Server, is_dead: Arc<AtomicBool>) -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (own, port) = (socket.local_addr().unwrap().port(), server.port);
    tokio::spawn(async move {
        loop {
            let (client, _) = socket.accept().await.unwrap();
            let is_dead = Arc::clone(&is_dead);
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let ((mut asks, mut hears), (mut answers, mut told)) = (client.into_split(), server.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut hears).await });
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = asks.read(&mut bytes).await {
                    let begins = bytes[..length].windows(5).any(|window| window == b"BEGIN");
                    if begins && is_dead.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                    if told.write_all(&bytes[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    own
}

pub(super) async fn a_connection_that_is_half_open_holds_nobody(server: &Server) {
    let is_dead = Arc::new(AtomicBool::new(false));
    server.address("half_open");
    let port = half_open(server, Arc::clone(&is_dead)).await;
    let limits = Limits {
        acquire: Duration::from_secs(5),
        answer: Duration::from_secs(1),
        ..Limits::default()
    };
    let url = format!("postgres://countersign@127.0.0.1:{port}/half_open?sslmode=disable");
    let store = Store::open(&Address::Postgres(url), &limits).await.unwrap();
    let received = create(&store, &asked(1)).await;
    is_dead.store(true, Ordering::SeqCst);
    let stepping = step(&store, &received, Step::Seal, None);
    let stepped = tokio::time::timeout(Duration::from_secs(120), stepping).await;
    let stepped = stepped.expect("nobody waits for as long as TCP does");
    assert!(
        matches!(stepped, Err(TransitionError::Store(StoreError::TimedOut { .. }))),
        "{stepped:?}"
    );
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Debian keeps each version's programs apart.
fn installed() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?;
    let mut bins: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    bins.sort();
    bins.into_iter().rev().find(|bin| bin.join("initdb").is_file())
}
