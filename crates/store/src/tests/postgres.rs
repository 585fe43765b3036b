//! The real PostgreSQL, on loopback, as somebody who is not root: it refuses to run as root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::{Connection as _, PgConnection};

use crate::Address;

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
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
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
