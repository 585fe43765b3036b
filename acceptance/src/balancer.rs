//! What kube-proxy does for a Service, on one address of loopback: each new connection goes to one of the endpoints that were
//! ready a while ago, and stays there. Endpoints lag behind the truth, as they do in a cluster.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::wait::{self, SOON};

/// Between two looks at whether an endpoint is ready.
const PROBE_EVERY: Duration = Duration::from_millis(200);
/// How long a probe waits for its answer.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);
/// From a look to what comes of it: the kubelet, the API server, the endpoint controller and kube-proxy each take their time.
const LAG: Duration = Duration::from_secs(1);

/// Stops when it is dropped, with all of its connections.
pub struct Balancer {
    address: SocketAddr,
    table: Arc<Mutex<Table>>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Table {
    /// Where a door answers, and where it says whether it is ready.
    endpoints: BTreeMap<SocketAddr, SocketAddr>,
    /// Where new connections go.
    ready: Vec<SocketAddr>,
    /// How many connections went where.
    sent: BTreeMap<SocketAddr, usize>,
    /// How many came.
    accepted: usize,
}

impl Balancer {
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start a balancer")?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.context("no port is free")?;
        let address = listener.local_addr().context("a listener has no address")?;
        let table = Arc::new(Mutex::new(Table::default()));
        runtime.spawn(accept(listener, Arc::clone(&table)));
        runtime.spawn(probe(Arc::clone(&table)));
        Ok(Self {
            address,
            table,
            runtime: Some(runtime),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this door is looked at, and gets its connections once it has been ready.
    pub fn add(&self, door: SocketAddr, admin: SocketAddr) {
        locked(&self.table).endpoints.insert(door, admin);
    }

    /// Waits until new connections go to these doors and to no other.
    pub fn until_exactly(&self, doors: &[SocketAddr]) -> Result<()> {
        let mut doors = doors.to_vec();
        doors.sort_unstable();
        wait::until("the endpoints to follow", SOON, || {
            Ok((locked(&self.table).ready == doors).then_some(()))
        })
    }

    /// How many connections came so far.
    pub fn accepted(&self) -> usize {
        locked(&self.table).accepted
    }

    /// How many of them went to this door.
    pub fn sent_to(&self, door: SocketAddr) -> usize {
        locked(&self.table).sent.get(&door).copied().unwrap_or_default()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn locked(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, table: Arc<Mutex<Table>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        if let Some(door) = locked(&table).choose() {
            tokio::spawn(carry(stream, door));
        }
        // Without an endpoint the connection is refused.
    }
}

impl Table {
    fn choose(&mut self) -> Option<SocketAddr> {
        self.accepted += 1;
        // In turns: kube-proxy takes any, and a test wants all of them to be taken.
        let door = *self.ready.get(self.accepted % self.ready.len().max(1))?;
        *self.sent.entry(door).or_default() += 1;
        Some(door)
    }
}

/// What ends on one side ends on the other.
async fn carry(mut client: TcpStream, door: SocketAddr) {
    let Ok(mut door) = TcpStream::connect(door).await else {
        return;
    };
    // Waiting for more to send would add a delay that no kube-proxy adds.
    let (no_delay, nor_there) = (client.set_nodelay(true), door.set_nodelay(true));
    if no_delay.and(nor_there).is_ok() {
        copy_bidirectional(&mut client, &mut door).await.ok();
    }
}

async fn probe(table: Arc<Mutex<Table>>) {
    loop {
        let endpoints = locked(&table).endpoints.clone();
        let mut ready = Vec::new();
        for (door, admin) in endpoints {
            let answer = tokio::time::timeout(PROBE_PATIENCE, is_ready(admin)).await;
            if matches!(answer, Ok(Ok(true))) {
                ready.push(door);
            }
        }
        let table = Arc::clone(&table);
        tokio::spawn(async move {
            tokio::time::sleep(LAG).await;
            locked(&table).ready = ready;
        });
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

async fn is_ready(admin: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(admin).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split(' ').nth(1) == Some("200"))
}
